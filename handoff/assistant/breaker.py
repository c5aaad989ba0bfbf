"""Stops asking an assistant that hangs, so that it does not hold every place of a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

# So many time-outs one after the other are no accident.
HANGS = 3
REST_S = 5.0


@dataclass(slots=True)
class Breaker:
    """Counts time-outs. While it rests nobody is let through; after that one goes first, to see."""

    clock: Callable[[], float] = monotonic
    _hung: int = 0
    _rests_until: float = 0.0

    def lets_through(self) -> bool:
        """Whether to ask now. Who is let through must say how it went."""
        if self._hung < HANGS:
            return True
        now = self.clock()
        if now < self._rests_until:
            return False
        self._rests_until = now + REST_S
        return True

    def hung(self) -> None:
        """No answer in time."""
        self._hung += 1
        self._rests_until = self.clock() + REST_S

    def answered(self) -> None:
        """An answer, or a refusal: either comes at once and holds nobody up."""
        self._hung = 0
