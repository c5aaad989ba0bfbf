"""What the errors of the Bot API mean for us. Telegram has no codes below the HTTP status, only sentences."""

from __future__ import annotations

import os
from datetime import timedelta

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from handoff.core.channel import Misconfigured, OptedOut, Rejected, RetryLater, SendError, Throttled

# The library's own way to ask for waits as timedelta; without it every 429 comes with a warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")

# A piece of Telegram's sentence, and our code for it.
BAD_REQUESTS = {
    "chat not found": "chat_not_found",
    "user not found": "chat_not_found",
    "peer_id_invalid": "chat_not_found",
    "message is too long": "too_long",
    "text is empty": "empty",
    "text must be non-empty": "empty",
    "button_data_invalid": "bad_button",
    "can't parse": "bad_markup",
    "not enough rights": "no_rights",
    "query is too old": "too_old",
}
FORBIDDEN = {
    "blocked by the user": "blocked",
    "user is deactivated": "deactivated",
    "can't initiate conversation": "never_started",
    "kicked": "blocked",
}


def send_error(error: TelegramError) -> SendError:
    """Our error for one of the client's, in our own words."""
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        return Throttled("429", wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
    if isinstance(error, Forbidden):
        return OptedOut(_code(error, FORBIDDEN, "forbidden"))
    if isinstance(error, InvalidToken):
        return Misconfigured("bad_token")
    if isinstance(error, ChatMigrated):
        return Rejected("group")
    if isinstance(error, BadRequest):
        return Rejected(_code(error, BAD_REQUESTS, "bad_request"))
    if isinstance(error, Conflict):
        return RetryLater("conflict")
    if isinstance(error, TimedOut | NetworkError):
        return _network(error)
    return RetryLater("bad_answer", maybe_sent=True)


def _network(error: NetworkError) -> SendError:
    """A call without an answer has the transport's error as its cause; an answer that is no 2xx has not."""
    if isinstance(error.__cause__, SendError):
        return error.__cause__
    if "too many requests" in error.message.lower():
        return Throttled("429")
    return RetryLater("5xx", maybe_sent=True)


def _code(error: TelegramError, table: dict[str, str], default: str) -> str:
    words = error.message.lower()
    return next((code for fragment, code in table.items() if fragment in words), default)
