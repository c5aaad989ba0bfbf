"""The case page over HTTP: claiming, writing, releasing, closing."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest

from tests.console.world import Browser, World, together

RACES = 200


async def open_desk(world: World, *logins: str) -> list[Browser]:
    """These people, signed in at the same desk."""
    app = world.console()
    for login in logins:
        await world.staff(login)
    return [await world.browser(app, login) for login in logins]


async def test_of_two_who_claim_at_once_exactly_one_wins_and_the_other_is_told_who(world: World) -> None:
    mina, omar = await open_desk(world, "mina", "omar")
    names = ("Mina", "Omar")
    wins = [0, 0]
    for number in range(RACES):
        case_id = await world.case(f"R{number:05}")
        answers = await together(*(browser.post(f"/cases/{case_id}/claim") for browser in (mina, omar)))
        assert sorted(answer.status_code for answer in answers) == [303, 409]
        winner = 0 if answers[0].status_code == 303 else 1
        wins[winner] += 1
        assert f"{names[winner]} has it." in answers[1 - winner].text
        assert await world.one("SELECT claim_fence FROM cases WHERE id = :id", id=case_id) == 1
    assert sum(wins) == RACES
    assert await world.one("SELECT count(*) FROM audit WHERE action = 'case.claim'") == RACES


async def test_claiming_hands_the_conversation_over_and_tells_the_person(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    answer = await mina.post(f"/cases/{case_id}/claim")
    assert answer.headers["location"] == f"/console/cases/{case_id}"
    assert await world.one("SELECT owner FROM conversations") == "caseworker"
    assert [row.key for row in await world.outbound(case_id)] == ["handoff.claimed"]


async def test_a_second_click_changes_nothing(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    answers = await together(*(mina.post(f"/cases/{case_id}/claim") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len(await world.outbound(case_id)) == 1
    assert await world.one("SELECT claim_fence FROM cases") == 1


async def test_a_case_whose_consent_has_ended_cannot_be_claimed(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    await world.run("UPDATE consents SET withdrawn_at = now()")
    answer = await mina.post(f"/cases/{case_id}/claim")
    assert answer.status_code == 409
    assert "consent has ended" in answer.text


async def test_the_page_says_what_was_agreed_to(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    page = (await mina.get(f"/cases/{await world.case('ABC234', plan='any')}?lang=en")).text
    for words in ("ABC234", "consent.contact", "3f9a1c20", "Spanish", "SMS", "may contact this person", "Any time"):
        assert words in page
    assert re.search(r"Person [0-9A-Z]{4}", page)
    assert "+1555" not in page


async def test_reading_a_case_is_on_record(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    await mina.get(f"/cases/{case_id}")
    assert await world.one("SELECT object_id FROM audit WHERE action = 'case.read'") == str(case_id)


async def test_what_the_person_wrote_is_shown_as_text(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    await world.says(case_id, "<script>alert(1)</script><img src=x onerror=alert(2)>")
    page = (await mina.get(f"/cases/{case_id}")).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img src=x" not in page
    assert '<p class="said" dir="auto">' in page


async def test_a_voice_note_is_named_and_the_note_stands_apart(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    await world.says(case_id, "", kind="voice")
    await world.says(case_id, "please write, do not call", kind="note")
    page = (await mina.get(f"/cases/{case_id}?lang=en")).text
    assert "Sent a voice note. It was not kept." in page
    assert page.index("Their note") < page.index("please write, do not call")


async def test_words_under_a_destroyed_key_are_gone(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234")
    await world.says(case_id, "my words")
    await world.run("UPDATE case_messages SET cipher = NULL")
    page = (await mina.get(f"/cases/{case_id}?lang=en")).text
    assert "Erased" in page


class TestWriting:
    """What the holder writes."""

    async def test_it_is_kept_in_the_case_and_sent(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        answer = await mina.post(f"/cases/{case_id}/reply", text="Hola, ¿puede escribir?")
        page = (await mina.get(f"/cases/{case_id}?lang=en")).text
        sent = (await world.outbound(case_id))[-1]
        assert answer.status_code == 303
        assert (sent.speaker, sent.kind, sent.state) == ("human", "reply", "queued")
        assert "Hola, ¿puede escribir?" in page
        assert "Waiting to be sent" in page

    async def test_a_message_long_after_theirs_is_proactive(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234", wrote=timedelta(hours=2))
        await mina.post(f"/cases/{case_id}/claim")
        await mina.post(f"/cases/{case_id}/reply", text="hello")
        assert {row.kind for row in await world.outbound(case_id)} == {"proactive"}

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({}, "is sent at once"),
            ({"wrote": timedelta(minutes=50), "plan": "any"}, "write nothing that gives the person away"),
            ({"wrote": timedelta(hours=2), "plan": "any"}, "We knock first"),
            ({"wrote": timedelta(hours=2), "plan": "self"}, "The person writes first"),
            ({"wrote": timedelta(hours=25), "plan": "any", "channel": "whatsapp-cloud"}, "24-hour window"),
            ({"stopped": True}, "Nothing can be sent until they start again"),
        ],
    )
    async def test_the_page_says_before_what_will_happen(
        self, world: World, values: dict[str, object], words: str
    ) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234", **values)  # type: ignore[arg-type]
        await mina.post(f"/cases/{case_id}/claim")
        assert words in (await mina.get(f"/cases/{case_id}?lang=en")).text

    async def test_the_same_form_twice_is_one_message(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        page = (await mina.get(f"/cases/{case_id}")).text
        found = re.search(r'name="after" value="([^"]*)"', page)
        assert found
        twice = [mina.post(f"/cases/{case_id}/reply", text="hello", after=found[1]) for _ in range(2)]
        answers = await together(*twice)
        assert [answer.status_code for answer in answers] == [303, 303]
        assert [row.speaker for row in await world.outbound(case_id)].count("human") == 1

    async def test_only_the_holder_may_write_and_the_draft_is_kept(self, world: World) -> None:
        mina, omar = await open_desk(world, "mina", "omar")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        read = await omar.get(f"/cases/{case_id}?lang=en")
        answer = await omar.post(f"/cases/{case_id}/reply", text="my long draft")
        assert "Mina has this case. You can read it." in read.text
        assert "<textarea" not in read.text
        assert answer.status_code == 409
        assert "my long draft</textarea>" in answer.text
        assert await world.one("SELECT count(*) FROM outbound WHERE speaker = 'human'") == 0

    @pytest.mark.parametrize(("words", "why"), [("  \n ", "Write something first."), ("x" * 1001, "too long")])
    async def test_what_cannot_be_sent_stays_in_the_form(self, world: World, words: str, why: str) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        answer = await mina.post(f"/cases/{case_id}/reply", text=words)
        assert answer.status_code == 422
        assert why in answer.text
        assert words.strip() in answer.text

    async def test_nobody_writes_after_stop(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        await world.run("UPDATE cases SET stopped = true")
        answer = await mina.post(f"/cases/{case_id}/reply", text="hello")
        assert answer.status_code == 422
        assert "the person has stopped messages" in answer.text

    @pytest.mark.parametrize(
        ("state", "code", "words"),
        [
            ("delivered", None, "Delivered"),
            ("read", None, "Read"),
            ("held", "person_writes_first", "Held until they write: the person writes first"),
            ("failed", "30003", "Not sent: the phone is off or out of reach"),
            ("failed", "99999", "Not sent: code 99999"),
            ("expired", None, "Too late to send"),
        ],
    )
    async def test_delivery_is_told_in_words(self, world: World, state: str, code: str | None, words: str) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        await mina.post(f"/cases/{case_id}/reply", text="hello")
        await world.run(
            "UPDATE outbound SET state = :state, error_code = :code, possible_duplicate = true WHERE speaker = 'human'",
            state=state,
            code=code,
        )
        page = " ".join((await mina.get(f"/cases/{case_id}?lang=en")).text.split())
        assert words in page
        assert "may have arrived twice" in page


class TestGivingBack:
    """Releasing, taking over and closing."""

    async def test_the_holder_gives_the_case_back_to_people(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        assert (await mina.post(f"/cases/{case_id}/release")).status_code == 303
        assert await world.one("SELECT state FROM cases") == "waiting"
        assert await world.one("SELECT owner FROM conversations") == "waiting"
        assert (await world.outbound(case_id))[-1].key == "handoff.returned"

    @pytest.mark.parametrize(
        ("role", "status", "state"), [("caseworker", 409, "claimed"), ("supervisor", 303, "waiting")]
    )
    async def test_only_a_supervisor_takes_a_case_out_of_others_hands(
        self, world: World, role: str, status: int, state: str
    ) -> None:
        app = world.console()
        await world.staff("mina")
        await world.staff("sara", role=role)
        mina, sara = await world.browser(app, "mina"), await world.browser(app, "sara")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        assert (await sara.post(f"/cases/{case_id}/release")).status_code == status
        assert await world.one("SELECT state FROM cases") == state

    async def test_a_case_whose_claim_ran_out_can_be_taken(self, world: World) -> None:
        mina, omar = await open_desk(world, "mina", "omar")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        world.clock.ahead = timedelta(minutes=31)
        await omar.get("/")
        assert (await omar.post(f"/cases/{case_id}/claim")).status_code == 303
        assert (await mina.post(f"/cases/{case_id}/reply", text="still me")).status_code == 409

    @pytest.mark.parametrize("code", ["helped", "referred", "no_answer", "wrong_number", "withdrawn", "other"])
    async def test_closing_gives_the_chat_back_to_the_assistant_and_says_so(self, world: World, code: str) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        answer = await mina.post(f"/cases/{case_id}/close", code=code)
        page = (await mina.get(f"/cases/{case_id}?lang=en")).text
        assert answer.status_code == 303
        assert await world.one("SELECT state || ' ' || close_code FROM cases") == f"closed {code}"
        assert await world.one("SELECT owner FROM conversations") == "closed"
        assert (await world.outbound(case_id))[-1].key == "handoff.closed"
        assert "The assistant answers again." in page
        assert "<textarea" not in page

    async def test_closing_needs_a_code_and_the_holder(self, world: World) -> None:
        mina, omar = await open_desk(world, "mina", "omar")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        no_code = await mina.post(f"/cases/{case_id}/close", code="bored")
        not_holder = await omar.post(f"/cases/{case_id}/close", code="helped")
        assert (no_code.status_code, not_holder.status_code) == (422, 409)
        assert await world.one("SELECT state FROM cases") == "claimed"

    async def test_after_closing_nobody_writes(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234")
        await mina.post(f"/cases/{case_id}/claim")
        await mina.post(f"/cases/{case_id}/close", code="helped")
        assert (await mina.post(f"/cases/{case_id}/reply", text="one more thing")).status_code == 409
        assert (await mina.post(f"/cases/{case_id}/claim")).status_code == 409

    async def test_nothing_is_said_to_somebody_who_stopped(self, world: World) -> None:
        (mina,) = await open_desk(world, "mina")
        case_id = await world.case("ABC234", stopped=True)
        await mina.post(f"/cases/{case_id}/claim")
        await mina.post(f"/cases/{case_id}/close", code="withdrawn")
        assert await world.outbound(case_id) == []


async def test_an_alarm_is_shown_until_the_holder_has_seen_it(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    case_id = await world.case("ABC234", level="P0", alarm_at=world.clock())
    await mina.post(f"/cases/{case_id}/claim")
    before = (await mina.get(f"/cases/{case_id}?lang=en")).text
    await mina.post(f"/cases/{case_id}/seen")
    after = (await mina.get(f"/cases/{case_id}?lang=en")).text
    assert "I have seen it" in before
    assert "I have seen it" not in after
    assert "danger now" in after


async def test_a_case_that_never_was_is_not_found(world: World) -> None:
    (mina,) = await open_desk(world, "mina")
    assert (await mina.get(f"/cases/{uuid.uuid4()}")).status_code == 404
