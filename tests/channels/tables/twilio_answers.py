"""What Twilio's API answers, as far as both of its channels need it."""

from __future__ import annotations

from tests.channels.fake_server import Answer
from tests.channels.harness import PERSON, TWILIO_ACCOUNT

MESSAGES = f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages.json"
SENT_SID = "SM" + "0" * 31 + "9"


def refused(code: int, status: int = 400) -> Answer:
    """An error as Twilio words it: with the person's number in the sentence."""
    body = {
        "code": code,
        "message": f"The message to {PERSON} could not be created",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, body)


def created(status: str = "queued") -> Answer:
    return Answer(201, {"sid": SENT_SID, "status": status, "to": PERSON, "error_code": None, "num_segments": "1"})
