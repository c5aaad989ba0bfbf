"""WhatsApp by Meta's Cloud API: what comes in, what goes out."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from handoff.core import message as m
from handoff.core.channel import Misconfigured, Rejected, RetryLater, Throttled, WindowClosed
from tests.channels.fake_server import Answer
from tests.channels.harness import CANARY_TEXT, PERSON, PHONE_NUMBER_ID, Receiving, Sending, Table, meta_signature

MESSAGES = f"/v23.0/{PHONE_NUMBER_ID}/messages"
SCOPED = "US.13490000000000000001"
WHEN = datetime(2025, 11, 23, tzinfo=UTC)
WHO = ("whatsapp-cloud", PHONE_NUMBER_ID)
came = partial(m.Incoming, *WHO, "whatsapp", PERSON, "wamid.A1", sent_at=WHEN)
status = partial(m.StatusUpdate, *WHO, "wamid.S1")
poison = partial(m.Poison, *WHO)
HELLO = m.Outgoing(PHONE_NUMBER_ID, PERSON, "Hello. مرحبا")
OPTIONS = (m.Option("p1.1", "Check an offer"), m.Option("p1.2", "Find help"), m.Option("p1.9", "A person"))
LONG_LABEL = "Find a service near to where I am now"
COMMON = {"messaging_product": "whatsapp", "recipient_type": "individual"}
TEXT = COMMON | {"to": PERSON, "type": "text", "text": {"preview_url": False, "body": HELLO.text}}
TAKEN = Answer(
    200,
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": PERSON, "wa_id": "15550001111"}],
        "messages": [{"id": "wamid.S1"}],
    },
)


def refused(code: int, status: int = 400) -> Answer:
    """An error as Meta words it: with the person's number in its details."""
    error = {
        "message": f"(#{code}) {PERSON}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"details": PERSON},
    }
    return Answer(status, {"error": error})


def reply(option: m.Option) -> dict[str, object]:
    return {"type": "reply", "reply": {"id": option.token, "title": option.label}}


BUTTONS = {"type": "button", "body": {"text": "Choose"}, "action": {"buttons": [reply(o) for o in OPTIONS]}}
ROWS = [{"id": o.token, "title": o.label} for o in OPTIONS]
LIST = {
    "type": "list",
    "body": {"text": "Choose"},
    "action": {
        "button": "Open",
        "sections": [
            {"rows": [*ROWS, {"id": "p1.4", "title": "Find a service near to …", "description": LONG_LABEL}]},
        ],
    },
}

INCOMING = (
    Receiving("a text", "text.json", [came(m.Kind.TEXT, text=CANARY_TEXT)]),
    Receiving("a time in milliseconds", "milliseconds.json", [came(m.Kind.TEXT, text="hello")]),
    Receiving(
        "a person without a number",
        "scoped_id.json",
        [m.Incoming(*WHO, "whatsapp", SCOPED, "wamid.A1", m.Kind.TEXT, text="hello", sent_at=WHEN)],
    ),
    Receiving("a tapped button", "button.json", [came(m.Kind.TAP, text="Check an offer", payload="p1.1")]),
    Receiving("a picked row", "list.json", [came(m.Kind.TAP, text="Find help", payload="p1.4")]),
    Receiving("a template's quick reply", "quick_reply.json", [came(m.Kind.TAP, text="Later", payload="p1.2")]),
    Receiving("a form that we never sent", "form_reply.json", [came(m.Kind.UNKNOWN)]),
    Receiving("a voice note", "voice.json", [came(m.Kind.VOICE)]),
    Receiving("a caption", "photo_with_caption.json", [came(m.Kind.PHOTO, text="the contract they gave me")]),
    Receiving("a photo without words", "photo_without_text.json", [came(m.Kind.PHOTO)]),
    Receiving("a document", "document.json", [came(m.Kind.PHOTO, text="my papers")]),
    Receiving("a video", "video.json", [came(m.Kind.PHOTO)]),
    Receiving("a sticker", "sticker.json", [came(m.Kind.UNKNOWN)]),
    Receiving("a location", "location.json", [came(m.Kind.LOCATION)]),
    Receiving("a contact card", "contacts.json", [came(m.Kind.CONTACT)]),
    Receiving("an edit", "edit.json", [came(m.Kind.EDIT, text="I meant Friday")]),
    Receiving("what Meta itself cannot pass on", "unsupported.json", [came(m.Kind.UNKNOWN)]),
    Receiving("an order", "order.json", [came(m.Kind.UNKNOWN)]),
    Receiving("a reaction waits for no answer", "reaction.json", []),
    Receiving("a message taken back", "revoke.json", []),
    Receiving("a group", "group.json", []),
    Receiving("our own number is never answered", "own_number.json", []),
    Receiving("another number of the same app", "other_number.json", []),
    Receiving("an error of the account", "account_error.json", []),
    Receiving(
        "a number that was given away",
        "number_changed.json",
        [m.Reachability(*WHO, "whatsapp", PERSON, blocked=True)],
    ),
    Receiving("a notice about a group's settings", "system_notice.json", []),
    Receiving("a message from nobody", "no_sender.json", [poison("no_sender", b"")]),
    Receiving(
        "one bad item among good ones",
        "one_bad_item.json",
        [
            came(m.Kind.TEXT, text="first"),
            poison("no_object", b""),
            poison("no_id", b""),
            m.Incoming(*WHO, "whatsapp", PERSON, "wamid.A2", m.Kind.TEXT, text="second", sent_at=WHEN),
            status(m.SendState.READ),
        ],
    ),
    Receiving(
        "several people in a batch",
        "several_people.json",
        [
            came(m.Kind.TEXT, text="one"),
            m.Incoming(*WHO, "whatsapp", "+15550002222", "wamid.B1", m.Kind.TEXT, text="two", sent_at=WHEN),
        ],
    ),
    Receiving("sent", "status_sent.json", [status(m.SendState.SENT)]),
    Receiving("delivered", "status_delivered.json", [status(m.SendState.DELIVERED)]),
    Receiving("read", "status_read.json", [status(m.SendState.READ)]),
    Receiving("played", "status_played.json", [status(m.SendState.READ)]),
    Receiving("failed", "status_failed.json", [status(m.SendState.FAILED, code="131026")]),
    Receiving("a status at the status URL", "status_read.json", [status(m.SendState.READ)], status=True),
    Receiving("a status that says nothing", "unknown_status.json", []),
)

OUTGOING = (
    Sending("a text", HELLO, [TAKEN], [("POST", MESSAGES, TEXT)], expect_id="wamid.S1"),
    Sending(
        "to a person without a number",
        m.Outgoing(PHONE_NUMBER_ID, SCOPED, HELLO.text),
        [TAKEN],
        [("POST", MESSAGES, COMMON | {"recipient": SCOPED, "type": "text", "text": TEXT["text"]})],
        expect_id="wamid.S1",
    ),
    Sending(
        "three options are buttons",
        m.Outgoing(PHONE_NUMBER_ID, PERSON, "Choose", OPTIONS, list_button="Open"),
        [TAKEN],
        [("POST", MESSAGES, COMMON | {"to": PERSON, "type": "interactive", "interactive": BUTTONS})],
        expect_id="wamid.S1",
    ),
    Sending(
        "four options are a list",
        m.Outgoing(PHONE_NUMBER_ID, PERSON, "Choose", (*OPTIONS, m.Option("p1.4", LONG_LABEL)), list_button="Open"),
        [TAKEN],
        [("POST", MESSAGES, COMMON | {"to": PERSON, "type": "interactive", "interactive": LIST})],
        expect_id="wamid.S1",
    ),
    Sending(
        "more options than a list has",
        m.Outgoing(PHONE_NUMBER_ID, PERSON, "Choose", tuple(m.Option(f"p{n}", str(n)) for n in range(11))),
        [TAKEN],
        expect_error=Rejected("too_many_options"),
    ),
    Sending("outside the window", HELLO, [refused(131047)], expect_error=WindowClosed("131047")),
    Sending("too fast for one person", HELLO, [refused(131056)], expect_error=Throttled("131056", 4.0)),
    Sending("a spam limit", HELLO, [refused(131048, 429)], expect_error=Throttled("131048", 600.0)),
    Sending("wrong token", HELLO, [refused(190, 401)], expect_error=Misconfigured("190")),
    Sending("account locked", HELLO, [refused(131031, 403)], expect_error=Misconfigured("131031")),
    Sending("a passing fault", HELLO, [refused(131016)], expect_error=RetryLater("131016")),
    Sending("a wrong parameter", HELLO, [refused(100)], expect_error=Rejected("100")),
    Sending(
        "no message in the answer", HELLO, [Answer(200, {})], expect_error=RetryLater("bad_answer", maybe_sent=True)
    ),
    Sending("an error page", HELLO, [Answer(502, b"<html>")], expect_error=RetryLater("502", maybe_sent=True)),
)

TABLE = Table(
    channel="whatsapp-cloud",
    sign=meta_signature,
    valid="text.json",
    unknown_event="unknown_event.json",
    poison=b'{"object": "canary-words-nobody-may-log',
    canary="text.json",
    message=HELLO,
    taken=TAKEN,
    throttled=refused(130429, 429),
    throttled_for_s=1.0,
    failing=refused(131000, 500),
    # Meta never says that a person blocked us: a block is "undeliverable", as a dead number is.
    opted_out=refused(131026),
    opted_out_error=Rejected("131026"),
    incoming=INCOMING,
    outgoing=OUTGOING,
    statuses_out_of_order=("status_read.json", "status_sent.json", "status_delivered.json"),
)
