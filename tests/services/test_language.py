"""Which language is answered in: what somebody begins in, what they choose, and one question when they change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from handoff.core.conversation import Conversation, Turn
from handoff.core.effects import Effect, Say, SetLocale
from handoff.core.language import Detector
from handoff.core.message import Kind
from tests.services.scene import (
    NOW,
    FakeAssistant,
    a_conversation,
    a_respond,
    after,
    keys,
    with_people,
    wrote,
)

SPANISH = "me prometieron un trabajo en otro país"
ARABIC = "وعدوني بشغل في بلد تاني"
MENU = FakeAssistant((Say("menu.main"),))
SUGGEST_ES = "language.suggest.es"


async def said(text: str, conversation: Conversation, *effects: Effect) -> Turn:
    return await a_respond(FakeAssistant(effects or (Say("menu.main"),))).turn(conversation, wrote(text), NOW)


@pytest.mark.parametrize(("text", "locale"), [(ARABIC, "ar"), (SPANISH, "es"), ("hola", "es"), ("مرحبا", "ar")])
async def test_the_first_message_is_answered_in_its_language(text: str, locale: str) -> None:
    turn = await said(text, a_conversation(locale=None))
    assert turn.changes["locale"] == locale
    assert "locale_chosen" not in turn.changes
    assert keys(turn) == ["menu.main"]


@pytest.mark.parametrize("text", ["ok", "👍", "zzz", "7", "mne nuzhna pomoshch s dokumentami"])
async def test_what_does_not_show_a_language_decides_nothing(text: str) -> None:
    turn = await said(text, a_conversation(locale=None))
    assert "locale" not in turn.changes
    later = await said(SPANISH, after(a_conversation(locale=None), turn))
    assert later.changes["locale"] == "es"


async def greeted(text: str, *effects: Effect) -> Turn:
    """A first message to a deployment that offers three languages in Arabic letters."""
    respond = a_respond(FakeAssistant(effects or (Say("greet.hello"),)), detector=Detector(("en", "ar", "fa_AF", "ps")))
    return await respond.turn(a_conversation(locale=None), wrote(text), NOW)


async def test_a_greeting_that_three_languages_share_is_answered_with_their_names() -> None:
    turn = await greeted("سلام")
    assert keys(turn) == ["language.choose"]
    assert turn.drafts[0].rendered.text.splitlines()[1:] == ["1 العربية", "2 دری", "3 پښتو"]
    dari = await said("2", after(a_conversation(locale=None), turn))
    assert (dari.changes["locale"], dari.changes["locale_chosen"]) == ("fa_AF", True)
    assert keys(dari) == ["language.set", "greet.hello"]


async def test_what_was_understood_is_answered_before_the_language_is_asked() -> None:
    assert keys(await greeted("کار", Say("offer.start"))) == ["offer.start", "language.choose"]


@pytest.mark.parametrize("key", ["gate.ask", "danger.ask", "stop.confirm"])
async def test_no_language_is_asked_before_a_question_that_must_not_be_mistaken(key: str) -> None:
    assert keys(await greeted("سلام", Say(key))) == [key]


@pytest.mark.parametrize("text", ["ok", "👍", "7", "پول"])
async def test_who_writes_in_letters_of_the_answer_or_shows_a_language_is_not_asked_which(text: str) -> None:
    assert keys(await greeted(text)) == ["greet.hello"]


@pytest.mark.parametrize("chosen", [False, True])
async def test_another_language_is_asked_about_after_the_answer_in_that_language(chosen: bool) -> None:
    turn = await said(SPANISH, a_conversation(locale="en", locale_chosen=chosen))
    assert keys(turn) == ["menu.main", SUGGEST_ES]
    assert "locale" not in turn.changes
    shown = turn.drafts[-1].rendered
    assert "Español" in shown.text
    assert "1" in shown.text or shown.options


@pytest.mark.parametrize(
    "text", ["hola", "hola gracias", "quiero", "zaraz pryyde mama do nas", "the weather is good today", "٣"]
)
async def test_few_words_romanised_words_and_the_same_language_ask_nothing(text: str) -> None:
    turn = await said(text, a_conversation(locale="en"))
    assert keys(turn) == ["menu.main"]
    assert "locale" not in turn.changes


async def test_yes_is_that_language_from_now_on_and_the_question_before_is_asked_again() -> None:
    first = a_conversation(locale="en")
    asked = after(first, await said(SPANISH, first, Say("fallback.ask")))
    yes = await said("1", asked)
    assert (yes.changes["locale"], yes.changes["locale_chosen"]) == ("es", True)
    assert keys(yes) == ["language.set", "fallback.ask"]


@pytest.mark.parametrize("no", ["2", "no"])
async def test_no_keeps_the_language_and_is_not_asked_again_in_this_session(no: str) -> None:
    first = a_conversation(locale="en")
    asked = after(first, await said(SPANISH, first))
    refused = await said(no, asked)
    assert "locale" not in refused.changes
    assert keys(refused) == ["menu.main"]
    talk = after(asked, refused)
    for text in (SPANISH, "0", SPANISH):
        turn = await said(text, talk)
        assert SUGGEST_ES not in keys(turn)
        talk = after(talk, turn)
    assert "language.suggest.ar" in keys(await said(ARABIC, talk))
    late = NOW + timedelta(hours=25)
    talk = replace(talk, person_seen_at=late)
    next_day = await a_respond(MENU).turn(talk, wrote(SPANISH, received_at=late), late)
    assert SUGGEST_ES in keys(next_day)


async def test_an_unanswered_suggestion_does_not_disturb_the_dialogue() -> None:
    assistant = FakeAssistant((Say("menu.main"),), state={"form": "open"})
    first = a_conversation(locale="en")
    asked = after(first, await a_respond(assistant).turn(first, wrote(SPANISH), NOW))
    await a_respond(assistant).turn(asked, wrote("otra cosa quiero contar"), NOW)
    assert assistant.heard[-1]["state"] == {"form": "open"}


@pytest.mark.parametrize("key", ["gate.ask", "danger.ask", "stop.confirm", "language.choose"])
async def test_no_question_is_put_before_one_that_must_not_be_mistaken(key: str) -> None:
    turn = await said(SPANISH, a_conversation(locale="en"), Say(key))
    assert keys(turn) == [key]
    assert keys(await said(SPANISH, a_conversation(locale="en"), Say("consent.contact"))) == ["gate.ask"]
    later = await said(SPANISH, a_conversation(locale="en"))
    assert SUGGEST_ES in keys(later)


async def test_who_just_chose_a_language_is_not_asked_about_the_one_they_asked_in() -> None:
    turn = await said(
        "quiero hablar en árabe por favor", a_conversation(locale="en"), SetLocale("ar"), Say("menu.main")
    )
    assert keys(turn) == ["menu.main"]


async def test_danger_controls_media_and_people_come_without_the_question() -> None:
    talk = a_conversation(locale="en")
    assert keys(await said("estoy en peligro ayuda por favor", talk)) == ["danger.card"]
    assert SUGGEST_ES not in keys(await said("quiero hablar con una persona", talk))
    assert keys(await a_respond().turn(talk, wrote(kind=Kind.PHOTO), NOW)) == ["media.photo"]
    assert SUGGEST_ES not in keys(await said(SPANISH, with_people()))
