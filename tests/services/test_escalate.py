"""The clocks of the procedure: worker, supervisor and person, another organisation; each once (SAFETY §6)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.sop import Sop
from handoff.services.claim import claim
from handoff.services.escalate import Clocks, escalate
from handoff.services.reply import Reply, reply
from handoff.settings import Settings
from handoff.store.vault import Vault
from tests.console.world import HOME, OTHER, PSEA, World

HOUR = timedelta(hours=1)
CLOCKS = Clocks(Sop.load(), HOME)


@pytest.fixture
def world(engine: AsyncEngine, vault: Vault, settings: Settings, database: str) -> World:
    """A desk on a fresh database."""
    return World(engine, vault, settings, database)


async def late(world: World, share: float, **more: Any) -> uuid.UUID:
    """A case with ten hours to answer of which this share is over; the person writes at any time."""
    now = world.clock()
    waited = timedelta(hours=10) * share
    values = {"waited": waited, "due_at": now - waited + timedelta(hours=10), "plan": "any", "wrote": 2 * HOUR}
    return await world.case(f"L{uuid.uuid4().hex[:5]}", **(values | more))


async def run(world: World) -> int:
    """The job."""
    return await escalate(world.desk(), world.engine, CLOCKS, world.clock())


async def told(world: World) -> list[str]:
    """To whom, as the record has it."""
    found = await world.one(
        "SELECT string_agg(detail->>'told', ' ' ORDER BY id) FROM audit WHERE action = 'case.escalate'"
    )
    return (found or "").split()


@pytest.mark.parametrize(
    ("share", "who"),
    [
        (0.49, []),
        (0.51, ["worker"]),
        (1.01, ["worker", "supervisor"]),
        (2.01, ["worker", "supervisor", "backup"]),
    ],
)
async def test_each_is_told_when_the_time_has_come_and_once(world: World, share: float, who: list[str]) -> None:
    await world.staff("nia", organisation=PSEA, role="supervisor")
    await late(world, share)
    assert await run(world) == len(who)
    assert await run(world) == 0
    assert await told(world) == who


async def test_the_steps_follow_each_other_as_time_goes_by(world: World) -> None:
    await late(world, 0.6)
    for ahead, who in ((0, 1), (5, 2), (15, 3), (40, 3)):
        world.clock.ahead = ahead * HOUR
        await run(world)
        assert len(await told(world)) == who


async def test_the_person_is_told_the_truth_once_when_the_time_is_over(world: World) -> None:
    case_id = await late(world, 1.01)
    await run(world)
    await run(world)
    assert [(row.key, row.kind) for row in await world.outbound(case_id)] == [("handoff.late", "proactive")]


@pytest.mark.parametrize("why", ["stopped", "half"])
async def test_nothing_is_said_after_stop_or_before_the_time(world: World, why: str) -> None:
    case_id = await late(world, 1.01 if why == "stopped" else 0.6, stopped=why == "stopped")
    await run(world)
    assert await world.outbound(case_id) == []


async def test_an_answer_stops_the_clock_and_a_claim_alone_does_not(world: World) -> None:
    mina = await world.staff("mina")
    answered, claimed = await late(world, 0.3), await late(world, 0.3)
    desk = world.desk()
    async with world.engine.begin() as connection:
        for case_id in (answered, claimed):
            await claim(desk, connection, mina, case_id, world.clock())
        await reply(desk, connection, mina, answered, form=Reply("hello"), now=world.clock())
    world.clock.ahead = 4 * HOUR
    assert await run(world) == 1
    assert await world.one("SELECT object_id FROM audit WHERE action = 'case.escalate'") == str(claimed)


async def test_who_wants_a_call_is_answered_by_whoever_takes_the_case(world: World) -> None:
    mina = await world.staff("mina")
    case_id = await late(world, 0.3, modality="call")
    async with world.engine.begin() as connection:
        await claim(world.desk(), connection, mina, case_id, world.clock())
    world.clock.ahead = 20 * HOUR
    assert await run(world) == 0


async def test_one_that_fails_keeps_no_other(world: World) -> None:
    broken, good = await late(world, 1.5), await late(world, 1.01)
    await world.run("UPDATE conversations SET channel = 'gone' WHERE case_id = :id", id=broken)
    await world.run("UPDATE conversations SET prompts = '7' WHERE case_id = :id", id=broken)
    await run(world)
    assert [row.key for row in await world.outbound(good)] == ["handoff.late"]


class TestBackup:
    """Another organisation: a number and nothing else."""

    async def seen_by(self, world: World, login: str) -> str:
        """The queue of somebody."""
        return (await (await world.browser(world.console(), login)).get("/?lang=en")).text

    async def test_its_supervisor_sees_that_one_waits_and_nothing_of_the_case(self, world: World) -> None:
        await world.staff("nia", organisation=PSEA, role="supervisor")
        await world.staff("nils", organisation=PSEA)
        case_id = await late(world, 2.01, level="P1", locale="es", reasons=["ransom"])
        number = await world.one("SELECT number FROM cases")
        before = await self.seen_by(world, "nia")
        await run(world)
        page = await self.seen_by(world, "nia")
        assert "Waiting too long at a partner organisation: 1" in page
        assert "partner organisation" not in before
        assert not any(word in page for word in (number, str(case_id), "ransom", "Held for money", "Spanish", "P1"))
        assert "partner organisation" not in await self.seen_by(world, "nils")

    async def test_the_line_goes_when_somebody_has_answered(self, world: World) -> None:
        mina = await world.staff("mina")
        await world.staff("nia", organisation=PSEA, role="supervisor")
        case_id = await late(world, 2.01)
        await run(world)
        async with world.engine.begin() as connection:
            await claim(world.desk(), connection, mina, case_id, world.clock())
            await reply(world.desk(), connection, mina, case_id, form=Reply("hello"), now=world.clock())
        assert "partner organisation" not in await self.seen_by(world, "nia")

    @pytest.mark.parametrize(("organisation", "owner"), [(OTHER, "vot"), (OTHER, "psea")])
    async def test_an_organisation_that_may_not_know_is_never_told(
        self, world: World, organisation: str, owner: str
    ) -> None:
        for login, slug in (("nia", PSEA), ("sara", HOME)):
            await world.staff(login, organisation=slug, role="admin", focal=("psea",))
        await late(world, 2.01, organisation=organisation, owner=owner, excluded=[PSEA, HOME])
        await run(world)
        assert await told(world) == ["worker", "supervisor", "backup"]
        assert await world.one("SELECT backup_id FROM cases") is None
        for login in ("nia", "sara"):
            assert "partner organisation" not in await self.seen_by(world, login)

    async def test_who_also_works_for_an_excluded_organisation_is_not_told(self, world: World) -> None:
        nia = await world.staff("nia", organisation=PSEA, role="supervisor")
        await world.also_works_for(nia, OTHER)
        await late(world, 2.01, excluded=[OTHER])
        await run(world)
        assert await world.one("SELECT backup_id IS NOT NULL FROM cases")
        assert "partner organisation" not in await self.seen_by(world, "nia")


async def test_a_supervisor_is_alarmed_by_a_case_past_its_time_and_a_caseworker_sees_the_flag(world: World) -> None:
    await world.staff("mina")
    await world.staff("sara", role="supervisor")
    await late(world, 1.01)
    app = world.console()
    alarm = '<p class="alarm" data-sound="late'
    mina, sara = await world.browser(app, "mina"), await world.browser(app, "sara")
    hers, his = (await sara.get("/?lang=en")).text, (await mina.get("/?lang=en")).text
    assert alarm in hers
    assert alarm not in his
    assert "Past its time" in his


async def test_half_of_the_time_is_a_flag(world: World) -> None:
    await world.staff("mina")
    await late(world, 0.6)
    mina = await world.browser(world.console(), "mina")
    assert "Half of the time is over" in (await mina.get("/?lang=en")).text
