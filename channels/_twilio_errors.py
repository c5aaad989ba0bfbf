"""Twilio's error codes and message statuses, and what they mean for us (twilio.com/docs/api/errors)."""

from __future__ import annotations

from twilio.base.exceptions import TwilioException

from handoff.core.channel import (
    Misconfigured,
    OptedOut,
    Rejected,
    RetryLater,
    SendError,
    Throttled,
    WindowClosed,
)
from handoff.core.message import SendState

STATES = {
    "queued": SendState.QUEUED,
    "accepted": SendState.QUEUED,
    "scheduled": SendState.QUEUED,
    "sending": SendState.SENDING,
    "sent": SendState.SENT,
    "delivered": SendState.DELIVERED,
    "read": SendState.READ,
    "failed": SendState.FAILED,
    "undelivered": SendState.FAILED,
    "canceled": SendState.CANCELLED,
}

# STOP at the carrier; blocked or reported by the person on WhatsApp.
OPTED_OUT = frozenset({"21610", "63014", "63033"})
# Not processed; the number is the wait in seconds before the first retry.
THROTTLED = {"20429": 1.0, "429": 1.0, "63018": 2.0, "63017": 2.0, "21611": 60.0, "30001": 60.0, "30022": 60.0}
WINDOW_CLOSED = frozenset({"63016"})
# The sender, the account, its credentials or its template is wrong; or the sender is locked.
MISCONFIGURED = frozenset(
    {
        *("401", "403", "20003", "20005", "20008", "20404", "404", "21606", "21659", "21660", "21703", "21704"),
        *("30002", "63007", "63027", "63028", "63051", "30029", "30030"),
    }
)
EXPIRED = "30036"


def state_of(word: str, code: str) -> SendState | None:
    """Our state for Twilio's, None for one that says nothing about a message of ours."""
    state = STATES.get(word.lower())
    return SendState.EXPIRED if state is SendState.FAILED and code == EXPIRED else state


def is_opt_out(code: str) -> bool:
    """True when the code says that this address takes nothing from us any more."""
    return code in OPTED_OUT


def send_error(status: int, code: str) -> SendError:
    """The error for an answer of the API. A 5xx may come after the message was taken."""
    if code in OPTED_OUT:
        return OptedOut(code)
    if status == 429 or code in THROTTLED:
        return Throttled(code, THROTTLED.get(code, 1.0))
    if code in WINDOW_CLOSED:
        return WindowClosed(code)
    if status >= 500:
        return RetryLater(code, maybe_sent=True)
    if status == 401 or code in MISCONFIGURED:
        return Misconfigured(code)
    return Rejected(code)


def failure_of(error: Exception) -> SendError:
    """Our error for one of the client's; what Twilio wrote beside its code can hold the number and stays behind."""
    if isinstance(error, TwilioException):
        return _refused(error)
    return RetryLater("bad_answer", maybe_sent=True)


def _refused(error: TwilioException) -> SendError:
    """The client keeps status and code of a refused call, but of a refused list only the answer itself."""
    answer = error.args[1] if len(error.args) > 1 else None
    status = getattr(error, "status", None) or getattr(answer, "status_code", None)
    if not isinstance(status, int):
        return RetryLater("bad_answer")
    return send_error(status, str(getattr(error, "code", None) or status))
