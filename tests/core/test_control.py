from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.content import BadContent
from handoff.core.control import Certainty, Control, ControlWords, Meaning
from handoff.core.danger import parse_danger

WORDS = ControlWords.load()
EVERY_LOCALE = ("en", "ar", "es")
NETWORKS = ("sms", "whatsapp", "telegram")


def heard(text: str, locale: str = "en", network: str = "whatsapp") -> str:
    """The meaning found, with "?" when it is only likely; "" when nothing is."""
    control = WORDS.match(text, locale, network)
    if control is None:
        return ""
    return control.meaning.value + ("?" if control.certainty is Certainty.MAYBE else "")


@pytest.mark.parametrize("locale", EVERY_LOCALE)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("0", "menu"),
        ("9", "person"),
        ("00", "leave"),
        ("88", "data"),
        ("99", "danger"),
        ("٩٩", "danger"),
        ("۰۰", "leave"),
        ("9️⃣", "person"),
        ("(0).", "menu"),
        ("1", ""),
        ("5", ""),
        ("000", ""),
        ("990", ""),
    ],
)
def test_digits_need_no_language(written: str, meaning: str, locale: str, network: str) -> None:
    assert heard(written, locale, network) == meaning


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("STOP", "stop"),
        ("stop please", "stop"),
        ("please stop now!", "stop"),
        ("no más mensajes", "stop"),
        ("PARAR", "stop"),
        ("توقّف", "stop"),
        ("إيقاف من فضلك", "stop"),
        ("start", "start"),
        ("delete everything", "erase"),
        ("borra mis datos por favor", "erase"),
        ("احذف بياناتي", "erase"),
        ("exit", "leave"),
        ("خروج", "leave"),
        ("hello, I want to talk to a person please", "person"),
        ("quiero hablar con alguien", "person"),
        ("بدي احكي مع حدا", "person"),
        ("Menú", "menu"),
        ("القائمة", "menu"),
        ("atras", "back"),
        ("اللغة", "language"),
        ("mis datos", "data"),
        ("HELP", "help"),
        ("ayudaaaa", "help"),
        ("ساعدوني", "help"),
        ("sa3iduni", "help"),
        ("stop the bus", ""),
        ("the menu of the restaurant", ""),
        ("I talk to a person every day at work", ""),
        ("hay mucha gente", ""),
        ("", ""),
    ],
)
def test_control_words_are_whole_messages_in_any_language(written: str, meaning: str) -> None:
    assert {heard(written, locale) for locale in EVERY_LOCALE} == {meaning}


def test_words_that_carriers_take_count_only_where_carriers_are() -> None:
    assert WORDS.match("quit", "en", "sms") == Control(Meaning.STOP, provider_takes_it=True)
    assert WORDS.match("INFO", "en", "sms") == Control(Meaning.HELP, provider_takes_it=True)
    assert WORDS.match("quit", "en", "whatsapp") is None
    assert WORDS.match("stop", "en", "whatsapp") == Control(Meaning.STOP)


def test_carriers_take_only_the_bare_word() -> None:
    assert WORDS.match("Stop.", "en", "sms") == Control(Meaning.STOP, provider_takes_it=True)
    assert WORDS.match("stop please", "en", "sms") == Control(Meaning.STOP, provider_takes_it=False)


def test_yes_is_never_a_control() -> None:
    assert {heard("yes", "en", network) for network in NETWORKS} == {""}


@pytest.mark.parametrize(
    ("written", "meaning"),
    [("/start", "start"), ("/start ref42", "start"), ("/help@amana_bot", "help"), ("/STOP", "stop"), ("/affirm", "")],
)
def test_telegrams_commands_are_controls_on_telegram_alone(written: str, meaning: str) -> None:
    assert heard(written, "en", "telegram") == meaning
    if written == "/start ref42":
        assert heard(written, "en", "sms") == ""


@pytest.mark.parametrize(
    ("written", "meaning"),
    [
        ("I am in danger", "danger"),
        ("i'm in great danger pls", "danger"),
        ("hola, I am in danger", "danger"),
        ("stop he is going to kill me", "danger"),
        ("estoy en peligro", "danger"),
        ("وأنا في خطر", "danger"),
        ("فالحقوني", "danger"),
        ("ana fi 5atar", "danger"),
        ("he locked the door and will not let me go", "danger"),
        ("bado yi2telni", "danger"),
        ("quiere matarme", "danger"),
        ("quiero matarme", "self_harm"),
        ("I want to kill myself", "self_harm"),
        ("بدي موت", "self_harm"),
        ("I don't want to die", "danger"),
        ("I feel I want to die and he will kill me", "danger"),
    ],
)
def test_danger_is_heard_anywhere_in_any_language(written: str, meaning: str) -> None:
    for locale in EVERY_LOCALE:
        for network in NETWORKS:
            assert heard(written, locale, network) == meaning


@pytest.mark.parametrize(
    "written",
    [
        "I am not in danger",
        "i'm not really in danger",
        "we are never in danger here",
        "no estoy en peligro",
        "لست في خطر",
        "انا مش في خطر",
        "ma ana fi khatar",
        "is it dangerous to travel",
        "هل السفر خطير",
    ],
)
def test_what_is_denied_or_asked_about_is_no_danger(written: str) -> None:
    assert heard(written) == ""


@pytest.mark.parametrize("written", ["he will not kill me", "no me van a matar", "لا يريد ان يقتلني"])
def test_a_denied_threat_to_life_is_still_asked_about(written: str) -> None:
    assert heard(written) == "danger?"
    assert heard("I would never kill myself") == "self_harm?"


@pytest.mark.parametrize("written", ["No, he will kill me", "no estoy bien estoy en peligro", "لا، أنا في خطر"])
def test_a_no_to_something_else_does_not_silence_danger(written: str) -> None:
    assert heard(written) == "danger"


@pytest.mark.parametrize("written", ["i am in dangr", "they lokced me in", "estoy en peligor", "quiero suicdarme"])
def test_a_slip_of_the_key_is_mended_but_only_asked_about(written: str) -> None:
    assert heard(written).endswith("?")


@given(st.text(max_size=300), st.sampled_from(EVERY_LOCALE), st.sampled_from(NETWORKS))
def test_any_text_can_be_looked_at(text: str, locale: str, network: str) -> None:
    control = WORDS.match(text, locale, network)
    assert control is None or control.meaning in Meaning


@given(st.text(alphabet="ab .,!\n12", max_size=200))
def test_danger_is_heard_whatever_stands_around_it(noise: str) -> None:
    assert heard(f"{noise}\nhe wants to kill me\n{noise}") == "danger"


def test_a_flood_of_text_is_looked_at_in_bounded_time() -> None:
    assert heard("a " * 500_000) == ""


TABLE = """
digits: {"0": menu}
telegram_commands: {}
reserved: {stop: [stop]}
words: [{meaning: menu, locale: en, script: Latn, state: draft, words: [menu]}]
padding: {en: [please]}
"""


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (TABLE.replace("meaning: menu", "meaning: dance"), "dance"),
        (TABLE.replace("padding", "pad"), "padding"),
        ("[]", "control_words.yml"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(source: str, says: str) -> None:
    with pytest.raises(BadContent, match=says):
        ControlWords.parse(source, parse_danger({}))
