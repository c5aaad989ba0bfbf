"""A worker that dies between any two steps of an erasure leaves nothing that is not erased soon after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.keeping import build_forget
from handoff.settings import Settings
from handoff.simulator.phone import Phone
from handoff.store.erasing import finish_all
from tests.chaos.dying import Death, Moment, Shift
from tests.path.test_erasing import left
from tests.path.test_handoff import answer
from tests.path.whole import Whole, whole


@pytest.fixture
async def path(settings: Settings, engine: AsyncEngine) -> AsyncIterator[Whole]:
    """The whole path; the worker that it brings is sent home, since ours are to die."""
    async with whole(settings) as running:
        running.worker.stop()
        yield running


@contextlib.asynccontextmanager
async def working(path: Whole, death: Death | None) -> AsyncIterator[None]:
    task = asyncio.create_task(Shift(path.house, death, path.assistant).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def asked_to_erase(path: Whole, channel: str) -> tuple[Phone, object]:
    """Somebody with an open case and a word about it, who has asked to be erased."""
    phone = path.phone(channel)
    async with working(path, None):
        phone.send("9")
        for _ in ("they can write safely now", "somebody may contact them"):
            answer(phone, await phone.next_reply(15), 1)
        await phone.next_reply(15)
        await path.settle(15)
        phone.send("the driver has my passport")
        await path.settle(15)
        phone.send("erase")
        while "undone" not in (question := await phone.next_reply(15)).text:
            pass
        await path.settle(15)
    return phone, question


@pytest.mark.parametrize("channel", ["telegram", "sms-twilio"])
@pytest.mark.parametrize("moment", Moment)
async def test_whoever_dies_the_erasure_is_finished_and_answered(path: Whole, channel: str, moment: Moment) -> None:
    phone, question = await asked_to_erase(path, channel)
    death = Death(moment, 0)
    async with working(path, death):
        answer(phone, question, 1)
        assert "erased" in (await phone.next_reply(15)).text
        await asyncio.wait_for(_died(death), 15)
        await path.settle(15)
        forget = build_forget(path.house.engine, path.house.vault, path.house.channels)
        async with asyncio.timeout(20):
            while await left(path):
                await finish_all(path.house.engine, path.house.vault)
                await path.do("UPDATE provider_copies SET next_at = now()")
                await forget.erased()
                await asyncio.sleep(0.05)
    assert await path.value("SELECT state FROM cases") == "erased"


async def _died(death: Death) -> None:
    while not death.died:  # noqa: ASYNC110 (only looking tells)
        await asyncio.sleep(0.01)
