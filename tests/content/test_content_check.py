"""The shipped texts have no problem, and each lint fires on a text that is wrong on purpose."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from handoff.core.content import CONTENT_DIR
from handoff.core.content_check import Problem, check, faults_of, load_rules
from handoff.core.control import ControlWords
from handoff.i18n import LOCALES_DIR, Catalogue

type Damage = Callable[[str, str, str], list[Problem]]


def test_the_shipped_texts_have_no_problem() -> None:
    assert [str(problem) for problem in check()] == []


@pytest.fixture
def damaged(tmp_path: Path) -> Damage:
    """Replaces something in one file of a copy of the content, and gives the problems that follow.

    Catalogues: the damaged one and the English one; with a damaged table, English and Swahili. That nothing is wrong
    with the others is said above.
    """
    shutil.copytree(CONTENT_DIR, tmp_path / "content")

    def damage(file: str, old: str, new: str) -> list[Problem]:
        path = tmp_path / file
        for locale in {"en", path.parts[-3] if path.suffix == ".po" else "sw"}:
            shutil.copytree(LOCALES_DIR / locale, tmp_path / "locales" / locale)
        source = path.read_text(encoding="utf-8")
        assert old in source
        before, _, after = source.rpartition(old) if path.suffix == ".po" else source.partition(old)
        path.write_text(f"{before}{new}{after}", encoding="utf-8")  # in a .po file the first stands in a comment
        return check(content_dir=tmp_path / "content", locales_dir=tmp_path / "locales")

    return damage


def po(locale: str) -> str:
    return f"locales/{locale}/LC_MESSAGES/messages.po"


EN_THANKS = "You are welcome. For the menu, send 0."
ES_THANKS = "Con gusto. Para ver el menú, envíe 0."
AR_THANKS = "على الرحب والسعة. للقائمة أرسل 0."


@pytest.mark.parametrize(
    ("locale", "old", "new", "rule", "detail"),
    [
        ("en", EN_THANKS, "Do not worry, help is coming!", "over promising", "help is coming"),
        ("es", ES_THANKS, "Todo va a estar bien.", "over promising", "todo va a estar bien"),
        ("ar", AR_THANKS, "كل شيء سيكون بخير.", "over promising", "كل شي سيكون بخير"),
        ("en", EN_THANKS, "Please go to the police.", "authorities", "police"),
        ("es", ES_THANKS, "Vaya a la embajada.", "authorities", "embajada"),
        ("ar", AR_THANKS, "اذهب إلى السفارة.", "authorities", "سفاره"),
        ("en", "Learn the signs", "Trafficking", "labels", "trafficking"),
        ("en", EN_THANKS, "Reply yes to go on.", "tells to send a carrier's word", "yes"),
        ("en", EN_THANKS, "For the menu: INFO", "tells to send a carrier's word", "info"),
        ("es", ES_THANKS, "Envíe cancel.", "tells to send a carrier's word", "cancel"),
        ("ar", AR_THANKS, "أرسل HELP", "tells to send a carrier's word", "help"),
        ("en", EN_THANKS, "Call 0800 555 010.", "looks like a phone number", ""),
        ("en", EN_THANKS, "You are welcome 🙂", "holds an emoji or an invisible sign", ""),
        ("ar", AR_THANKS, "\u200fأهلا", "holds an emoji or an invisible sign", ""),
        ("en", EN_THANKS, "Bye ", "space at an end", ""),
        ("en", EN_THANKS, "word " * 15 + "word.", "sentence longer than 15 words", "16"),
        ("en", EN_THANKS, "You are welcome, {name}.", "unknown placeholder", "name"),
        ("es", "Adiós, cuídese.", "ad {org} ios", "unknown placeholder", "org"),
    ],
)
def test_each_lint_of_words_fires(damaged: Damage, locale: str, old: str, new: str, rule: str, detail: str) -> None:
    found = damaged(po(locale), old, new)
    assert [(problem.locale, problem.rule, problem.detail) for problem in found] == [(locale, rule, detail)]


def rules_of(problems: list[Problem]) -> set[tuple[str, str, str]]:
    return {(problem.locale, problem.key, problem.rule) for problem in problems}


def test_a_missing_text_is_found(damaged: Damage) -> None:
    assert rules_of(damaged(po("ar"), 'msgid "thanks"', 'msgid "thank"')) == {
        ("ar", "thanks", "missing"),
        ("ar", "thank", "unknown key"),
    }


def test_a_placeholder_lost_in_translation_is_found(damaged: Damage) -> None:
    found = damaged(po("es"), "Desde ahora una persona de {org} lee", "Desde ahora una persona lee")
    assert rules_of(found) == {("es", "handoff.claimed", "missing placeholder")}


def test_a_short_consent_that_hides_who_reads_is_found(damaged: Damage) -> None:
    found = damaged(po("ar"), "هل يكتب لك شخص من {org} هنا؟ سيرى: الخطر", "هل يكتب لك شخص هنا؟ سيرى: الخطر")
    assert rules_of(found) == {("ar", "danger.card#sms", "the short form leaves out")}


def test_a_text_over_its_segments_is_found(damaged: Damage) -> None:
    found = damaged(po("ar"), AR_THANKS, "شكرا. " * 30 + "شكرا.")
    assert rules_of(found) == {("ar", "thanks", "SMS segments over budget")}


def test_a_label_too_long_for_a_button_is_found(damaged: Damage) -> None:
    found = damaged(po("es"), '"No, gracias"', '"No, muchísimas gracias"')
    assert rules_of(found) == {("es", "option.consent.no", "label longer than 20")}


def test_an_invented_review_state_is_found(damaged: Damage) -> None:
    found = damaged(po("en"), "#. state: draft", "#. state: looks_fine")
    assert {problem.rule for problem in found} == {"unknown review state"}


def test_a_phone_number_in_local_digits_is_found(damaged: Damage) -> None:
    found = damaged(po("ar"), AR_THANKS, "اتصل ٠٨٠٠ ٥٥٥ ٠١٠.")
    assert rules_of(found) == {("ar", "thanks", "looks like a phone number")}


def test_letters_that_cost_a_segment_are_found(damaged: Damage) -> None:
    found = damaged(po("sw"), Catalogue(("sw",)).entries("sw")["thanks"].words, "Asantẽ sana. " * 6 + "Asante.")
    assert ("sw", "thanks", "accents cost an SMS segment: plain_letters", "ẽ") in {
        (problem.locale, problem.key, problem.rule, problem.detail) for problem in found
    }


def test_an_entry_that_allows_itself_more_than_its_weight_does_is_found(damaged: Damage) -> None:
    found = damaged("content/prompts.yml", "  language.set: {}", "  language.set: {budget: 3}")
    assert rules_of(found) == {("", "language.set", "budget over what its weight allows")}
    assert [problem.detail for problem in found] == ["3 > 2"]


@pytest.mark.parametrize("rule", ["over_promising", "authorities", "labels"])
def test_a_language_without_its_list_is_found(damaged: Damage, rule: str) -> None:
    lists = (CONTENT_DIR / "lint.yml").read_text("utf-8")
    section = lists.partition(f"{rule}:\n")[2]
    line = next(line for line in section.splitlines() if line.startswith("  sw: "))
    assert rules_of(damaged("content/lint.yml", line, "")) == {("sw", rule, "no words listed in lint.yml")}


@pytest.mark.parametrize("locale", ["ar", "en", "es", "fa_AF", "fr", "ps", "ru", "so", "sw", "uk"])
@pytest.mark.parametrize("rule", ["over_promising", "authorities", "labels"])
def test_what_no_text_may_say_is_found_in_every_language(locale: str, rule: str) -> None:
    rules = load_rules(CONTENT_DIR / "lint.yml", ControlWords.load(CONTENT_DIR))
    for phrase in rules.phrases[rule][locale]:
        faults = {fault for fault, _ in faults_of("thanks", f"Amana, {phrase}.", locale, rules)}
        assert rule.replace("_", " ") in faults, phrase


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("words: [menu, main menu", "words: [menu, borrar, main menu", "two meanings"),
        ("words: [menu, main menu", "words: [menu, arret, main menu", "carriers act on this word"),
        ("words: [menu, main menu", 'words: [menu, "yes", main menu', "carriers act on this word"),
        ("words: [menu, main menu", "words: [menu, vale, main menu", "also answers a prompt"),
        ("provider_takes_it: true, state: draft, words: [help]", "state: draft, words: [help]", "carriers act on"),
    ],
)
def test_a_control_word_that_clashes_is_found(damaged: Damage, old: str, new: str, rule: str) -> None:
    found = damaged("content/control_words.yml", old, new)
    assert any(problem.rule.startswith(rule) for problem in found)


def test_a_problem_reads_as_a_line() -> None:
    assert str(Problem("ar", "thanks", "missing")) == "ar: thanks: missing"
    assert str(Problem("", "menu", "two meanings", "a and b")) == "content: menu: two meanings: a and b"
