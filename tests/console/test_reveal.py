"""Showing a number or a word: who, for what reason, once, on record; and the level, with a reason (SAFETY §5)."""

from __future__ import annotations

import json
import uuid

import pytest
from sqlalchemy import text

from tests.console.world import Browser, World

NUMBER, WORD, SIGN = "+15550123", "blue teapot", "river lamp"


async def with_words(world: World, case_id: uuid.UUID) -> None:
    """The person has a word, and we have a sign."""
    async with world.engine.begin() as connection:
        key = await world._person_key(connection, case_id)
        values = {"word": key.encrypt(WORD, "persons.word_cipher"), "sign": key.encrypt(SIGN, "persons.sign_cipher")}
        change = "UPDATE persons SET word_cipher = :word, sign_cipher = :sign"
        await connection.execute(text(change), values)


async def held(world: World, *, role: str = "caseworker", **more: str) -> tuple[Browser, uuid.UUID]:
    """A case in the hands of Mina, with words; the browser is hers, or (by role) that of a colleague who looks on."""
    await world.staff("mina", focal=("gbv",))
    case_id = await world.case("ABC234", **more)  # type: ignore[arg-type]
    await with_words(world, case_id)
    app = world.console()
    mina = await world.browser(app, "mina")
    await mina.post(f"/cases/{case_id}/claim")
    if role == "caseworker":
        return mina, case_id
    await world.staff("sara", role=role.removeprefix("other "))
    return await world.browser(app, "sara"), case_id


async def test_no_page_shows_number_or_words_unasked(world: World) -> None:
    mina, case_id = await held(world)
    for path in ("/", f"/cases/{case_id}"):
        page = (await mina.get(path)).text
        assert not any(secret in page for secret in (NUMBER, WORD, SIGN))


@pytest.mark.parametrize(("what", "shown", "hidden"), [("number", [NUMBER], WORD), ("word", [WORD, SIGN], NUMBER)])
async def test_the_holder_sees_what_they_asked_for_once_and_nobody_keeps_the_page(
    world: World, what: str, shown: list[str], hidden: str
) -> None:
    mina, case_id = await held(world)
    answer = await mina.post(f"/cases/{case_id}/reveal", what=what, reason="danger")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert all(secret in answer.text for secret in shown)
    assert hidden not in answer.text
    again = (await mina.get(f"/cases/{case_id}")).text
    assert not any(secret in again for secret in shown)


async def test_the_record_says_who_and_why_and_nothing_of_what_was_shown(world: World) -> None:
    mina, case_id = await held(world)
    await mina.post(f"/cases/{case_id}/reveal", what="number", reason="call_agreed")
    row = json.loads(await world.one("SELECT row_to_json(a)::text FROM audit a WHERE action = 'case.reveal'"))
    assert row["actor"] == str(await world.one("SELECT id FROM staff WHERE login = 'mina'"))
    assert row["detail"] == {"what": "number", "reason": "call_agreed"}
    assert row["object_id"] == str(case_id)
    assert NUMBER not in json.dumps(row)


@pytest.mark.parametrize(
    ("what", "reason"), [("number", ""), ("", "danger"), ("number", "I am curious"), ("story", "danger")]
)
async def test_without_a_reason_of_the_list_nothing_is_shown(world: World, what: str, reason: str) -> None:
    mina, case_id = await held(world)
    answer = await mina.post(f"/cases/{case_id}/reveal?lang=en", what=what, reason=reason)
    assert answer.status_code == 422
    assert "Choose what to show, and why." in answer.text
    assert NUMBER not in answer.text
    assert await world.one("SELECT count(*) FROM audit WHERE action = 'case.reveal'") == 0


@pytest.mark.parametrize(("role", "status"), [("other caseworker", 409), ("supervisor", 200), ("admin", 200)])
async def test_of_the_others_only_a_supervisor_may(world: World, role: str, status: int) -> None:
    sara, case_id = await held(world, role=role)
    answer = await sara.post(f"/cases/{case_id}/reveal", what="number", reason="review")
    assert answer.status_code == status
    assert (NUMBER in answer.text) == (status == 200)


async def test_a_supervisor_who_is_no_focal_point_does_not_find_the_case(world: World) -> None:
    sara, case_id = await held(world, role="supervisor", owner="gbv")
    answer = await sara.post(f"/cases/{case_id}/reveal", what="number", reason="review")
    assert answer.status_code == 404
    assert NUMBER not in answer.text


@pytest.mark.parametrize(
    "end", ["UPDATE consents SET withdrawn_at = now()", "UPDATE consents SET expires_at = now() - interval '1 hour'"]
)
@pytest.mark.parametrize("role", ["caseworker", "supervisor", "admin"])
async def test_no_role_sees_a_number_without_a_live_consent(world: World, role: str, end: str) -> None:
    browser, case_id = await held(world, role=role)
    await world.run(end)
    answer = await browser.post(f"/cases/{case_id}/reveal", what="number", reason="danger")
    assert answer.status_code == 422
    assert NUMBER not in answer.text
    assert await world.one("SELECT count(*) FROM audit WHERE action = 'case.reveal'") == 0


async def test_what_was_agreed_to_is_said_beside_the_number(world: World) -> None:
    mina, case_id = await held(world, modality="write")
    answer = await mina.post(f"/cases/{case_id}/reveal", what="number", reason="danger")
    await mina.get("/?lang=en")
    answer = await mina.post(f"/cases/{case_id}/reveal", what="number", reason="danger")
    assert "They agreed to writing, not to a call." in answer.text


@pytest.mark.parametrize(
    "gone", ["UPDATE cases SET conversation_id = NULL", "UPDATE addresses SET cipher = decode('00', 'hex')"]
)
async def test_where_nothing_is_left_nothing_is_shown(world: World, gone: str) -> None:
    mina, case_id = await held(world)
    await world.run(gone)
    answer = await mina.post(f"/cases/{case_id}/reveal", what="number", reason="danger")
    assert answer.status_code == 422
    assert await world.one("SELECT count(*) FROM audit WHERE action = 'case.reveal'") == 0


class TestLevel:
    """A human's judgement goes before the rules'."""

    async def test_the_holder_raises_it_and_the_clock_is_never_longer(self, world: World) -> None:
        mina, case_id = await held(world, level="P2")
        answer = await mina.post(f"/cases/{case_id}/level", level="P0", reason="new_facts")
        assert answer.status_code == 303
        assert await world.one("SELECT level FROM cases") == "P0"
        assert await world.one("SELECT due_at < now() + interval '16 minutes' FROM cases")
        detail = await world.one("SELECT detail::text FROM audit WHERE action = 'case.level'")
        assert json.loads(detail) == {"before": "P2", "after": "P0", "reason": "new_facts"}

    @pytest.mark.parametrize(
        ("level", "reason"), [("P2", "mistake"), ("P9", "mistake"), ("P1", ""), ("P1", "because I think so")]
    )
    async def test_a_reason_and_another_level_are_needed(self, world: World, level: str, reason: str) -> None:
        mina, case_id = await held(world, level="P2")
        answer = await mina.post(f"/cases/{case_id}/level", level=level, reason=reason)
        assert answer.status_code == 422
        assert await world.one("SELECT level FROM cases") == "P2"

    async def test_only_the_holder_may(self, world: World) -> None:
        sara, case_id = await held(world, role="supervisor", level="P2")
        assert (await sara.post(f"/cases/{case_id}/level", level="P0", reason="new_facts")).status_code == 409
        assert await world.one("SELECT level FROM cases") == "P2"
