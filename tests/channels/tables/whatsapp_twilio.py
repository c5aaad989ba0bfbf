"""WhatsApp by Twilio: what comes in, what goes out."""

from __future__ import annotations

from functools import partial

from handoff.core import message as m
from handoff.core.channel import Misconfigured, OptedOut, Rejected, Throttled, WindowClosed
from tests.channels.harness import (
    CANARY_TEXT,
    PERSON,
    PUBLIC,
    WHATSAPP_NUMBER,
    Receiving,
    Sending,
    Table,
    twilio_signature,
)
from tests.channels.tables.twilio_answers import MESSAGES, SENT_SID, created, refused

SID = "SM" + "0" * 31 + "1"
SCOPED = "US.13490000000000000001"
WHO = ("whatsapp-twilio", WHATSAPP_NUMBER)
came = partial(m.Incoming, *WHO, "whatsapp", PERSON, SID)
status = partial(m.StatusUpdate, *WHO, SENT_SID)
HELLO = m.Outgoing(WHATSAPP_NUMBER, PERSON, "Hello. 1 Menu 2 Go on")
CALLBACK = f"{PUBLIC}/webhooks/whatsapp-twilio/status"
SENT = {
    "To": f"whatsapp:{PERSON}",
    "From": f"whatsapp:{WHATSAPP_NUMBER}",
    "Body": HELLO.text,
    "StatusCallback": CALLBACK,
}

INCOMING = (
    Receiving("a text", "text.form", [came(m.Kind.TEXT, text=CANARY_TEXT)]),
    Receiving("a sender without the prefix", "missing_prefix.form", [came(m.Kind.TEXT, text="hello")]),
    Receiving("a + that was not encoded", "lost_plus.form", [came(m.Kind.TEXT, text="hello")]),
    Receiving(
        "a person without a number",
        "scoped_id.form",
        [m.Incoming(*WHO, "whatsapp", SCOPED, SID, m.Kind.TEXT, text="hello")],
    ),
    Receiving("a tapped button", "button.form", [came(m.Kind.TAP, text="Check an offer", payload="p1.1")]),
    Receiving("a picked row", "list.form", [came(m.Kind.TAP, text="Check an offer", payload="p1.2")]),
    Receiving("STOP is ours to answer", "stop.form", [came(m.Kind.TEXT, text="STOP")]),
    Receiving(
        "STOP with Advanced Opt-Out", "advanced_stop.form", [came(m.Kind.OPT_OUT, text="STOP", provider_replied=True)]
    ),
    Receiving("a location", "location.form", [came(m.Kind.LOCATION)]),
    Receiving("a voice note", "voice.form", [came(m.Kind.VOICE)]),
    Receiving("a photo without words", "photo_without_text.form", [came(m.Kind.PHOTO)]),
    Receiving("a document", "document.form", [came(m.Kind.PHOTO, text="my papers")]),
    Receiving("a contact card", "contact.form", [came(m.Kind.CONTACT)]),
    Receiving("a sticker", "sticker.form", [came(m.Kind.UNKNOWN)]),
    Receiving("forwarded, from an advertisement", "from_an_ad.form", [came(m.Kind.TEXT, text="hello")]),
    Receiving("our own number is never answered", "own_number.form", []),
    Receiving("sent", "status_sent.form", [status(m.SendState.SENT)], status=True),
    Receiving("delivered", "status_delivered.form", [status(m.SendState.DELIVERED)], status=True),
    Receiving("read", "status_read.form", [status(m.SendState.READ)], status=True),
    Receiving(
        "blocked by the person",
        "status_blocked.form",
        [status(m.SendState.FAILED, code="63033", opted_out=True)],
        status=True,
    ),
    Receiving("outside the window", "status_window.form", [status(m.SendState.FAILED, code="63016")], status=True),
)

OUTGOING = (
    Sending("a text", HELLO, [created()], [("POST", MESSAGES, SENT)], expect_id=SENT_SID),
    Sending(
        "to a person without a number",
        m.Outgoing(WHATSAPP_NUMBER, SCOPED, HELLO.text),
        [created("accepted")],
        [("POST", MESSAGES, SENT | {"To": f"whatsapp:{SCOPED}"})],
        expect_id=SENT_SID,
    ),
    Sending("outside the window", HELLO, [refused(63016)], expect_error=WindowClosed("63016")),
    Sending("too fast for the sender", HELLO, [refused(63018, 429)], expect_error=Throttled("63018", 2.0)),
    Sending("not on WhatsApp", HELLO, [refused(63003)], expect_error=Rejected("63003")),
    Sending("sender not ours", HELLO, [refused(63007)], expect_error=Misconfigured("63007")),
)

TABLE = Table(
    channel="whatsapp-twilio",
    sign=twilio_signature,
    valid="text.form",
    unknown_event="unknown_event.form",
    poison=b"Body=canary-words-nobody-may-log&From=whatsapp%3A%2B15550001111",
    canary="text.form",
    message=HELLO,
    taken=created(),
    throttled=refused(20429, 429),
    throttled_for_s=1.0,
    failing=refused(20500, 500),
    opted_out=refused(63033),
    opted_out_error=OptedOut("63033"),
    incoming=INCOMING,
    outgoing=OUTGOING,
    statuses_out_of_order=("status_read.form", "status_sent.form", "status_delivered.form"),
)
