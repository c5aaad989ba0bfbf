"""A phone for tests and demonstrations in the simulator's own process."""

from __future__ import annotations

import asyncio

from handoff.simulator.exchange import Act
from handoff.simulator.ledger import Entry
from handoff.simulator.simulator import Simulator


class NoReply(AssertionError):
    """Nothing reached the phone in time."""


class Phone:
    """One person's phone. `next_reply` goes through what arrives in order, from when the `Phone` was made."""

    def __init__(self, simulator: Simulator, channel: str, address: str = "", *, language: str = "en") -> None:
        self._simulator = simulator
        self.handset = simulator.add_phone(channel, address=address, language=language)
        self._seen = len(self.handset.entries)

    @property
    def address(self) -> str:
        """The phone's number, chat id or business-scoped id."""
        return self.handset.address

    def send(self, text: str) -> Entry:
        """Type a message and send it. Returns at once; `entry.webhook` tells how its webhook goes."""
        return self.act(Act("text", text))

    def tap(self, token: str) -> Entry:
        """Tap the button or list row with this token. Raises BadAct when no message offers it."""
        return self.act(Act("tap", token=token))

    def choose(self, label: str) -> Entry:
        """Tap the button or row with this label on the latest message that has it."""
        for entry in reversed(self.handset.entries):
            for choice in entry.choices:
                if choice.label == label:
                    return self.act(Act("tap", token=choice.token, entry=entry.number))
        raise NoReply("no such button on the phone")

    def act(self, act: Act) -> Entry:
        """Do anything else. Raises BadAct."""
        return self._simulator.act(self.handset.channel, self.handset.address, act)

    async def next_reply(self, timeout_s: float = 5.0) -> Entry:
        """The next message that reached the phone. Raises NoReply."""
        changes = self._simulator.ledger.watch()
        try:
            async with asyncio.timeout(timeout_s):
                while (found := self._next()) is None:
                    await changes.get()
                return found
        except TimeoutError:
            raise NoReply("nothing reached the phone in time") from None
        finally:
            self._simulator.ledger.unwatch(changes)

    def _next(self) -> Entry | None:
        while self._seen < len(self.handset.entries):
            entry = self.handset.entries[self._seen]
            self._seen += 1
            if entry.direction == "got":
                return entry
        return None
