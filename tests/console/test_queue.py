"""The queue page: who needs whom first, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from tests.console.world import OTHER, World


async def test_alarms_come_first_then_level_then_waiting_time(world: World) -> None:
    await world.staff("mina")
    await world.case("NEWP2", level="P2", waited=timedelta(minutes=1))
    await world.case("OLDP2", level="P2", waited=timedelta(hours=5))
    await world.case("P0OLD", level="P0", waited=timedelta(hours=9))
    await world.case("ALARM", level="P0", waited=timedelta(minutes=2), alarm_at=world.clock())
    browser = await world.browser(world.console(), "mina")
    page = (await browser.get("/")).text
    queue = page[page.index('<div id="queue">') :]
    places = [queue.index(number) for number in ("ALARM", "P0OLD", "OLDP2", "NEWP2")]
    assert places == sorted(places)


async def test_a_case_is_shown_by_codes_and_clocks(world: World) -> None:
    await world.staff("mina")
    await world.case("ABC234", level="P1", stopped=True, carrier_blocked=True, modality="call")
    browser = await world.browser(world.console(), "mina")
    page = (await browser.get("/?lang=en")).text
    for words in ("ABC234", "within 24 hours", "Asked for a person", "Spanish", "SMS", "call", "do not write"):
        assert words in page
    assert "Blocked by the carrier" in page


async def test_no_number_and_no_words_of_a_person_are_on_the_queue(world: World) -> None:
    await world.staff("mina")
    await world.says(await world.case("ABC234"), "my secret words")
    page = (await (await world.browser(world.console(), "mina")).get("/")).text
    assert "+1555" not in page
    assert "secret" not in page


async def test_cases_of_other_organisations_are_not_listed(world: World) -> None:
    await world.staff("mina")
    await world.case("SHOWN2")
    await world.case("HIDDEN", organisation=OTHER)
    page = (await (await world.browser(world.console(), "mina")).get("/")).text
    assert "SHOWN2" in page
    assert "HIDDEN" not in page


async def test_closed_cases_leave_the_queue(world: World) -> None:
    await world.staff("mina")
    await world.case("ENDED2", state="closed")
    page = (await (await world.browser(world.console(), "mina")).get("/?lang=en")).text
    assert "ENDED2" not in page
    assert "Nobody is waiting." in page


async def test_a_case_past_its_time_is_marked(world: World) -> None:
    await world.staff("mina")
    await world.case("LATE22", level="P1", waited=timedelta(hours=25))
    page = (await (await world.browser(world.console(), "mina")).get("/?lang=en")).text
    assert "Past its time" in page


async def test_the_desk_reads_right_to_left_in_arabic_and_remembers_it(world: World) -> None:
    await world.staff("mina")
    await world.case("ABC234")
    browser = await world.browser(world.console(), "mina")
    first = (await browser.get("/?lang=ar")).text
    again = (await browser.get("/")).text
    for page in (first, again):
        assert '<html lang="ar" dir="rtl">' in page
        assert "من يحتاج المساعدة أولا" in page


async def test_the_browsers_language_is_used_until_one_is_chosen(world: World) -> None:
    await world.staff("mina")
    browser = await world.browser(world.console(), "mina")
    page = (await browser.get("/", headers={"accept-language": "de, es;q=0.8, en;q=0.5"})).text
    assert '<html lang="es" dir="ltr">' in page
