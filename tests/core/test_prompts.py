from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.content import AnswerWords, PromptOption, Weight
from handoff.core.prompt_table import load_prompts
from handoff.core.prompts import AskAgain, Chosen, FreeText, Gone, Prompt, Resolution, UnknownOption, resolve
from handoff.i18n import Catalogue

NOW = datetime(2025, 6, 2, 12, tzinfo=UTC)
LIVE = timedelta(minutes=30)
TABLE = load_prompts()
CATALOGUE = Catalogue(("en", "ar", "es"))


def asked(key: str, minutes_ago: float = 1, prompt_id: str = "p") -> Prompt:
    return Prompt.ask(TABLE[key], prompt_id=prompt_id, asked_at=NOW - timedelta(minutes=minutes_ago))


def answer(
    text: str = "", *prompts: Prompt, token: str = "", received_at: datetime = NOW, words: AnswerWords = TABLE.words
) -> Resolution:
    return resolve(
        text=text,
        token=token,
        prompts=prompts,
        received_at=received_at,
        now=NOW,
        answer_after=LIVE,
        words=words,
        labels=CATALOGUE.labels,
    )


def chosen(resolution: Resolution) -> str:
    return resolution.option.id if isinstance(resolution, Chosen) else type(resolution).__name__


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("2", "offer"),
        ("٢", "offer"),
        ("۲", "offer"),
        ("2️⃣", "offer"),
        ("(2).", "offer"),
        ("2 please", "offer"),
        ("option 2", "offer"),
        ("two", "offer"),
        ("dos por favor", "offer"),
        ("اثنين", "offer"),
        ("الاول من فضلك", "help"),
        ("Talk to a person", "person"),
        ("hablar con alguien", "person"),
        ("التحدث مع شخص", "person"),
        ("MORE!", "more"),
        ("an offer, please", "FreeText"),
        ("6", "UnknownOption"),
        ("42", "UnknownOption"),
        ("300", "FreeText"),
        ("0", "FreeText"),
        ("9", "FreeText"),
        ("00", "FreeText"),
        ("88", "FreeText"),
        ("99", "FreeText"),
        ("1 and 2", "FreeText"),
        ("i want to check a job", "FreeText"),
        ("", "FreeText"),
    ],
)
def test_the_menu_is_answered_by_digit_word_or_label(text: str, option: str) -> None:
    assert chosen(answer(text, asked("menu.main"))) == option


@pytest.mark.parametrize("text", ["yes", "Yes please", "sí, por favor", "نعم", "na3am", "ok", "1"])
def test_yes_in_any_language_is_the_option_that_says_yes(text: str) -> None:
    assert chosen(answer(text, asked("person.offer"))) == "yes"
    assert chosen(answer(text, asked("consent.contact"))) == "consent.write"


@pytest.mark.parametrize("text", ["no", "no gracias", "لا", "لا شكرا", "3"])
def test_no_in_any_language_declines_the_consent(text: str) -> None:
    assert chosen(answer(text, asked("consent.contact"))) == "consent.no"


def test_yes_to_a_question_without_a_yes_is_for_the_assistant() -> None:
    assert answer("yes", asked("menu.main")) == FreeText()


def test_what_a_person_types_never_becomes_a_payload() -> None:
    for text in ("/affirm", "/restart", '/choose{"option": "consent.write"}', "p:1"):
        assert answer(text, asked("consent.contact")) == FreeText()


def test_only_our_options_make_payloads() -> None:
    assert PromptOption("consent.write", send="choose").payload == '/choose{"option": "consent.write"}'
    assert PromptOption("person", send="talk_to_human").payload == "/talk_to_human"
    assert PromptOption("menu", do="menu").payload == ""


def test_a_tap_names_its_prompt() -> None:
    newest, older = asked("consent.contact", 1, "b"), asked("menu.main", 2, "a")
    assert chosen(answer("", newest, older, token="a:2")) == "offer"
    assert chosen(answer("", newest, older, token="b:2")) == "consent.call"


@pytest.mark.parametrize("token", ["x:1", "b", "b:", "b:0", "b:9", "b:-1", "b:1.0", ":1", "b:²", "b:١"])
def test_a_tap_that_is_not_ours_or_no_longer_known_is_gone(token: str) -> None:
    assert answer("", asked("consent.contact", 1, "b"), token=token) == Gone()


def test_a_digit_sent_before_the_newest_question_answers_the_one_before() -> None:
    newest, older = asked("consent.contact", 0.1, "b"), asked("menu.main", 2, "a")
    received = NOW - timedelta(minutes=1)
    assert chosen(answer("1", newest, older, received_at=received)) == "help"


def test_a_digit_sent_before_any_question_is_no_answer() -> None:
    before = NOW - timedelta(hours=1)
    assert answer("1", asked("menu.main"), received_at=before) == FreeText()
    assert answer("1", asked("consent.contact"), received_at=before) == FreeText(stale_consent=True)


def test_a_digit_without_a_question_is_no_answer() -> None:
    assert answer("1") == FreeText()
    assert answer("1", Prompt("p", "thanks", (), Weight.PLAIN, NOW)) == FreeText()


@pytest.mark.parametrize("key", ["consent.contact", "consent.contact.unstaffed", "stop.confirm", "failopen.consent"])
@pytest.mark.parametrize("text", ["1", "yes", "نعم", "3"])
def test_a_stale_consent_or_stop_is_asked_again_never_counted(key: str, text: str) -> None:
    prompt = asked(key, 31)
    if text == "3" and len(prompt.options) < 3:
        return
    assert answer(text, prompt) == AskAgain(prompt)
    assert answer("", prompt, token="p:1") == AskAgain(prompt)


def test_an_answer_that_waited_too_long_with_us_is_stale_too() -> None:
    prompt = asked("consent.contact", 45)
    assert answer("1", prompt, received_at=NOW - timedelta(minutes=40)) == AskAgain(prompt)


def test_a_consent_that_is_not_the_last_question_is_asked_again() -> None:
    newest, consent = asked("danger.ask", 0.5, "b"), asked("consent.contact", 2, "a")
    assert answer("", newest, consent, token="a:1") == AskAgain(consent)
    assert answer("1", newest, consent, received_at=NOW - timedelta(minutes=1)) == AskAgain(consent)


def test_words_after_a_stale_consent_are_marked_so_that_no_yes_is_read_into_them() -> None:
    assert answer("well yes I would", asked("consent.contact", 31)) == FreeText(stale_consent=True)
    assert answer("well yes I would", asked("consent.contact", 3)) == FreeText()
    assert answer("well yes I would", asked("menu.main", 31)) == FreeText()


@pytest.mark.parametrize("key", ["danger.ask", "danger.maybe", "media.location"])
def test_yes_to_danger_always_counts(key: str) -> None:
    old = asked(key, 60 * 24 * 30, "a")
    assert chosen(answer("1", old)) == "danger"
    assert chosen(answer("", asked("menu.main", 1, "b"), old, token="a:1")) == "danger"


@pytest.mark.parametrize("key", ["danger.ask", "danger.card"])
def test_a_late_no_to_danger_is_asked_again(key: str) -> None:
    old = asked(key, 31)
    assert answer("2", old) == AskAgain(old)


def test_the_consent_on_the_danger_card_is_a_consent() -> None:
    assert chosen(answer("1", asked("danger.card", 29))) == "yes"
    old = asked("danger.card", 31)
    assert answer("1", old) == AskAgain(old)


def test_a_late_plain_choice_still_counts() -> None:
    assert chosen(answer("2", asked("menu.main", 600))) == "offer"


def test_stop_in_an_old_menu_is_asked_again() -> None:
    old = asked("menu.more", 31)
    assert answer("5", old) == AskAgain(old)


@pytest.mark.parametrize("key", list(TABLE))
def test_prompts_are_kept_without_text(key: str) -> None:
    prompt = asked(key)
    kept = json.dumps(prompt.to_json())
    assert Prompt.from_json(json.loads(kept)) == prompt
    assert kept.isascii()


def test_what_was_not_shown_yet_is_not_answered() -> None:
    unseen = Prompt.ask(TABLE["consent.contact"], prompt_id="q2")
    assert Prompt.from_json(unseen.to_json()) == unseen
    menu = asked("menu.main")
    again = answer("1", unseen, menu)
    assert isinstance(again, Chosen)
    assert again.prompt is menu
    for words in ("yes", "ok then", "sure go ahead"):
        assert answer(words, unseen, menu) == FreeText(stale_consent=True)
        assert answer(words, unseen) == FreeText(stale_consent=True)
        assert answer(words, asked("consent.contact", 0), received_at=NOW - timedelta(seconds=5)) == FreeText(True)
    assert chosen(answer("", unseen, menu, token="q2:1")) == "consent.write"


KEYS = sorted(key for key in TABLE if TABLE[key].options)


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.floats(0, 100)), min_size=1, max_size=4),
    st.one_of(st.text(max_size=12), st.integers(-1, 120).map(str), st.sampled_from(["yes", "no", "sí", "نعم"])),
    st.sampled_from(["", "p0:1", "p1:1", "p2:2", "p3:1", "p9:1", "p0:9"]),
    st.floats(0, 100),
)
def test_no_answer_gives_a_late_or_foreign_consent(
    questions: list[tuple[str, float]], text: str, token: str, sent_minutes_ago: float
) -> None:
    newest_first = sorted(questions, key=lambda question: question[1])
    prompts = [asked(key, ago, f"p{place}") for place, (key, ago) in enumerate(newest_first)]
    received_at = NOW - timedelta(minutes=sent_minutes_ago)
    found = answer(text, *prompts, token=token, received_at=received_at)
    if not isinstance(found, Chosen):
        assert isinstance(found, AskAgain | UnknownOption | FreeText | Gone)
        return
    assert found.option in found.prompt.options
    if token:
        assert token == f"{found.prompt.id}:{found.index}"
    else:
        assert found.prompt.asked_by(received_at)
        newer = prompts[: prompts.index(found.prompt)]
        assert not any(other.asked_by(received_at) for other in newer)
    heavy = found.prompt.weight in (Weight.CONSENT, Weight.STOP) or found.option.do.startswith("open_case")
    if heavy:
        assert found.prompt is prompts[0]
        assert not found.prompt.older_than(NOW - LIVE)
