"""A key becomes messages in the person's language; what the desk says goes through the same voice."""

from __future__ import annotations

import uuid

from handoff.core.contact import Contact
from tests.services.scene import HOTLINE, NOW, FakeOutbox, a_conversation, a_voice, ago, with_people

ANY = uuid.UUID(int=1)


def test_a_question_is_said_with_its_prompt_and_a_statement_without() -> None:
    said = a_voice().compose(a_conversation(), "menu.main", {}, locale="es", now=NOW, number=4)
    assert said.prompt is not None
    assert (said.prompt.id, said.prompt.key, said.prompt.asked_at) == ("q4", "menu.main", None)
    assert a_voice().compose(a_conversation(), "thanks", {}, locale="es", now=NOW, number=5).prompt is None


def test_cards_carry_the_hotline_and_are_system_messages() -> None:
    (card,) = a_voice().compose(a_conversation(), "danger.card", {}, locale="en", now=NOW, number=1).drafts
    assert HOTLINE in card.rendered.text
    assert (card.kind, card.speaker) == ("system", "system")
    (reply,) = a_voice().compose(a_conversation(), "menu.main", {}, locale="en", now=NOW, number=1).drafts
    assert (reply.kind, reply.speaker) == ("reply", "assistant")


def test_where_texts_must_be_reviewed_a_draft_card_becomes_numbers_never_silence() -> None:
    voice = a_voice(must_be_reviewed=True)
    for locale in ("en", "ar", "es"):
        (card,) = voice.compose(a_conversation(), "danger.card", {}, locale=locale, now=NOW, number=1).drafts
        assert HOTLINE in card.rendered.text


def test_the_version_of_a_text_changes_with_its_words() -> None:
    voice = a_voice()
    versions = {voice.version(key, "en") for key in ("consent.contact", "consent.more", "danger.card")}
    assert len(versions) == 3
    assert voice.version("consent.contact", "en") == voice.version("consent.contact", "en")


async def test_a_notice_of_the_desk_is_gated_like_a_caseworkers_words() -> None:
    fresh, late = FakeOutbox(with_people()), FakeOutbox(with_people(contact=Contact(ago(minutes=11))))
    for outbox, kind in ((fresh, "reply"), (late, "proactive")):
        await a_voice(outbox).say(None, ANY, "handoff.claimed")
        assert [draft.kind for draft in outbox.drafts] == [kind]


async def test_what_the_desk_asks_is_remembered_for_the_answer() -> None:
    outbox = FakeOutbox(with_people(prompt_count=3))
    await a_voice(outbox).say(None, ANY, "handoff.closed")
    assert outbox.changes["prompt_count"] == 4
    assert outbox.changes["prompts"][0]["key"] == "handoff.closed"


async def test_a_humans_words_close_open_questions_and_are_cut_to_the_channel() -> None:
    outbox = FakeOutbox(with_people())
    await a_voice(outbox).say_text(None, ANY, "We are here. " * 300)
    assert len(outbox.drafts) > 1
    assert {draft.speaker for draft in outbox.drafts} == {"human"}
    assert outbox.changes == {"prompts": []}
