"""Webhooks as Twilio sends them: form fields, status callbacks and X-Twilio-Signature.

https://www.twilio.com/docs/messaging/guides/webhook-request and https://www.twilio.com/docs/usage/security
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from urllib.parse import urldefrag, urlencode

from handoff.simulator.courier import Call
from handoff.simulator.ledger import Entry, Handset
from handoff.simulator.retries import TwilioPolicy

API_VERSION = "2010-04-01"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
# Twilio's geo fields, as plainly fictional values: what is dropped at parsing can be looked for afterwards.
GEO = {"City": "FICTIONVILLE", "State": "ZZ", "Zip": "00000", "Country": "ZZ"}
MEDIA = {"photo": "image/jpeg", "voice": "audio/ogg", "contact": "text/vcard", "sticker": "image/webp"}
PIN = {"Latitude": "0.000001", "Longitude": "0.000002", "Address": "1 Fictional Road", "Label": "Nowhere"}


def sign(token: str, url: str, form: Mapping[str, str]) -> str:
    """X-Twilio-Signature over the URL without its fragment and the fields in order of their names."""
    signed = urldefrag(url).url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def call(*, channel: str, purpose: str, url: str, form: Mapping[str, str], token: str, idempotency: str) -> Call:
    """A signed webhook. Retries of one webhook share the idempotency token."""
    headers = {
        "Content-Type": FORM,
        "X-Twilio-Signature": sign(token, url, form),
        "I-Twilio-Idempotency-Token": idempotency,
        "User-Agent": "TwilioProxy/1.1",
    }
    return Call(channel, purpose, url, urlencode(form).encode(), headers, TwilioPolicy.from_url(url))


def message_form(handset: Handset, entry: Entry, *, account: str, to: str, media_url: str) -> dict[str, str]:
    """The fields that SMS and WhatsApp messages share."""
    form = {
        "MessageSid": entry.provider_id,
        "SmsSid": entry.provider_id,
        "SmsMessageSid": entry.provider_id,
        "AccountSid": account,
        "ApiVersion": API_VERSION,
        "SmsStatus": "received",
        "From": handset.address,
        "To": to,
        "Body": entry.text,
        "NumMedia": "0",
        "NumSegments": str(max(entry.parts, 1)),
    }
    if entry.kind in MEDIA:
        form |= {"NumMedia": "1", "MediaUrl0": media_url, "MediaContentType0": MEDIA[entry.kind]}
    return form


def sms_fields() -> dict[str, str]:
    """What Twilio believes to know of where both numbers are."""
    return {end + name: value for end in ("From", "To") for name, value in GEO.items()}


def whatsapp_fields(handset: Handset, entry: Entry, replied_to: str, label: str) -> dict[str, str]:
    """What WhatsApp adds: profile, ids, a tap or a pin."""
    fields = {
        "From": f"whatsapp:{handset.address}",
        "ProfileName": handset.name,
        "ExternalUserId": f"whatsapp:{handset.scoped_id}",
        "MessageType": {"tap": "button", "photo": "image", "voice": "audio"}.get(entry.kind, entry.kind),
        "ChannelMetadata": json.dumps({"type": "whatsapp", "data": {"context": {"ProfileName": handset.name}}}),
    }
    if handset.address.startswith("+"):
        fields["WaId"] = handset.address.removeprefix("+")
    if entry.kind == "location":
        fields |= PIN | {"Body": ""}
    if entry.kind == "tap":
        fields |= {"Body": label, "ButtonText": label, "ButtonPayload": entry.payload, "ButtonType": "REPLY"}
    return fields | ({"OriginalRepliedMessageSid": replied_to} if replied_to else {})


def status_form(record: Mapping[str, str], status: str, code: str, stamp: str) -> dict[str, str]:
    """A status callback; `record` holds the sid, account, from and to of the message."""
    form = {
        "MessageSid": record["sid"],
        "SmsSid": record["sid"],
        "MessageStatus": status,
        "SmsStatus": status,
        "AccountSid": record["account"],
        "From": record["from"],
        "To": record["to"],
        "ApiVersion": API_VERSION,
    }
    if code:
        form["ErrorCode"] = code
    if not record["to"].startswith("whatsapp:"):
        return form | ({"RawDlrDoneDate": stamp} if status in ("delivered", "undelivered") else {})
    form |= {"ChannelPrefix": "whatsapp", "ChannelInstallSid": "XE" + "0" * 32, "ChannelToAddress": record["to"]}
    return form | ({"EventType": "READ"} if status == "read" else {})
