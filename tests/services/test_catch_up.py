"""Closing a gap: each provider is asked since the last time, with some overlap; one that fails is asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.core.message import Event, Incoming, Kind
from handoff.services.catch_up import CatchUp
from tests.services.scene import NOW, FakeChannel, ago

MISSED = Incoming("sms-twilio", "+15550190000", "sms", "+15550001", "SM1", Kind.TEXT, "hello")


@dataclass
class Door:
    received: list[Event] = field(default_factory=list)

    async def receive(self, events: object) -> int:
        new = [event for event in events if event not in self.received]  # type: ignore[attr-defined]
        self.received += new
        return len(new)


@dataclass
class Marks:
    until: dict[str, datetime] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)

    async def caught_up_until(self, channel: str) -> datetime | None:
        if self.failing.get(channel):
            self.failing[channel] -= 1
            raise OSError("the database has gone away once more")
        return self.until.get(channel)

    async def set_caught_up(self, channel: str, until: datetime) -> None:
        self.until[channel] = until


async def test_what_was_missed_comes_in_by_the_same_door_once() -> None:
    channel, door, marks = FakeChannel(missed=[MISSED]), Door(), Marks()
    catch_up = CatchUp({"sms-twilio": channel}, door, marks, lambda: NOW)
    assert await catch_up.run() == 1
    assert await catch_up.run() == 0
    assert door.received == [MISSED]
    assert channel.asked_since == [ago(hours=24, minutes=5), NOW - timedelta(minutes=5)]


async def test_a_provider_that_fails_is_asked_again_from_the_same_time_and_stops_no_other() -> None:
    broken, fine = FakeChannel(missed=RuntimeError("down")), FakeChannel(missed=[MISSED], name="whatsapp-twilio")
    marks = Marks({"sms-twilio": ago(hours=1)})
    catch_up = CatchUp({"sms-twilio": broken, "whatsapp-twilio": fine}, Door(), marks, lambda: NOW)
    assert await catch_up.run() == 1
    assert marks.until == {"sms-twilio": ago(hours=1), "whatsapp-twilio": NOW}


async def test_after_a_gap_what_fails_is_asked_again_and_what_did_not_is_not() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    sms, whatsapp, door = FakeChannel(missed=[MISSED]), FakeChannel(missed=[], name="whatsapp-twilio"), Door()
    channels = {"sms-twilio": sms, "whatsapp-twilio": whatsapp}
    await CatchUp(channels, door, Marks(failing={"sms-twilio": 3}), lambda: NOW, sleep).close_gap()
    assert door.received == [MISSED]
    assert slept == [1, 2, 4]
    assert len(whatsapp.asked_since) == 1


async def test_what_fails_to_the_end_is_left_to_the_regular_run() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    broken = FakeChannel(missed=RuntimeError("down"))
    await CatchUp({"sms-twilio": broken}, Door(), Marks(), lambda: NOW, sleep).close_gap()
    assert 60 < sum(slept) < 300
