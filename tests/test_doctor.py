"""`amana doctor` says what is not fit for people yet, and stops production where it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.app import build_house
from handoff.doctor import Finding, about_database, about_settings, about_texts
from handoff.settings import Settings
from tests.commands import amana

FIT = {"public_base_url": "https://amana.example", "hotline": "+15550100", "channels": ("telegram",)}


def findings(**values: Any) -> list[Finding]:
    return list(about_settings(Settings(_env_file=None, **FIT | values)))


def test_a_fit_production_has_nothing_to_say() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"public_base_url": "http://amana.example"}, "https"),
        ({"hotline": ""}, "AMANA_HOTLINE"),
        ({"channels": ()}, "AMANA_CHANNELS"),
        ({"require_reviewed": False}, "AMANA_REQUIRE_REVIEWED"),
    ],
)
def test_what_would_harm_people_stops_production(values: dict[str, Any], word: str) -> None:
    (finding,) = findings(**values)
    assert finding.stop
    assert word in finding.sentence


def test_in_development_most_of_it_is_a_note() -> None:
    found = findings(environment="development", public_base_url="http://127.0.0.1", hotline="")
    assert [finding.stop for finding in found] == [False, False]


@pytest.mark.parametrize("replies", [True, False])
def test_with_sms_it_asks_to_check_who_answers_stop(replies: bool) -> None:
    (finding,) = findings(channels=("sms-twilio",), twilio_carrier_replies=replies)
    assert ("does not answer" in finding.sentence) is not replies
    assert not finding.stop


def test_draft_safety_texts_stop_where_texts_must_be_reviewed(settings: Settings) -> None:
    for must, stop in ((True, True), (False, False)):
        house = build_house(settings.model_copy(update={"require_reviewed": must}))
        drafts = [finding for finding in about_texts(house) if finding.sentence.startswith("Language")]
        assert {finding.stop for finding in drafts} == {stop}


async def test_a_database_that_is_not_there_and_letters_that_wait_are_said(
    settings: Settings, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO dead_letters (direction, channel, code) VALUES ('in', 'sms', 'x')"))
    away = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/amana"})
    found = []
    for each in (away, settings):
        house = build_house(each)
        found += await about_database(house)
        await house.aclose()
    assert [finding.stop for finding in found] == [True, False]
    assert "127.0.0.1" not in found[0].sentence
    assert "1 dead letters" in found[1].sentence


def test_the_command_prints_them_and_says_who_must_confirm(tmp_path: Path, settings: Settings) -> None:
    done = amana(tmp_path, settings, "doctor")
    assert done.code == 1
    assert "STOP  AMANA_CHANNELS is empty" in done.out
    assert done.out.splitlines()[-1].startswith("note  Before field use")
