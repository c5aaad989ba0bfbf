"""What a webhook of the Cloud API means (Meta: webhooks/reference/messages, business-scoped-user-ids)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from channels._address import normalise
from channels._reading import Json, Unreadable, child, children, clean, identifier, poisoned, read_json, timestamp
from handoff.core.message import Event, Incoming, Kind, Poison, Reachability, SendState, StatusUpdate

# Videos and documents count as photos: not opened. A sticker says nothing that we could read.
KINDS = {
    "text": Kind.TEXT,
    "button": Kind.TAP,
    "interactive": Kind.TAP,
    "audio": Kind.VOICE,
    "voice": Kind.VOICE,
    "image": Kind.PHOTO,
    "video": Kind.PHOTO,
    "document": Kind.PHOTO,
    "location": Kind.LOCATION,
    "contacts": Kind.CONTACT,
    "edit": Kind.EDIT,
}
# Nobody waits for an answer to these.
IGNORED = frozenset({"reaction", "revoke", "request_welcome", "ephemeral_setting"})
STATES = {
    "sent": SendState.SENT,
    "delivered": SendState.DELIVERED,
    "read": SendState.READ,
    "played": SendState.READ,
    "failed": SendState.FAILED,
}


@dataclass(frozen=True, slots=True)
class MetaReader:
    """Reads batches for one phone number id. Profile names and coordinates are left behind here."""

    channel: str
    account: str

    def read(self, body: bytes) -> Sequence[Event]:
        """All events of a batch; an item that cannot be read becomes a Poison beside the good ones.

        Raises Unreadable when the batch itself is broken.
        """
        batch = read_json(body)
        if not isinstance(batch, dict):
            raise Unreadable("no_object")
        events: list[Event] = []
        for value in self._values(batch):
            own = normalise(identifier(child(value, "metadata"), "display_phone_number"))
            for item in children(value, "messages"):
                events += self._apart(item, own=own)
            for item in children(value, "statuses"):
                events += self._apart(item, own=None)
        return events

    def _values(self, batch: Json) -> Iterator[Json]:
        """The values of `messages` changes that are for our number."""
        entries = [entry for entry in children(batch, "entry") if isinstance(entry, dict)]
        changes = [change for entry in entries for change in children(entry, "changes") if isinstance(change, dict)]
        for change in changes:
            value = child(change, "value")
            ours = identifier(child(value, "metadata"), "phone_number_id") == self.account
            if change.get("field") == "messages" and ours:
                yield value

    def _apart(self, item: object, *, own: str | None) -> Sequence[Event]:
        """One item read for itself. `own` is our number for a message, None for a status."""
        events = poisoned(self.channel, self.account, b"", lambda: self._item(item, own))
        return [
            replace(event, body=json.dumps(item).encode()) if isinstance(event, Poison) else event for event in events
        ]

    def _item(self, item: object, own: str | None) -> Sequence[Event]:
        if not isinstance(item, dict):
            raise Unreadable("no_object")
        return self._status(item) if own is None else self._message(item, own)

    def _message(self, message: Json, own: str) -> Sequence[Event]:
        kind_name = clean(message.get("type"))
        if kind_name in IGNORED or message.get("group_id"):
            return []
        raw = identifier(message, "from") or identifier(message, "from_user_id")
        if not raw:
            raise Unreadable("no_sender")
        address = normalise(raw)
        if not address or address == own:
            return []
        if kind_name == "system":
            return self._moved(message, address)
        wamid = identifier(message, "id")
        if not wamid:
            raise Unreadable("no_id")
        kind, text, payload = _content(message, kind_name)
        sent_at = timestamp(message.get("timestamp"))
        where = (self.channel, self.account, "whatsapp")
        return [Incoming(*where, address, wamid, kind, text=text, payload=payload, sent_at=sent_at)]

    def _moved(self, message: Json, address: str) -> Sequence[Event]:
        """The person has a new number or phone: the old address may soon be a stranger's, so nothing goes there.

        The new one starts as somebody unknown, as a handed-over phone must.
        """
        if clean(child(message, "system").get("type")) not in ("user_changed_number", "user_changed_user_id"):
            return []
        return [Reachability(self.channel, self.account, "whatsapp", address, blocked=True)]

    def _status(self, status: Json) -> Sequence[Event]:
        state = STATES.get(clean(status.get("status")))
        if state is None:
            return []
        wamid = identifier(status, "id")
        if not wamid:
            raise Unreadable("no_id")
        errors = [error for error in children(status, "errors") if isinstance(error, dict)]
        code = identifier(errors[0], "code") if errors else ""
        return [StatusUpdate(self.channel, self.account, wamid, state, code=code if code.isalnum() else "")]


def _content(message: Json, kind_name: str) -> tuple[Kind, str, str]:
    """(kind, text, payload). A caption is the text of a photo, never a text of its own."""
    kind = KINDS.get(kind_name, Kind.UNKNOWN)
    part = child(message, kind_name)
    if kind is Kind.TEXT:
        text = clean(part.get("body"))
        return (Kind.TEXT if text.strip() else Kind.UNKNOWN), text, ""
    if kind_name == "button":
        return _tap(clean(part.get("text")), clean(part.get("payload")))
    if kind_name == "interactive":
        reply = child(part, "button_reply") or child(part, "list_reply")
        return _tap(clean(reply.get("title")), identifier(reply, "id"))
    if kind is Kind.EDIT:
        edited = child(part, "message")
        kind_inside = clean(edited.get("type"))
        inside = child(edited, kind_inside)
        return Kind.EDIT, clean(inside.get("body")) or clean(inside.get("caption")), ""
    return kind, clean(part.get("caption")), ""


def _tap(label: str, payload: str) -> tuple[Kind, str, str]:
    """A tap without the token that we gave it (a form, a request for a contact) is nothing that we offered."""
    return (Kind.TAP, label, payload) if payload else (Kind.UNKNOWN, label, "")
