"""Webhooks as Meta sends them for WhatsApp, and X-Hub-Signature-256.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from handoff.simulator.courier import Call
from handoff.simulator.ledger import Entry, Handset
from handoff.simulator.retries import MetaPolicy

CHANNEL = "whatsapp-cloud"
ACCOUNT_ID = "100000000000001"
BUSINESS_NUMBER = "15550190001"
MEDIA = {
    "photo": ("image", "image/jpeg"),
    "voice": ("audio", "audio/ogg; codecs=opus"),
    "sticker": ("sticker", "image/webp"),
}
PIN = {"latitude": 0.000001, "longitude": 0.000002, "name": "Nowhere", "address": "1 Fictional Road"}
CARD = {
    "name": {"formatted_name": "Fictional Person", "first_name": "Fictional"},
    "phones": [{"phone": "+15550100000"}],
}


def sign(app_secret: str, body: bytes) -> str:
    """X-Hub-Signature-256 over the raw body."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def message_id(address: str, serial: int) -> str:
    """As Meta's are: the phone number stands in it, in base64. That is why ids are personal data."""
    return "wamid." + base64.b64encode(f"{address.removeprefix('+')}\x02{serial:016x}".encode()).decode()


def call(url: str, purpose: str, value: Mapping[str, object], *, secret: str, time_scale: float) -> Call:
    """A signed webhook with one change."""
    change = {"field": "messages", "value": value}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": [change]}]}
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": sign(secret, body),
        "User-Agent": "facebookexternalua",
    }
    return Call(CHANNEL, purpose, url, body, headers, MetaPolicy(), time_scale)


def envelope(number_id: str) -> dict[str, object]:
    """What every change carries."""
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": BUSINESS_NUMBER, "phone_number_id": number_id},
    }


def sender_fields(handset: Handset) -> tuple[dict[str, object], dict[str, object]]:
    """(contact, sender fields of the message). Someone with a user name only has no phone number in either."""
    contact: dict[str, object] = {"profile": {"name": handset.name}, "user_id": handset.scoped_id}
    sender: dict[str, object] = {"from_user_id": handset.scoped_id}
    if handset.address.startswith("+"):
        digits = handset.address.removeprefix("+")
        return contact | {"wa_id": digits}, {"from": digits} | sender
    contact["profile"] = {"name": handset.name, "username": handset.username}
    return contact, sender


def content(entry: Entry, *, business: str, replied_to: str, choice: Mapping[str, str]) -> dict[str, object]:
    """`type` and the part that it names. `choice` is the tapped option: type, id, title, description."""
    if entry.kind == "text":
        return {"type": "text", "text": {"body": entry.text}}
    if entry.kind == "tap":
        shape = choice["type"]
        reply = {name: value for name, value in choice.items() if name != "type" and value}
        context = {"from": business, "id": replied_to}
        return {"type": "interactive", "interactive": {"type": shape, shape: reply}, "context": context}
    if entry.kind in MEDIA:
        name, mime = MEDIA[entry.kind]
        digest = base64.b64encode(hashlib.sha256(entry.provider_id.encode()).digest()).decode()
        media = {"id": f"9{entry.number:015d}", "mime_type": mime, "sha256": digest}
        caption = {"caption": entry.text} if entry.text and entry.kind == "photo" else {}
        return {"type": name, name: media | caption | ({"voice": True} if entry.kind == "voice" else {})}
    return OTHERS[entry.kind] | _about(entry, replied_to)


def _about(entry: Entry, replied_to: str) -> dict[str, object]:
    if entry.kind == "reaction":
        return {"reaction": {"message_id": replied_to, "emoji": entry.text or "\U0001f44d"}}
    if entry.kind == "revoke":
        return {"revoke": {"original_message_id": replied_to}}
    return {}


OTHERS: dict[str, dict[str, object]] = {
    "location": {"type": "location", "location": PIN},
    "contact": {"type": "contacts", "contacts": [CARD]},
    "reaction": {"type": "reaction"},
    "revoke": {"type": "revoke"},
    "unknown": {
        "type": "unsupported",
        "errors": [{"code": 131051, "title": "Message type unknown", "message": "Message type unknown"}],
    },
    "new_number": {
        "type": "system",
        "system": {"body": "User changed number", "wa_id": "15550100000", "type": "user_changed_number"},
    },
}
