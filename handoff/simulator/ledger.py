"""Everything that each phone sent and received: what the page shows, and what proofs of "nothing is lost" count."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from handoff.simulator.clock import Clock

# Fictional numbers only: the North American area code 555 is not in service.
FIRST_NUMBER = 15_550_100_001
FIRST_CHAT = 700_000_001


@dataclass(frozen=True, slots=True)
class Choice:
    """A button or list row on a phone; `token` goes back when it is tapped."""

    token: str
    label: str
    description: str = ""


@dataclass(slots=True)
class Webhook:
    """What became of the webhooks for one message that a phone sent.

    `state`: "waiting" (also between retries), "accepted" (the gateway acknowledged) or "given_up" (the provider
    stopped trying). `ack_ms` is the time that the acknowledged attempt took.
    """

    state: str = "waiting"
    attempts: int = 0
    last: str = ""
    accepted_at_ms: float = 0.0
    ack_ms: float = 0.0


@dataclass(slots=True)
class Entry:
    """One message on one phone. `at_ms`: the steady clock, in ms; `direction`: the phone "sent" it or "got" it."""

    number: int
    channel: str
    address: str
    direction: str
    kind: str
    at_ms: float
    wall: str
    text: str = ""
    payload: str = ""
    provider_id: str = ""
    author: str = ""
    choices: list[Choice] = field(default_factory=list)
    list_button: str = ""
    encoding: str = ""
    parts: int = 0
    units: int = 0
    statuses: list[str] = field(default_factory=list)
    edited: bool = False
    deleted: bool = False
    webhook: Webhook | None = None

    def describe(self) -> dict[str, object]:
        """The entry, as JSON."""
        return asdict(self)


@dataclass(slots=True)
class Handset:
    """One phone on one channel. `wrote_at` is the steady time of its last message (None: never wrote)."""

    channel: str
    address: str
    name: str
    language: str = "en"
    username: str = ""
    scoped_id: str = ""
    opted_out: bool = False
    blocked: bool = False
    wrote_at: float | None = None
    entries: list[Entry] = field(default_factory=list, repr=False)

    def describe(self) -> dict[str, object]:
        """The phone without its messages, as JSON."""
        shown = ("channel", "address", "name", "language", "opted_out", "blocked")
        return {name: getattr(self, name) for name in shown}


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened, told to whoever watches: a new or changed entry, a phone, or a reset."""

    event: str
    data: dict[str, object]


END = Change("end", {})


class Ledger:
    """All phones and their messages, in memory. Used from one event loop only.

    The assistant remembers who wrote from an address; so no free address is given twice, also after `clear`. `first`
    is where they begin, of 100,000.
    """

    def __init__(self, clock: Clock, first: int = 0) -> None:
        self.clock = clock
        self.first = first
        self._given: set[str] = set()
        self._watchers: set[asyncio.Queue[Change]] = set()
        self.clear()

    def clear(self) -> None:
        """Forget every phone and message."""
        self.entries: list[Entry] = []
        self.handsets: dict[tuple[str, str], Handset] = {}
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._scoped: dict[tuple[str, str], Handset] = {}
        self._tell(Change("reset", {}))

    def handset(self, channel: str, address: str, *, name: str = "", language: str = "en") -> Handset:
        """The phone at this address; a new one is switched on if there is none."""
        found = self.handsets.get((channel, address))
        if found is None:
            tail = address[-4:]
            found = Handset(channel, address, name or f"Phone {tail}", language, username=f"fictional_{tail}")
            found.scoped_id = address if "." in address else f"US.9{hash_digits(address):017d}"
            self.handsets[channel, address] = found
            self._scoped[channel, found.scoped_id] = found
            self._tell(Change("phone", found.describe()))
        return found

    def find(self, channel: str, address: str) -> Handset | None:
        """The phone at this address or business-scoped id, if there is one."""
        return self.handsets.get((channel, address)) or self._scoped.get((channel, address))

    def free_address(self, channel: str) -> str:
        """An address that no phone of any channel has or had. Fictional."""
        used = {address for _, address in self.handsets} | self._given
        telegram = channel == "telegram"
        numbers = range(self.first, 100_000)
        candidates = (str(FIRST_CHAT + n) if telegram else f"+{FIRST_NUMBER + n}" for n in numbers)
        found = next(address for address in candidates if address not in used)
        self._given.add(found)
        return found

    def add(self, handset: Handset, direction: str, kind: str, **values: object) -> Entry:
        """Put a message on a phone; `values` are further fields of `Entry`."""
        now = self.clock.steady()
        entry = Entry(
            number=len(self.entries) + 1,
            channel=handset.channel,
            address=handset.address,
            direction=direction,
            kind=kind,
            at_ms=round(now * 1000, 3),
            wall=self.clock.now().isoformat(timespec="milliseconds"),
        )
        for name, value in values.items():
            setattr(entry, name, value)
        self.entries.append(entry)
        handset.entries.append(entry)
        if entry.provider_id:
            self._by_id[entry.channel, entry.provider_id] = entry
        self.changed(entry)
        return entry

    def by_provider_id(self, channel: str, provider_id: str) -> Entry | None:
        """The entry that a provider's id names."""
        return self._by_id.get((channel, provider_id))

    def changed(self, entry: Entry) -> None:
        """Tell the watchers of a new or changed entry."""
        if self._watchers:
            self._tell(Change("entry", entry.describe()))

    def select(self, *, since: int = 0, channel: str = "", address: str = "") -> Iterator[Entry]:
        """Entries with a number above `since`, in order."""
        for entry in self.entries[since:]:
            if channel in ("", entry.channel) and address in ("", entry.address):
                yield entry

    def watch(self) -> asyncio.Queue[Change]:
        """A queue that gets every change from now on, until `unwatch`."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: asyncio.Queue[Change]) -> None:
        """Stop telling this queue."""
        self._watchers.discard(queue)

    def close(self) -> None:
        """Tell the watchers that there will be no more."""
        self._tell(END)

    def _tell(self, change: Change) -> None:
        for queue in self._watchers:
            queue.put_nowait(change)


def hash_digits(address: str) -> int:
    """A stable number for an address, so that made-up ids are the same in every run."""
    value = 7
    for letter in address:
        value = (value * 131 + ord(letter)) % 10**17
    return value
