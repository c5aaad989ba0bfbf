"""What the stand-in providers share: settings, phones, faults, and how a webhook may be late, double or overtaken."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from handoff.settings import Settings
from handoff.simulator.clock import Clock
from handoff.simulator.courier import Call, Courier
from handoff.simulator.faults import Faults
from handoff.simulator.ledger import Choice, Entry, Handset, Ledger, Webhook
from handoff.simulator.post import HttpPost

CHANNELS = ("sms-twilio", "whatsapp-twilio", "whatsapp-cloud", "telegram")
WINDOW_S = 24 * 3600.0
OVERTAKEN_S = 0.3
HANG_S = 120.0


type Step = Callable[[], Awaitable[None]]


class BadAct(ValueError):
    """A phone was asked to do something that it cannot do. The text is ours and holds nothing of the message."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person does on a phone.

    `kind`: text, tap, voice, photo, location, contact, sticker, edit, block, unblock, and on some channels more.
    `token` is the tapped choice; `entry` the number of the message tapped, edited or answered (0: the latest that
    fits); `extra` are further fields that a provider might one day add to its payload.
    """

    kind: str = "text"
    text: str = ""
    token: str = ""
    entry: int = 0
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds from one state of a message that we sent to the next."""

    sent_s: float = 0.02
    delivered_s: float = 0.05
    read_s: float = 0.15


@dataclass(slots=True)
class Exchange:
    """The shared state. `time_scale` shortens Meta's and Telegram's waits between retries; 1 is as documented."""

    settings: Settings
    clock: Clock
    ledger: Ledger
    courier: Courier
    http: HttpPost
    dice: random.Random
    pace: Pace = field(default_factory=Pace)
    time_scale: float = 1.0
    faults: dict[str, Faults] = field(default_factory=lambda: {name: Faults() for name in CHANNELS})
    _overtaken: int = 0

    def webhook_url(self, channel: str) -> str:
        """The gateway's public address for this channel's webhooks."""
        return f"{self.settings.public_base_url.rstrip('/')}/webhooks/{channel}"

    def hex_id(self, prefix: str) -> str:
        """A new id in Twilio's form: two letters and 32 hexadecimal digits."""
        return f"{prefix}{self.dice.getrandbits(128):032x}"

    def first_serial(self) -> int:
        """Where counted ids begin: behind those of earlier runs, which the gateway would take for duplicates."""
        return int(self.clock.now().timestamp() * 1000)

    def note_sent(self, handset: Handset, act: Act, provider_id: str, **values: object) -> Entry:
        """Write down what the phone sends, before any webhook is tried."""
        handset.wrote_at = self.clock.steady()
        return self.ledger.add(
            handset, "sent", act.kind, text=act.text, payload=act.token, provider_id=provider_id, **values
        )

    def in_window(self, handset: Handset | None) -> bool:
        """Whether WhatsApp lets a business write freely: 24 hours from the person's last message."""
        wrote_at = handset.wrote_at if handset else None
        return wrote_at is not None and self.clock.steady() - wrote_at < WINDOW_S

    def bring(self, entry: Entry, call: Call) -> None:
        """Send a message's webhook in the background, with the faults of its channel."""
        entry.webhook = Webhook()
        faults = self.faults[call.channel]
        delay = faults.late_ms / 1000
        if faults.reorder:
            self._overtaken += 1
            delay += OVERTAKEN_S * (self._overtaken % 2)
        for _ in range(1 + faults.duplicate):
            self.courier.start(self.carry(entry, call, delay))

    async def carry(self, entry: Entry, call: Call, delay: float = 0.0) -> bool:
        """Deliver one message's webhook and show on the phone how it went."""
        if delay:
            await self.clock.sleep(delay)
        accepted = await self.courier.deliver(call, entry.webhook)
        self.ledger.changed(entry)
        return accepted

    def report(self, channel: str, steps: Sequence[Step]) -> None:
        """Run status reports in the background, in order or (fault) shuffled, or not at all."""
        faults = self.faults[channel]
        order = self.dice.sample(steps, len(steps)) if faults.shuffle_statuses else steps
        self.courier.start(_in_turn(order))

    async def answer(
        self, channel: str, request: Request, work: Callable[[], Response], refuse: Callable[[int], Response]
    ) -> Response:
        """Answer an API request, with the faults of its channel. `refuse` writes an error in the provider's words."""
        faults = self.faults[channel]
        if faults.delay_ms:
            await self.clock.sleep(faults.delay_ms / 1000)
        fault = faults.answer(self.dice)
        if isinstance(fault, int):
            return refuse(fault)
        if fault == "timeout":
            return await _hang(request)
        response = work()
        return await _hang(request) if fault == "lost" else response


def tapped(handset: Handset, act: Act) -> tuple[Entry, Choice]:
    """The message and choice that a tap means: of entry `act.entry`, or the latest that offers it. Raises BadAct."""
    for entry in reversed(handset.entries):
        if act.entry in (0, entry.number):
            for choice in entry.choices:
                if choice.token == act.token:
                    return entry, choice
    raise BadAct("no message on this phone offers that choice")


def own_message(handset: Handset, act: Act) -> Entry:
    """The phone's own text that an edit means. Raises BadAct."""
    for entry in reversed(handset.entries):
        if entry.direction == "sent" and entry.kind == "text" and act.entry in (0, entry.number):
            return entry
    raise BadAct("this phone has sent no such message")


async def _in_turn(steps: Sequence[Step]) -> None:
    for step in steps:
        await step()


async def _hang(request: Request) -> Response:
    """Say nothing until the client gives up."""
    for _ in range(int(HANG_S / 0.05)):
        if await request.is_disconnected():
            break
        await asyncio.sleep(0.05)
    return Response(status_code=504)
