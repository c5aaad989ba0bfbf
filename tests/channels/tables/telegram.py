"""Telegram: what comes in, what goes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

from handoff.core import message as m
from handoff.core.channel import Misconfigured, OptedOut, Rejected, RetryLater, Throttled
from tests.channels.fake_server import Answer
from tests.channels.harness import CANARY_TEXT, TELEGRAM_TOKEN, Receiving, Sending, Table, telegram_signature

BOT = "7000000001"
CHAT = "5000000011"
SEND = f"/bot{TELEGRAM_TOKEN}/sendMessage"
WHEN = datetime(2025, 11, 23, tzinfo=UTC)
EDITED = datetime(2025, 11, 23, 0, 1, tzinfo=UTC)
WHO = ("telegram", BOT)
came = partial(m.Incoming, *WHO, "telegram", CHAT, "800000001:21", sent_at=WHEN)
album = partial(m.Incoming, *WHO, "telegram", CHAT, "album:13000000000000001", m.Kind.PHOTO, sent_at=WHEN)
HELLO = m.Outgoing(BOT, CHAT, "Hello_*[ <b>")
OPTIONS = (m.Option("p1.1", "Check an offer"), m.Option("p1.2", "مساعدة"))
TEXT = {
    "chat_id": CHAT,
    "text": HELLO.text,
    "protect_content": "true",
    "link_preview_options": json.dumps({"is_disabled": True}),
}
KEYBOARD = json.dumps({"inline_keyboard": [[{"callback_data": o.token, "text": o.label}] for o in OPTIONS]})
TAKEN = Answer(
    200,
    {
        "ok": True,
        "result": {
            "message_id": 31,
            "date": 1763856000,
            "chat": {"id": int(CHAT), "type": "private", "first_name": "Canarina Namesdottir"},
            "from": {"id": int(BOT), "is_bot": True, "first_name": "Amana"},
            "text": HELLO.text,
        },
    },
)


def refused(status: int, description: str, **parameters: int) -> Answer:
    body: dict[str, object] = {"ok": False, "error_code": status, "description": description}
    return Answer(status, body | ({"parameters": parameters} if parameters else {}))


def tap(text: str = "") -> m.Incoming:
    return m.Incoming(
        *(*WHO, "telegram", CHAT, "800000001", m.Kind.TAP), text=text, payload="p1.1", ack_token="4382000000000000001"
    )


INCOMING = (
    Receiving("a text", "text.json", [came(m.Kind.TEXT, text=CANARY_TEXT)]),
    Receiving("a command is a text", "start.json", [came(m.Kind.TEXT, text="/start")]),
    Receiving("a typed slash stays what it is", "slash.json", [came(m.Kind.TEXT, text='/affirm{"consent": true}')]),
    Receiving("a voice note", "voice.json", [came(m.Kind.VOICE)]),
    Receiving("a round video is somebody speaking", "video_note.json", [came(m.Kind.VOICE)]),
    Receiving("a caption", "photo_with_caption.json", [came(m.Kind.PHOTO, text="the contract they gave me")]),
    Receiving("a document", "document.json", [came(m.Kind.PHOTO)]),
    Receiving("an animation", "animation.json", [came(m.Kind.PHOTO)]),
    Receiving(
        "an album's first picture", "album_first.json", [album(), came(m.Kind.TEXT, text="these are the papers")]
    ),
    Receiving("an album's next picture is the same album", "album_second.json", [album()]),
    Receiving("a location", "location.json", [came(m.Kind.LOCATION)]),
    Receiving("a venue", "venue.json", [came(m.Kind.LOCATION)]),
    Receiving("a contact card", "contact.json", [came(m.Kind.CONTACT)]),
    Receiving("a sticker", "sticker.json", [came(m.Kind.UNKNOWN)]),
    Receiving("a kind that Telegram adds one day", "future_kind.json", [came(m.Kind.UNKNOWN)]),
    Receiving("Telegram's own notice", "pinned.json", []),
    Receiving(
        "an edit",
        "edited.json",
        [m.Incoming(*WHO, "telegram", CHAT, "800000001:21", m.Kind.EDIT, text="I meant Friday", sent_at=EDITED)],
    ),
    Receiving("a live location moves", "live_location.json", []),
    Receiving("a tapped button", "tap.json", [tap()]),
    Receiving("a button of a message that is too old to see", "old_tap.json", [tap()]),
    Receiving("a game's button", "game_tap.json", []),
    Receiving("the person blocked us", "blocked.json", [m.Reachability(*WHO, "telegram", CHAT, blocked=True)]),
    Receiving("the person came back", "unblocked.json", [m.Reachability(*WHO, "telegram", CHAT, blocked=False)]),
    Receiving("added to a group", "added_to_group.json", []),
    Receiving("a group", "group.json", []),
    Receiving("another bot is never answered", "bot.json", []),
    Receiving("a message without a chat", "no_chat.json", [m.Poison(*WHO, "no_sender", b"")]),
    Receiving("an update without its id", "no_id.json", [m.Poison(*WHO, "no_id", b"")]),
)

OUTGOING = (
    Sending("a text without mark-up", HELLO, [TAKEN], [("POST", SEND, TEXT)], expect_id=f"{CHAT}:31"),
    Sending(
        "options are buttons",
        m.Outgoing(BOT, CHAT, HELLO.text, OPTIONS, list_button="Open"),
        [TAKEN],
        [("POST", SEND, TEXT | {"reply_markup": KEYBOARD})],
        expect_id=f"{CHAT}:31",
    ),
    Sending(
        "a token that Telegram would refuse",
        m.Outgoing(BOT, CHAT, "Choose", (m.Option("ш" * 33, "a"),)),
        [TAKEN],
        expect_error=Rejected("token_too_long"),
    ),
    Sending("an address that is no chat", m.Outgoing(BOT, "+1555", "x"), [TAKEN], expect_error=Rejected("bad_address")),
    Sending(
        "a dead account",
        HELLO,
        [refused(403, "Forbidden: user is deactivated")],
        expect_error=OptedOut("deactivated"),
    ),
    Sending(
        "no such chat", HELLO, [refused(400, "Bad Request: chat not found")], expect_error=Rejected("chat_not_found")
    ),
    Sending("too long", HELLO, [refused(400, "Bad Request: message is too long")], expect_error=Rejected("too_long")),
    Sending(
        "any other refusal", HELLO, [refused(400, "Bad Request: 5000000011")], expect_error=Rejected("bad_request")
    ),
    Sending(
        "too fast, without saying how long", HELLO, [refused(429, "Too Many Requests")], expect_error=Throttled("429")
    ),
    Sending(
        "a group that moved",
        HELLO,
        [refused(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1001)],
        expect_error=Rejected("group"),
    ),
    Sending("another webhook is being set", HELLO, [refused(409, "Conflict")], expect_error=RetryLater("conflict")),
    Sending("too late", m.Outgoing(BOT, CHAT, "x", validity_s=0), [TAKEN], expect_error=Rejected("expired")),
    Sending("wrong token", HELLO, [refused(401, "Unauthorized")], expect_error=Misconfigured("bad_token")),
    Sending(
        "a page, not an answer", HELLO, [Answer(200, b"<html>")], expect_error=RetryLater("bad_answer", maybe_sent=True)
    ),
    Sending(
        "an answer of another shape",
        HELLO,
        [Answer(200, {"ok": True, "result": 7})],
        expect_error=RetryLater("bad_answer", maybe_sent=True),
    ),
    Sending("an error page", HELLO, [Answer(502, b"<html>")], expect_error=RetryLater("5xx", maybe_sent=True)),
)

TABLE = Table(
    channel="telegram",
    sign=telegram_signature,
    valid="text.json",
    unknown_event="unknown_event.json",
    poison=b'{"update_id": 800000001, "message": {"text": "canary-words-nobody-may-log"}}',
    canary="text.json",
    message=HELLO,
    taken=TAKEN,
    throttled=refused(429, "Too Many Requests: retry after 3", retry_after=3),
    throttled_for_s=3.0,
    failing=refused(500, "Internal Server Error"),
    opted_out=refused(403, "Forbidden: bot was blocked by the user"),
    opted_out_error=OptedOut("blocked"),
    incoming=INCOMING,
    outgoing=OUTGOING,
)
