"""How fast a provider is called."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from handoff.core import rate as module
from handoff.core.rate import Rate


@dataclass
class Clock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


def test_the_sender_keeps_its_pace() -> None:
    rate = Rate(2.0, 1000.0, Clock())
    assert [rate.reserve(f"person {n}") for n in range(4)] == [0, 0.5, 1.0, 1.5]


def test_a_wait_of_more_than_a_moment_takes_no_place_in_line() -> None:
    clock = Clock()
    rate = Rate(0.5, 1000.0, clock)
    assert [rate.reserve("a"), rate.reserve("b"), rate.reserve("c")] == [0, 2.0, 2.0]
    clock.at += 2
    assert rate.reserve("b") == 0


def test_one_recipient_has_a_burst_then_a_pace_and_holds_back_nobody_else() -> None:
    rate = Rate(1000.0, 1.0, Clock())
    pauses = [rate.reserve("a") for _ in range(11)]
    assert [round(pause) for pause in pauses] == [0] * 9 + [1, 2]
    assert rate.reserve("b") < 0.1


def test_time_gives_the_burst_back() -> None:
    clock = Clock()
    rate = Rate(1000.0, 1.0, clock)
    for _ in range(11):
        rate.reserve("a")
    clock.at += 20
    assert rate.reserve("a") == 0


def test_only_so_many_recipients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    rate = Rate(1000.0, 1.0, Clock())
    for _ in range(11):
        rate.reserve("a")
    rate.reserve("b")
    rate.reserve("c")
    assert rate.reserve("a") < 0.1
