"""SMS by Twilio: what comes in, what goes out."""

from __future__ import annotations

from functools import partial

from handoff.core import message as m
from handoff.core.channel import Misconfigured, OptedOut, Rejected, RetryLater, Throttled
from tests.channels.fake_server import Answer
from tests.channels.harness import CANARY_TEXT, PERSON, PUBLIC, SMS_NUMBER, Receiving, Sending, Table, twilio_signature
from tests.channels.tables.twilio_answers import MESSAGES, SENT_SID, created, refused

SID = "SM" + "0" * 31 + "1"
WHO = ("sms-twilio", SMS_NUMBER)
came = partial(m.Incoming, *WHO, "sms", PERSON, SID)
status = partial(m.StatusUpdate, *WHO, SENT_SID)
HELLO = m.Outgoing(SMS_NUMBER, PERSON, "Hello. 1 Menu 2 Go on")
CALLBACK = f"{PUBLIC}/webhooks/sms-twilio/status"
SENT = {"To": PERSON, "From": SMS_NUMBER, "Body": HELLO.text, "StatusCallback": CALLBACK}
LONG = "They took my passport and I do not know whom to ask. " * 2

INCOMING = (
    Receiving("a text", "text.form", [came(m.Kind.TEXT, text=CANARY_TEXT)]),
    Receiving("any script", "unicode.form", [came(m.Kind.TEXT, text="مرحبا 👋🏽 ¿qué tal?\nsegunda línea")]),
    Receiving("a + that was not encoded", "lost_plus.raw", [came(m.Kind.TEXT, text="hello")]),
    Receiving("a field that Twilio adds one day", "new_field.form", [came(m.Kind.TEXT, text="hello")]),
    Receiving("STOP, which Twilio answered", "stop.form", [came(m.Kind.OPT_OUT, text="Stop ", provider_replied=True)]),
    Receiving("stop inside a sentence", "stop_in_sentence.form", [came(m.Kind.TEXT, text="stop please")]),
    Receiving("START", "start.form", [came(m.Kind.OPT_IN, text="START", provider_replied=True)]),
    Receiving("YES stays an answer", "yes.form", [came(m.Kind.TEXT, text="YES")]),
    Receiving(
        "HELP, which Twilio answered", "help.form", [came(m.Kind.CARRIER_HELP, text="help", provider_replied=True)]
    ),
    Receiving(
        "stop in Arabic with Advanced Opt-Out",
        "advanced_stop.form",
        [came(m.Kind.OPT_OUT, text="توقف", provider_replied=True)],
    ),
    Receiving(
        "start with Advanced Opt-Out", "advanced_start.form", [came(m.Kind.OPT_IN, text="start", provider_replied=True)]
    ),
    Receiving(
        "help with Advanced Opt-Out",
        "advanced_help.form",
        [came(m.Kind.CARRIER_HELP, text="help", provider_replied=True)],
    ),
    Receiving("a photo without words", "photo_without_text.form", [came(m.Kind.PHOTO)]),
    Receiving("two photos count once", "photos_with_text.form", [came(m.Kind.PHOTO, text="look at this")]),
    Receiving("a voice note", "voice.form", [came(m.Kind.VOICE)]),
    Receiving("a contact card", "contact.form", [came(m.Kind.CONTACT)]),
    Receiving("a long text wrapped as MMS", "wrapped_text.form", [came(m.Kind.TEXT, text="long words")]),
    Receiving("a long text turned to base64", "base64.form", [came(m.Kind.TEXT, text=LONG)]),
    Receiving("a blank SMS", "blank.form", [came(m.Kind.UNKNOWN, text="  ")]),
    Receiving("a short code is never answered", "short_code.form", []),
    Receiving("an alphanumeric sender is never answered", "alphanumeric.form", []),
    Receiving("our own number is never answered", "own_number.form", []),
    Receiving("a message without its id", "no_id.form", [m.Poison(*WHO, "no_id", b"")]),
    Receiving("a message from nobody", "no_sender.form", [m.Poison(*WHO, "no_sender", b"")]),
    Receiving("queued", "status_queued.form", [status(m.SendState.QUEUED)], status=True),
    Receiving("sent", "status_sent.form", [status(m.SendState.SENT)], status=True),
    Receiving("delivered", "status_delivered.form", [status(m.SendState.DELIVERED)], status=True),
    Receiving("delivered, told to the message URL", "status_delivered.form", [status(m.SendState.DELIVERED)]),
    Receiving("undelivered", "status_undelivered.form", [status(m.SendState.FAILED, code="30003")], status=True),
    Receiving(
        "opted out at the carrier",
        "status_opted_out.form",
        [status(m.SendState.FAILED, code="21610", opted_out=True)],
        status=True,
    ),
    Receiving("too late to deliver", "status_expired.form", [status(m.SendState.EXPIRED, code="30036")], status=True),
    Receiving("a status that says nothing", "status_unknown.form", [], status=True),
)

OUTGOING = (
    Sending("a text", HELLO, [created()], [("POST", MESSAGES, SENT)], expect_id=SENT_SID),
    Sending(
        "only within an hour",
        m.Outgoing(SMS_NUMBER, PERSON, HELLO.text, validity_s=3600),
        [created()],
        [("POST", MESSAGES, SENT | {"ValidityPeriod": "3600"})],
        expect_id=SENT_SID,
    ),
    Sending(
        "longer than Twilio can wait",
        m.Outgoing(SMS_NUMBER, PERSON, HELLO.text, validity_s=90_000),
        [created()],
        [("POST", MESSAGES, SENT | {"ValidityPeriod": "36000"})],
        expect_id=SENT_SID,
    ),
    Sending(
        "too late", m.Outgoing(SMS_NUMBER, PERSON, "x", validity_s=0), [created()], expect_error=Rejected("expired")
    ),
    Sending("no such number", HELLO, [refused(21211)], expect_error=Rejected("21211")),
    Sending("country not switched on", HELLO, [refused(21408, 403)], expect_error=Rejected("21408")),
    Sending("queue full", HELLO, [refused(21611)], expect_error=Throttled("21611", 60.0)),
    Sending("sender not ours", HELLO, [refused(21606)], expect_error=Misconfigured("21606")),
    Sending("wrong token", HELLO, [refused(20003, 401)], expect_error=Misconfigured("20003")),
    Sending("no id in the answer", HELLO, [Answer(201, {})], expect_error=RetryLater("bad_answer", maybe_sent=True)),
    Sending("no answer to read", HELLO, [Answer(201, b"{")], expect_error=RetryLater("bad_answer", maybe_sent=True)),
    Sending("an error page", HELLO, [Answer(502, b"<html>")], expect_error=RetryLater("502", maybe_sent=True)),
)

TABLE = Table(
    channel="sms-twilio",
    sign=twilio_signature,
    valid="text.form",
    unknown_event="unknown_event.form",
    poison=b"Body=canary-words-nobody-may-log&From=%2B15550001111",
    canary="text.form",
    message=HELLO,
    taken=created(),
    throttled=refused(20429, 429),
    throttled_for_s=1.0,
    failing=refused(20500, 500),
    opted_out=refused(21610),
    opted_out_error=OptedOut("21610"),
    incoming=INCOMING,
    outgoing=OUTGOING,
    statuses_out_of_order=("status_delivered.form", "status_sent.form", "status_queued.form"),
)
