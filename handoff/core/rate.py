"""How fast a provider may be called: a token bucket for the sender, and a pace for each recipient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

REMEMBERED = 10_000
PAIR_BURST = 8


@dataclass(slots=True)
class Rate:
    """`reserve` takes a place in line and says how many seconds away it is. Per process: with several workers, each has
    its share (`per_second` divided by their number)."""

    per_second: float
    pair_per_second: float
    clock: Callable[[], float] = monotonic
    _free_at: float = 0.0
    _pairs: dict[str, float] = field(default_factory=dict)

    def reserve(self, recipient: str) -> float:
        """Seconds to wait before sending; 0 when the way is free. A wait of more than a moment is not a reservation:
        come back then and ask again."""
        now = self.clock()
        pause = max(self._free_at - now, self._pairs.get(recipient, 0.0) - now - PAIR_BURST / self.pair_per_second, 0.0)
        if pause <= 1.5:
            self._free_at = max(self._free_at, now) + 1 / self.per_second
            self._remember(recipient, max(self._pairs.get(recipient, 0.0), now) + 1 / self.pair_per_second)
        return pause

    def _remember(self, recipient: str, free_at: float) -> None:
        self._pairs.pop(recipient, None)
        self._pairs[recipient] = free_at
        if len(self._pairs) > REMEMBERED:
            self._pairs.pop(next(iter(self._pairs)))
