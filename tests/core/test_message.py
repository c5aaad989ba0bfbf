"""What may stand in a log by accident."""

from __future__ import annotations

from handoff.core.message import Incoming, Kind, Outgoing, Poison, Reachability, Receipt, SendState, StatusUpdate


def test_no_number_and_no_word_stands_in_a_repr() -> None:
    canary = "velvet canary"
    where = ("sms-twilio", "+15550100")
    for item in (
        Incoming(*where, "sms", canary, canary, Kind.TEXT, text=canary, payload=canary, ack_token=canary),
        Outgoing("+15550100", canary, canary),
        StatusUpdate(*where, canary, SendState.SENT),
        Reachability(*where, "sms", canary, blocked=True),
        Poison(*where, "bad_json", canary.encode()),
        Receipt(canary),
    ):
        assert "canary" not in repr(item)
