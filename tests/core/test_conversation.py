"""Who speaks now; and no word of a person in any repr."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Draft, Owner, Received, Relay
from handoff.core.message import Kind
from handoff.core.render import Rendered

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("owner", "people"), [("assistant", False), ("waiting", True), ("caseworker", True), ("closed", False)]
)
def test_what_is_written_is_for_people_while_a_case_waits_or_is_claimed(owner: str, people: bool) -> None:
    conversation = Conversation(uuid.UUID(int=1), "telegram", "bot", "telegram", Owner(owner), None, Contact(NOW))
    assert conversation.with_people is people


def test_no_words_stand_in_a_repr() -> None:
    canary = "velvet canary"
    shown = [
        repr(Received(1, Kind.TEXT, NOW, canary, canary, canary)),
        repr(Relay("text", canary)),
        repr(Draft("case.reply", Rendered(canary), "reply", "human")),
    ]
    assert not [text for text in shown if canary in text]
