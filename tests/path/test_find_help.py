"""Looking for help on a phone, from the first word to what became of it, over the demo's fictional directory."""

from __future__ import annotations

import pytest

from handoff.core.effects import Effect, Find, OpenCase, Say
from handoff.core.ports import AssistantDown, AssistantTurn, Hints
from handoff.directory_commands import prepare_directory
from handoff.processes import add_staff
from handoff.simulator.phone import Phone
from tests.path.whole import CHANNELS, Whole

STAFF = ("mina", "tariq")


@pytest.fixture
async def help_path(path: Whole, monkeypatch: pytest.MonkeyPatch) -> Whole:
    """The whole path with the demo's directory, verified by two people."""
    monkeypatch.setattr("handoff.processes.configure_logs", lambda *_, **__: None)
    for login in STAFF:
        await add_staff(path.settings, login, login, role="caseworker", organisation="", password="a long password")
    await prepare_directory(path.settings, STAFF)
    return path


def understanding(path: Whole, *effects: Effect) -> None:
    """The assistant understands every text as looking for help (or as what is given), and no payload but ours."""

    async def turn(_: str, message: str, *, kind: str, hints: Hints, **__: object) -> AssistantTurn:
        if message == "/talk_to_human":
            return AssistantTurn((Say("consent.contact"),), {}, "talk_to_human")
        if "consent.write" in message:
            return AssistantTurn((OpenCase("write", "consent.contact"),), {}, "choose")
        return AssistantTurn(effects or (Find(),), {}, "find_help")

    path.assistant.turn = turn  # type: ignore[method-assign,assignment]


def broken(path: Whole) -> None:
    """No assistant at all."""

    async def turn(*_: object, **__: object) -> AssistantTurn:
        raise AssistantDown("unreachable")

    path.assistant.turn = turn  # type: ignore[method-assign]


async def says(phone: Phone, text: str, replies: int = 1) -> list[str]:
    """Write, and read so many answers."""
    phone.send(text)
    return [(await phone.next_reply()).text for _ in range(replies)]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_from_a_sentence_to_a_number(help_path: Whole, channel: str) -> None:
    understanding(help_path)
    first, second, after = await says(help_path.phone(channel), "I need a lawyer in Kelvary", 3)
    assert "Open Door Law West" in first
    assert "+1 555 0111" in first
    assert "Workers' Rights Desk" in second
    assert "Did this help?" in after


async def test_digits_alone_lead_to_help_while_the_assistant_is_down(help_path: Whole) -> None:
    phone = help_path.phone("sms-twilio")
    assert "1 Find help" in (await says(phone, "menu"))[0]
    broken(help_path)
    assert "What do you need?" in (await says(phone, "1"))[0]
    (places,) = await says(phone, "2")
    assert "1 Kelvary" in places
    assert "4 Any place" in places
    assert "5 More" in places
    assert "Talumba" in (await says(phone, "5"))[0]
    answer, after = await says(phone, "velmorra", 2)
    assert "Harbour Kitchen West" in answer
    assert "2 Number is dead" in after


async def test_what_is_missing_is_asked_and_what_was_said_is_not(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    assert "Where are you?" in (await says(phone, "I need something to eat"))[0]
    answer, _ = await says(phone, "1", 2)
    assert "Harbour Kitchen West" in answer


async def test_a_need_can_be_typed_and_so_can_a_place_in_another_script(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    assert "What do you need?" in (await says(phone, "help me find help"))[0]
    broken(help_path)
    assert "Where are you?" in (await says(phone, "a lawyer"))[0]
    answer, *_ = await says(phone, "أوسمير", 3)
    assert "Open Door Law West" in answer


async def test_for_whom_is_asked_only_where_women_or_men_have_services_of_their_own(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    (question,) = await says(phone, "doctor in kelvary")
    assert "1 Women" in question
    first, *_ = await says(phone, "1", 4)
    assert "Women's Health Room" in first
    other = help_path.phone("telegram")
    await says(other, "doctor in kelvary")
    answers = await says(other, "anyone", 3)
    assert not any("Women" in answer or "Men's" in answer for answer in answers)


async def test_a_service_is_told_with_the_comma_of_the_language(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("telegram")
    await says(phone, "طبيب في كلفاري")
    answer, *_ = await says(phone, "3", 3)
    assert "، " in answer
    assert ", " not in answer


async def test_a_shelter_gives_its_number_and_never_its_place(help_path: Whole) -> None:
    understanding(help_path)
    answer, _ = await says(help_path.phone("sms-twilio"), "a place to sleep in Talumba", 2)
    assert "Bridge House" in answer
    assert "+1 555 0122" in answer
    assert "by phone only" in answer


async def test_the_nearest_is_said_to_be_no_more_than_that(help_path: Whole) -> None:
    understanding(help_path)
    near, answer, *_ = await says(help_path.phone("sms-twilio"), "food in Ludrin", 3)
    assert "no checked service there" in near
    assert "Harbour Kitchen" in answer


async def test_where_nothing_is_known_that_is_said(help_path: Whole) -> None:
    understanding(help_path)
    await help_path.do("UPDATE directory_services SET status = 'inactive'")
    (answer,) = await says(help_path.phone("sms-twilio"), "lawyer in Kelvary")
    assert "I know no checked service for this" in answer
    assert "1 Another place" in answer


async def test_no_unverified_number_and_nobody_of_the_police_is_told(help_path: Whole) -> None:
    understanding(help_path)
    await help_path.do("UPDATE directory_phones SET verified_by_2 = NULL WHERE id = 'phone-safe-steps'")
    answers = await says(help_path.phone("sms-twilio"), "protection in Brinnas", 2)
    assert not any("Victim Desk" in answer or "Safe Steps" in answer for answer in answers)


async def test_every_answer_keeps_within_two_segments(help_path: Whole) -> None:
    understanding(help_path)
    for locale in ("en", "ar", "es"):
        phone = help_path.phone("sms-twilio")
        await help_path.do(
            "UPDATE directory_services SET name = name || ' with a name that is much longer than needed'"
        )
        await says(phone, "doctor in kelvary")
        await says(phone, "1", 4)
        await help_path.do("UPDATE conversations SET locale = :locale, locale_chosen = true", locale=locale)
        await says(phone, "lawyer in kelvary", 3)
    await help_path.settle()
    assert await help_path.value("SELECT max(segments) FROM outbound WHERE key LIKE 'find.%'") <= 2


async def test_a_dead_number_is_for_staff_and_the_person_gets_the_next_answer(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food in kelvary", 2)
    thanks, *_ = await says(phone, "2", 2)
    assert "We will check the number" in thanks
    await help_path.settle()
    assert await help_path.value("SELECT service_ids FROM directory_reports") == ["harbour-kitchen-west"]
    hidden = "SELECT count(*) FROM directory_services WHERE id = 'harbour-kitchen-west' AND status = 'active'"
    assert await help_path.value(hidden) == 1


async def test_it_helped(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food in kelvary", 2)
    assert "Good to know" in (await says(phone, "it helped"))[0]


async def test_what_was_not_safe_leads_to_a_person_and_the_case_knows_whom_to_keep_out(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food in kelvary", 2)
    (offer,) = await says(phone, "3")
    assert "who does not work there" in offer
    await says(phone, "1")
    consent = (await says(phone, "1"))[0]
    assert "Demo Aid" in consent
    await says(phone, "1", 2)
    await help_path.settle()
    assert await help_path.value("SELECT coi_orgs FROM complaints") == ["org-harbour"]
    assert await help_path.value("SELECT count(*) FROM directory_reports") == 0


async def test_the_menu_in_between_does_not_forget_whom_to_keep_out(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food in kelvary", 2)
    await says(phone, "3")
    await says(phone, "0")
    await says(phone, "9")
    await says(phone, "1")
    await says(phone, "1", 2)
    await help_path.settle()
    assert await help_path.value("SELECT coi_orgs FROM complaints") == ["org-harbour"]


async def test_about_our_own_service_nobody_is_offered_who_works_for_it(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    answer, *_ = await says(phone, "protection in Brinnas", 3)
    assert "Demo Aid Protection" in answer
    (reply,) = await says(phone, "3")
    assert "Do not go back there" in reply
    assert "a person" not in reply


async def test_another_place_keeps_the_need(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food in kelvary", 2)
    assert "Where are you?" in (await says(phone, "4"))[0]
    answer, _ = await says(phone, "Brinnas", 2)
    assert "Harbour Kitchen North" in answer


async def test_back_asks_the_place_again_with_its_options(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "doctor")
    await says(phone, "1")
    (again,) = await says(phone, "back")
    assert "1 Kelvary" in again
    assert "1 Women" in (await says(phone, "kelvary"))[0]


async def test_a_word_that_is_no_place_is_asked_about_again(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food")
    understanding(help_path, Say("fallback.ask"))
    (reply,) = await says(phone, "Xyzzyville")
    assert "I do not know that place" in reply
    assert "1 Kelvary" in reply
    answer, _ = await says(phone, "1", 2)
    assert "Harbour Kitchen West" in answer


async def test_two_needs_are_taken_one_after_the_other(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    (question,) = await says(phone, "food and a lawyer in kelvary")
    assert "1 Food, water" in question
    assert "2 Legal help" in question
    answer, *_ = await says(phone, "2", 3)
    assert "Open Door Law West" in answer


async def test_a_long_story_at_the_question_of_the_place_is_for_the_assistant(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("sms-twilio")
    await says(phone, "food")
    understanding(help_path, Say("person.offer"))
    (reply,) = await says(phone, "my boss in Kelvary keeps my papers and does not pay us")
    assert "Where are you?" not in reply
    assert "Harbour" not in reply


async def test_in_a_right_to_left_language_places_have_their_names(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("telegram")
    phone.send("بدي محامي لو سمحت")
    places = await phone.next_reply()
    assert "كلفاري" in [choice.label for choice in places.choices]
    phone.send("كلفاري")
    assert "555 0111" in (await phone.next_reply()).text


async def test_while_a_caseworker_answers_an_old_question_starts_no_search(help_path: Whole) -> None:
    understanding(help_path)
    phone = help_path.phone("telegram")
    await says(phone, "food in kelvary", 2)
    await says(phone, "9")
    await says(phone, "1")
    await says(phone, "1", 2)
    (reply,) = await says(phone, "menu")
    assert "Harbour" not in reply


async def test_without_a_directory_the_need_is_asked_and_nothing_is_invented(path: Whole) -> None:
    understanding(path)
    phone = path.phone("sms-twilio")
    (answer,) = await says(phone, "I need a lawyer in Kelvary")
    assert "I know no checked service for this" in answer
