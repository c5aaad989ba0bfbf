"""Who hangs is not asked by everybody, and is asked again after a rest."""

from __future__ import annotations

from handoff.assistant.breaker import HANGS, REST_S, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def hanging(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(HANGS):
        assert breaker.lets_through()
        breaker.hung()
    return breaker


def test_after_some_time_outs_nobody_is_let_through_until_one_has_tried() -> None:
    clock = Clock()
    breaker = hanging(clock)
    assert not breaker.lets_through()
    clock.now += REST_S
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    breaker.answered()
    assert all(breaker.lets_through() for _ in range(3))


def test_one_who_still_hangs_rests_again() -> None:
    clock = Clock()
    breaker = hanging(clock)
    clock.now += REST_S
    assert breaker.lets_through()
    breaker.hung()
    clock.now += REST_S - 0.1
    assert not breaker.lets_through()
    clock.now += 0.2
    assert breaker.lets_through()


def test_answers_between_time_outs_forgive_them() -> None:
    breaker = Breaker(Clock())
    for _ in range(HANGS * 3):
        assert breaker.lets_through()
        breaker.hung()
        breaker.answered()
    assert breaker.lets_through()
