"""A gateway that checks signatures, the simulator in front of it, and one with a clock that costs no time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from handoff.simulator.app import build
from handoff.simulator.simulator import Simulator
from tests.simulator.running import QUICK, FakeClock, Gateway, ScriptedPost, running, settings_for


@dataclass
class Stage:
    """A running simulator: its address, and the gateway that it calls."""

    url: str
    simulator: Simulator
    gateway: Gateway


@pytest.fixture(scope="session")
async def theatre() -> AsyncIterator[Stage]:
    gateway = Gateway()
    async with running(gateway.app()) as gateway.url:
        simulator = Simulator(settings_for(gateway.url), pace=QUICK, dice=random.Random(1))
        async with running(build(simulator.settings, simulator=simulator)) as url:
            yield Stage(url, simulator, gateway)


@pytest.fixture
async def stage(theatre: Stage) -> Stage:
    """The servers are started once; everything in them is fresh for each test."""
    await theatre.simulator.reset()
    theatre.simulator.exchange.pace = QUICK
    theatre.gateway.reset()
    return theatre


@dataclass
class Rehearsal:
    """A simulator without a network: webhooks go to a script, and waiting takes no time."""

    simulator: Simulator
    post: ScriptedPost
    clock: FakeClock


@pytest.fixture
async def rehearsal() -> AsyncIterator[Rehearsal]:
    clock = FakeClock()
    post = ScriptedPost(clock)
    simulator = Simulator(
        settings_for("https://gateway.example"), clock=clock, post=post, pace=QUICK, dice=random.Random(1)
    )
    yield Rehearsal(simulator, post, clock)
    await simulator.aclose()
