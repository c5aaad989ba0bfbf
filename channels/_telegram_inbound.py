"""What an update of the Bot API means (core.telegram.org/bots/api#update).

Names and coordinates are left behind here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels._reading import Json, Unreadable, child, clean, identifier, read_json, timestamp
from handoff.core.message import Event, Incoming, Kind, Reachability

# What is in a message, in the order of looking. Videos and documents count as photos: not opened. A round video is
# somebody speaking. A sticker, a die or a poll says nothing that we could read.
KINDS = {
    "voice": Kind.VOICE,
    "audio": Kind.VOICE,
    "video_note": Kind.VOICE,
    "photo": Kind.PHOTO,
    "live_photo": Kind.PHOTO,
    "video": Kind.PHOTO,
    "animation": Kind.PHOTO,
    "document": Kind.PHOTO,
    "paid_media": Kind.PHOTO,
    "story": Kind.PHOTO,
    "venue": Kind.LOCATION,
    "location": Kind.LOCATION,
    "contact": Kind.CONTACT,
}
# Telegram's own notices, which nobody waits to have answered. Any other message without text is a kind that a person
# chose to send and that we cannot read.
NOTICES = frozenset(
    {
        *("new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo"),
        *("group_chat_created", "supergroup_chat_created", "channel_chat_created", "migrate_to_chat_id"),
        *("migrate_from_chat_id", "pinned_message", "message_auto_delete_timer_changed", "successful_payment"),
        *("refunded_payment", "users_shared", "chat_shared", "gift", "unique_gift", "gift_upgrade_sent"),
        *("connected_website", "write_access_allowed", "passport_data", "proximity_alert_triggered", "boost_added"),
        *("chat_background_set", "checklist_tasks_done", "checklist_tasks_added", "giveaway_created"),
        *("giveaway_winners", "giveaway_completed", "paid_message_price_changed", "direct_message_price_changed"),
        *("poll_option_added", "poll_option_deleted", "managed_bot_created", "web_app_data", "chat_owner_left"),
        *("chat_owner_changed", "video_chat_scheduled", "video_chat_started", "video_chat_ended"),
        *("video_chat_participants_invited", "forum_topic_created", "forum_topic_edited", "forum_topic_closed"),
        *("forum_topic_reopened", "general_forum_topic_hidden", "general_forum_topic_unhidden"),
        *("suggested_post_approved", "suggested_post_approval_failed", "suggested_post_declined"),
        *("suggested_post_paid", "suggested_post_refunded"),
    }
)


@dataclass(frozen=True, slots=True)
class TelegramReader:
    """Reads the updates of one bot."""

    channel: str
    account: str

    def read(self, body: bytes) -> Sequence[Event]:
        """The events of one update; [] for kinds that we did not ask for. Raises Unreadable."""
        update = read_json(body)
        if not isinstance(update, dict):
            raise Unreadable("no_object")
        update_id = identifier(update, "update_id")
        if not update_id:
            raise Unreadable("no_id")
        readers = {
            "message": self._message,
            "edited_message": self._edit,
            "callback_query": self._tap,
            "my_chat_member": self._member,
        }
        for name, read in readers.items():
            if name in update:
                return read(child(update, name), update_id)
        return []

    def _message(self, message: Json, update_id: str) -> Sequence[Event]:
        address = _private_chat(message)
        if not address or _from_bot(message) or NOTICES & message.keys():
            return []
        kind = next((kind for name, kind in KINDS.items() if name in message), None)
        text = clean(message.get("text")) or clean(message.get("caption"))
        group = identifier(message, "media_group_id")
        if kind is None:
            return [self._incoming(message, address, update_id, Kind.TEXT if text.strip() else Kind.UNKNOWN, text)]
        if group:
            return self._album_item(message, address, update_id, kind=kind, text=text, group=group)
        return [self._incoming(message, address, update_id, kind, text)]

    def _album_item(
        self, message: Json, address: str, update_id: str, *, kind: Kind, text: str, group: str
    ) -> Sequence[Event]:
        """An album comes as one update for each picture and must count once (SAFETY §2).

        All its pictures get the album's id as their provider id, so that the inbox keeps the first and takes the rest
        for duplicates. A caption, whichever picture it hangs on, comes as a text of its own: nobody's words are lost.
        """
        picture = Incoming(
            *(self.channel, self.account, "telegram", address, f"album:{group}", kind),
            sent_at=timestamp(message.get("date")),
        )
        words = [self._incoming(message, address, update_id, Kind.TEXT, text)] if text.strip() else []
        return [picture, *words]

    def _incoming(self, message: Json, address: str, update_id: str, kind: Kind, text: str) -> Incoming:
        """The update's id keeps duplicates apart; the message's id, after the colon, is what deleting will need."""
        sent_at = timestamp(message.get("edit_date") or message.get("date"))
        provider_id = f"{update_id}:{identifier(message, 'message_id')}"
        where = (self.channel, self.account, "telegram")
        return Incoming(*where, address, provider_id, kind, text=text, sent_at=sent_at)

    def _edit(self, message: Json, update_id: str) -> Sequence[Event]:
        """A changed text or caption. A live location edits itself as the person moves: that is no message."""
        address = _private_chat(message)
        text = clean(message.get("text")) or clean(message.get("caption"))
        if not address or _from_bot(message) or "location" in message or not text.strip():
            return []
        return [self._incoming(message, address, update_id, Kind.EDIT, text)]

    def _tap(self, query: Json, update_id: str) -> Sequence[Event]:
        message = child(query, "message")
        address = _private_chat(message) if message else identifier(child(query, "from"), "id")
        payload = clean(query.get("data"))
        if not address or not payload or _from_bot(query):
            return []
        where = (self.channel, self.account, "telegram")
        token = identifier(query, "id")
        return [Incoming(*where, address, update_id, Kind.TAP, payload=payload, ack_token=token)]

    def _member(self, change: Json, update_id: str) -> Sequence[Event]:
        """The person blocked the bot ("kicked") or took it back ("member")."""
        address = _private_chat(change)
        status = clean(child(change, "new_chat_member").get("status"))
        if not address or status not in ("kicked", "member"):
            return []
        return [Reachability(self.channel, self.account, "telegram", address, blocked=status == "kicked")]


def _private_chat(item: Json) -> str:
    """The id of the private chat, "" for a group or channel. Raises Unreadable where there is no chat at all."""
    chat = child(item, "chat")
    number = chat.get("id")
    if not isinstance(number, int) or isinstance(number, bool):
        raise Unreadable("no_sender")
    return identifier(chat, "id") if chat.get("type") == "private" else ""


def _from_bot(item: Json) -> bool:
    return child(item, "from").get("is_bot") is True
