"""The whole simulator as one object: phones on four channels, and what they do."""

from __future__ import annotations

import json
import random
from pathlib import Path

from starlette.routing import Route

from handoff.settings import Settings
from handoff.simulator.clock import Clock, RealClock
from handoff.simulator.courier import Courier, Post
from handoff.simulator.exchange import CHANNELS, Act, BadAct, Exchange, Pace
from handoff.simulator.faults import Faults
from handoff.simulator.ledger import Entry, Handset, Ledger
from handoff.simulator.meta import MetaPhones
from handoff.simulator.meta_api import MetaApi
from handoff.simulator.post import HttpPost
from handoff.simulator.telegram import TelegramPhones
from handoff.simulator.telegram_api import TelegramApi
from handoff.simulator.twilio import TwilioPhones
from handoff.simulator.twilio_api import TwilioApi

PEOPLE = Path(__file__).with_name("people.json")


class NotDevelopment(ValueError):
    """The simulator signs webhooks with the deployment's own secrets, so it runs in development only."""


class Simulator:
    """Providers and phones. `post` carries webhooks (tests pass their own); times come from `clock`.

    `gateway_url` is where the gateway is reached when that is not its public base URL; signatures are always made
    over the public one. `time_scale` shortens Meta's and Telegram's waits between retries. `first` is where
    phone numbers begin (see Ledger). Raises NotDevelopment.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        gateway_url: str = "",
        clock: Clock | None = None,
        post: Post | None = None,
        pace: Pace | None = None,
        time_scale: float = 1.0,
        dice: random.Random | None = None,
        first: int = 0,
    ) -> None:
        if not settings.development:
            raise NotDevelopment("AMANA_ENVIRONMENT must be development for the simulator to start")
        clock = clock or RealClock()
        self.settings = settings
        self.http = HttpPost(settings.public_base_url, gateway_url)
        self.ledger = Ledger(clock, first)
        self.courier = Courier(post or self.http, clock)
        self.exchange = Exchange(
            settings,
            clock,
            self.ledger,
            self.courier,
            self.http,
            dice or random.Random(),
            pace=pace or Pace(),
            time_scale=time_scale,
        )
        self.twilio = TwilioPhones(self.exchange)
        self.meta = MetaPhones(self.exchange)
        self.telegram = TelegramPhones(self.exchange)
        self.seat_people()

    def provider_routes(self) -> list[Route]:
        """The stand-in endpoints of all providers."""
        apis = (
            TwilioApi(self.exchange, self.twilio),
            TelegramApi(self.exchange, self.telegram),
            MetaApi(self.exchange, self.meta),
        )
        return [route for api in apis for route in api.routes()]

    def seat_people(self) -> None:
        """Put the fictional people of `people.json` on their phones."""
        for person in json.loads(PEOPLE.read_text("utf-8")):
            self.add_phone(person["channel"], name=person["name"], language=person["language"])

    def add_phone(self, channel: str, *, name: str = "", language: str = "en", address: str = "") -> Handset:
        """Switch on a phone, at a free fictional address when none is given. Raises BadAct."""
        self._check(channel, address or "0")
        return self.ledger.handset(
            channel, address or self.ledger.free_address(channel), name=name[:40], language=language
        )

    def act(self, channel: str, address: str, act: Act) -> Entry:
        """A person does something on a phone; a phone that was not there is switched on. Raises BadAct."""
        self._check(channel, address)
        handset = self.ledger.find(channel, address) or self.ledger.handset(channel, address)
        if channel == "telegram":
            return self.telegram.act(handset, act)
        return self.meta.act(handset, act) if channel == "whatsapp-cloud" else self.twilio.act(handset, act)

    def _check(self, channel: str, address: str) -> None:
        if channel not in CHANNELS:
            raise BadAct(f"channel must be one of {', '.join(CHANNELS)}")
        if channel == "telegram" and not (address.isascii() and address.isdigit()):
            raise BadAct("a Telegram address is a number")

    async def reset(self) -> None:
        """Stop what is under way, forget all messages, faults and webhooks set, and seat the people again."""
        await self.courier.stop()
        self.courier.attempts.clear()
        self.exchange.faults.update({name: Faults() for name in CHANNELS})
        for phones in (self.twilio, self.meta, self.telegram):
            phones.reset()
        self.ledger.clear()
        self.seat_people()

    async def aclose(self) -> None:
        """Stop what is under way and close connections."""
        await self.courier.stop()
        await self.http.aclose()
