"""WhatsApp by Meta's Cloud API.

Albums come as separate messages without a common id, so each photo of one counts. A message on a number that serves
another programme of the same Meta app is not ours and is left alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from channels._address import is_scoped
from channels._http import TIMEOUT_S, Answer, Transport, silence_clients
from channels._meta_errors import send_error
from channels._meta_inbound import MetaReader
from channels._reading import child, children, identifier, poisoned
from channels._settings import required
from handoff.core.channel import Acknowledgement, BadSignature, Limits, RawRequest, Rejected, RetryLater
from handoff.core.message import Event, Incoming, Option, Outgoing, Receipt
from handoff.settings import Settings

MAX_BUTTONS, MAX_BUTTON_LABEL = 3, 20
MAX_ROWS, MAX_ROW_LABEL, MAX_ROW_DESCRIPTION = 10, 24, 72


class WhatsAppCloud:
    """One phone number id of a WhatsApp Business Account.

    `limits.max_text` is that of a message with options; a plain text could have 4096 characters. Meta lets one person
    get a message every 6 s, with 45 in a burst; that is far above the pace of a conversation.
    """

    name = "whatsapp-cloud"
    network = "whatsapp"
    acknowledgement = Acknowledgement()
    limits = Limits(
        style="whatsapp",
        max_text=1024,
        max_buttons=MAX_BUTTONS,
        max_button_label=MAX_BUTTON_LABEL,
        max_rows=MAX_ROWS,
        max_row_label=MAX_ROW_LABEL,
        rate=80.0,
        pair_rate=1.0,
        stale_after=timedelta(hours=1),
        answer_after=timedelta(minutes=30),
        window=timedelta(hours=24),
    )

    def __init__(self, settings: Settings, *, timeout_s: float = TIMEOUT_S) -> None:
        silence_clients()
        self.account = required(settings, "meta_phone_number_id")
        self._app_secret = settings.secret("meta_app_secret").encode()
        self._verify_token = settings.secret("meta_verify_token").encode()
        self._access_token = settings.secret("meta_access_token")
        self._reader = MetaReader(self.name, self.account)
        root = f"{settings.meta_api_url.rstrip('/')}/{settings.meta_api_version}"
        self._root = root
        self._messages_url = f"{root}/{self.account}/messages"
        self._headers = {
            "Authorization": f"Bearer {self._access_token}",
            "Content-Type": "application/json",
            "User-Agent": "Amana/1.0.0",
        }
        self._transport = Transport(settings.meta_api_url, timeout_s=timeout_s)

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """Meta's challenge, when it knows our verify token."""
        token = query.get("hub.verify_token", "").encode("utf-8", "replace")
        if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(token, self._verify_token):
            return None
        return query.get("hub.challenge", "")

    def receive(self, request: RawRequest) -> Sequence[Event]:
        """Verify the raw bytes, then read each item of the batch for itself. Raises BadSignature."""
        given = request.headers.get("x-hub-signature-256", "").encode("utf-8", "replace")
        expected = b"sha256=" + hmac.new(self._app_secret, request.body, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(given, expected):
            raise BadSignature
        return poisoned(self.name, self.account, request.body, lambda: self._reader.read(request.body))

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        """Meta sends statuses to the same URL as messages."""
        return self.receive(request)

    async def send(self, message: Outgoing) -> Receipt:
        """Send one text, with reply buttons or a list for its options. Raises SendError.

        `validity_s` only stops what is over already: Meta takes no validity outside templates and keeps trying for
        30 days, which is why no reply may hold a sensitive word.
        """
        if message.validity_s is not None and message.validity_s < 1:
            raise Rejected("expired")
        answer = await self._post(self._messages_url, self._body(message))
        sent = children(answer, "messages")
        first = sent[0] if sent else None
        wamid = identifier(first, "id") if isinstance(first, dict) else ""
        if not wamid:
            raise RetryLater("bad_answer", maybe_sent=True)
        return Receipt(wamid)

    def _body(self, message: Outgoing) -> dict[str, Any]:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
        # Without "+" Meta puts our own country code before the number: the message would reach a stranger.
        body["recipient" if is_scoped(message.address) else "to"] = message.address
        if message.options:
            return body | {"type": "interactive", "interactive": _interactive(message)}
        return body | {"type": "text", "text": {"preview_url": False, "body": message.text}}

    async def acknowledge(self, incoming: Incoming) -> None:
        """Nothing: a read receipt (blue ticks) would only tell who holds the phone that the message was seen."""

    async def catch_up(self, since: datetime) -> Sequence[Incoming]:
        """Meta retries for seven days and has no list of what was missed."""
        return []

    async def connect(self, public_base_url: str) -> Sequence[str]:
        """Subscribe the app to the account's webhooks and say what to enter by hand. Raises SendError."""
        lines = [f"{self.name}: app subscribed to the WhatsApp account" for _ in await self._subscribe()]
        return [
            *(
                lines
                or [f"{self.name}: the token names no WhatsApp account; subscribe the app to it in Meta's console"]
            ),
            f"{self.name}: in Meta's console (WhatsApp, Configuration) set the callback URL to "
            f"{public_base_url.rstrip('/')}/webhooks/{self.name}, the verify token to the value of "
            "AMANA_META_VERIFY_TOKEN, and subscribe to the field: messages",
        ]

    async def _subscribe(self) -> Sequence[str]:
        """The accounts that the token may message for, each subscribed. Meta's token check is what names them."""
        answer = await self._call("GET", f"{self._root}/debug_token?{urlencode({'input_token': self._access_token})}")
        scopes = [scope for scope in children(child(answer, "data"), "granular_scopes") if isinstance(scope, dict)]
        ids = {
            str(target)
            for scope in scopes
            if scope.get("scope") == "whatsapp_business_management"
            for target in children(scope, "target_ids")
        }
        for account in sorted(ids):
            await self._post(f"{self._root}/{account}/subscribed_apps", {})
        return sorted(ids)

    async def aclose(self) -> None:
        """Close connections."""
        await self._transport.aclose()

    async def _post(self, url: str, body: Mapping[str, Any]) -> dict[str, object]:
        # Compact and in UTF-8: Arabic would be three times as long when escaped.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return await self._call("POST", url, content)

    async def _call(self, method: str, url: str, body: bytes | None = None) -> dict[str, object]:
        """One call. Raises SendError, never with Meta's words in it."""
        response = await self._transport.call(method, url, headers=self._headers, body=body)
        answer = _object(response)
        if 200 <= response.status < 300 and answer is not None:
            return answer
        raise send_error(response.status, answer or {}, response.headers.get("retry-after", ""))


def _object(response: Answer) -> dict[str, object] | None:
    try:
        value = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _interactive(message: Outgoing) -> dict[str, Any]:
    """Reply buttons when all labels fit on them, else a list. Raises Rejected for more options than a list has."""
    labels = [option.label for option in message.options]
    fit = all(0 < len(label) <= MAX_BUTTON_LABEL for label in labels) and len(set(labels)) == len(labels)
    if fit and len(labels) <= MAX_BUTTONS:
        buttons = [{"type": "reply", "reply": {"id": o.token, "title": o.label}} for o in message.options]
        return {"type": "button", "body": {"text": message.text}, "action": {"buttons": buttons}}
    if len(labels) > MAX_ROWS:
        raise Rejected("too_many_options")
    action = {
        # A list must have a label to open it; the dots stand in where the renderer gave none.
        "button": message.list_button[:MAX_BUTTON_LABEL] or "…",
        "sections": [{"rows": [_row(option) for option in message.options]}],
    }
    return {"type": "list", "body": {"text": message.text}, "action": action}


def _row(option: Option) -> dict[str, str]:
    """A row of a list; a label that is too long for it is cut there and whole in the line below."""
    if len(option.label) <= MAX_ROW_LABEL:
        return {"id": option.token, "title": option.label}
    title = option.label[: MAX_ROW_LABEL - 1] + "…"
    return {"id": option.token, "title": title, "description": option.label[:MAX_ROW_DESCRIPTION]}
