"""The Cloud API's error codes and what they mean for us (Meta: support/error-codes)."""

from __future__ import annotations

from channels._reading import Json, child, identifier
from handoff.core.channel import Misconfigured, Rejected, RetryLater, SendError, Throttled, WindowClosed

# Not processed; the number is the wait in seconds before the first retry. 131056 is the pair rate: Meta asks for
# 4^X seconds; 131048 is the spam limit, which lasts.
THROTTLED = {
    "4": 60.0,
    "80007": 60.0,
    "130429": 1.0,
    "131048": 600.0,
    "131056": 4.0,
    "131064": 60.0,
    "133016": 60.0,
}
TRANSIENT = frozenset({"1", "2", "131000", "131016", "131053", "131057"})
WINDOW_CLOSED = frozenset({"131047"})
# Token, permission, payment or the number itself: a person at the organisation must act.
MISCONFIGURED = frozenset({"0", "3", "10", "33", "190", "200", "368", "131005", "131031", "131042", "131045", "133010"})


def send_error(status: int, answer: Json, retry_after: str = "") -> SendError:
    """The error for an answer of the API. Meta does not tell apart a block and a dead number: both are 131026."""
    code = identifier(child(answer, "error"), "code") or str(status)
    if status == 429 or code in THROTTLED:
        asked = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        return Throttled(code, max(asked, THROTTLED.get(code, 1.0)))
    if code in WINDOW_CLOSED:
        return WindowClosed(code)
    if code in MISCONFIGURED or status in (401, 403, 404):
        return Misconfigured(code)
    if code in TRANSIENT or status >= 500:
        return RetryLater(code, maybe_sent=status >= 500)
    # A success that cannot be read: Meta took the message, we do not know under which id.
    return RetryLater("bad_answer", maybe_sent=True) if status < 300 else Rejected(code)
