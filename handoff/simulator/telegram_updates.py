"""Updates as Telegram sends them: https://core.telegram.org/bots/api#update"""

from __future__ import annotations

import json
from collections.abc import Mapping

from handoff.simulator.courier import Call
from handoff.simulator.ledger import Choice, Entry, Handset
from handoff.simulator.retries import Policy

CHANNEL = "telegram"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the name of a header)
FILE = {"file_id": "AgACFictionalFileId", "file_unique_id": "AQFictional", "file_size": 1000}

type Json = dict[str, object]

PARTS: dict[str, Json] = {
    "voice": {"voice": FILE | {"duration": 4, "mime_type": "audio/ogg"}},
    "photo": {"photo": [FILE | {"width": 90, "height": 60}, FILE | {"width": 900, "height": 600}]},
    "location": {"location": {"latitude": 0.000001, "longitude": 0.000002}},
    "contact": {"contact": {"phone_number": "+15550100000", "first_name": "Fictional"}},
    "sticker": {
        "sticker": FILE | {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    },
    "unknown": {"dice": {"emoji": "\U0001f3b2", "value": 4}},
}


def call(url: str, secret: str, update: Mapping[str, object], policy: Policy, time_scale: float) -> Call:
    """A webhook with one update."""
    body = json.dumps(update, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json"} | ({SECRET_HEADER: secret} if secret else {})
    return Call(CHANNEL, "message", url, body, headers, policy, time_scale)


def user(handset: Handset) -> Json:
    """The person, as Telegram shows them to a bot."""
    return {
        "id": int(handset.address),
        "is_bot": False,
        "first_name": handset.name,
        "username": handset.username,
        "language_code": handset.language,
    }


def private_chat(handset: Handset) -> Json:
    """The chat of this person with the bot."""
    return {
        "id": int(handset.address),
        "type": "private",
        "first_name": handset.name,
        "username": handset.username,
    }


def message(handset: Handset, entry: Entry, date: int) -> Json:
    """A message that the person wrote."""
    shared: Json = {
        "message_id": int(entry.provider_id),
        "from": user(handset),
        "chat": private_chat(handset),
        "date": date,
    }
    if entry.kind in PARTS:
        caption: Json = {"caption": entry.text} if entry.text and entry.kind == "photo" else {}
        return shared | PARTS[entry.kind] | caption
    return shared | {"text": entry.text} | _commands(entry.text)


def _commands(text: str) -> Json:
    if not text.startswith("/"):
        return {}
    length = len(text.split()[0].encode("utf-16-le")) // 2
    return {"entities": [{"type": "bot_command", "offset": 0, "length": length}]}


def bot_message(handset: Handset, entry: Entry, bot: Json, date: int) -> Json:
    """A message that the bot wrote, as the API returns it and as a tap quotes it."""
    shown: Json = {
        "message_id": int(entry.provider_id),
        "from": bot,
        "chat": private_chat(handset),
        "date": date,
        "text": entry.text,
    }
    return shown | ({"reply_markup": keyboard(entry.choices)} if entry.choices else {})


def keyboard(choices: list[Choice]) -> Json:
    """An inline keyboard with one button in a row."""
    return {"inline_keyboard": [[{"text": each.label, "callback_data": each.token}] for each in choices]}


def member_change(handset: Handset, bot: Json, date: int, *, blocked: bool) -> Json:
    """`my_chat_member`: the person blocked or unblocked the bot."""
    member: Json = {"user": bot, "status": "member"}
    kicked: Json = {"user": bot, "status": "kicked", "until_date": 0}
    old, new = (member, kicked) if blocked else (kicked, member)
    return {
        "chat": private_chat(handset),
        "from": user(handset),
        "date": date,
        "old_chat_member": old,
        "new_chat_member": new,
    }


def added_to_group(handset: Handset, bot: Json, date: int) -> Json:
    """`my_chat_member`: the person added the bot to a group."""
    return {
        "chat": {"id": -int(handset.address), "type": "group", "title": "Fictional group"},
        "from": user(handset),
        "date": date,
        "old_chat_member": {"user": bot, "status": "left"},
        "new_chat_member": {"user": bot, "status": "member"},
    }
