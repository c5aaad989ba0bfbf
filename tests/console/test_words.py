"""The desk's words: every language has every text, and templates ask for none that is missing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from handoff.console.pages import HERE, load_catalogue
from handoff.console.words import Words, desk_locales, direction_of, preferred
from handoff.core.case import CLOSE_CODES, TARGETS
from handoff.core.message import SendState
from handoff.core.prompt_table import load_prompts

FAMILIES = {
    "close": CLOSE_CODES,
    "send": tuple(state.value for state in SendState),
    "level": tuple(TARGETS),
    "modality": ("write", "call"),
    "contact": ("left", "no_consent", "window_closed", "person_writes_first"),
    "error": ("left", "no_consent", "window_closed", "person_writes_first", "stopped", "expired"),
    "problem": ("empty", "too_long", "stopped", "no_address", "not_yours", "no_code"),
}


@pytest.mark.parametrize("locale", desk_locales())
def test_every_language_has_every_text_with_the_same_places(locale: str) -> None:
    english, other = (load_catalogue().entries(name) for name in ("en", locale))
    assert set(english) == set(other)
    for key, text in english.items():
        assert other[key].placeholders == text.placeholders, key
        assert set(re.findall(r"\[\w\]", other[key].words)) == set(re.findall(r"\[\w\]", text.words)), key


def test_every_text_that_a_template_names_is_there() -> None:
    known = load_catalogue().entries("en")
    for template in (HERE / "templates").glob("*.html"):
        words = template.read_text()
        named = set(re.findall(r"""\bt\(["']([a-z_.]+[a-z_])["'][,)]""", words))
        families = {f"{family}.unknown" for family in re.findall(r'words\.code\("(\w+)"', words)}
        assert named | families <= set(known), template.name


@pytest.mark.parametrize(("family", "codes"), FAMILIES.items())
def test_every_code_of_ours_has_words(family: str, codes: tuple[str, ...]) -> None:
    assert {f"{family}.{code}" for code in codes} <= set(load_catalogue().entries("en"))


SAID_IN_A_CASE = ("control.", "media.", "stale.", "danger.card", "danger.withdrawn", "plan.", "handoff.", "language.")
NEVER_IN_A_CASE = "control.nothing_to_take_back"


def test_what_the_system_says_in_a_case_is_named_at_the_desk_and_not_by_its_key() -> None:
    words = Words(load_catalogue(), "en", ZoneInfo("UTC"))
    said = [key for key in load_prompts() if key.startswith(SAID_IN_A_CASE) and key != NEVER_IN_A_CASE]
    assert len(said) > 30
    assert [key for key in said if key in words.code("notice", key)] == []
    assert words.code("notice", "media.voice") == "Told: only text can be read here"


def test_a_code_that_nobody_knows_is_shown_as_it_is() -> None:
    words = Words(load_catalogue(), "en", ZoneInfo("UTC"))
    assert words.code("error", "4711") == "code 4711"
    assert words.language("no-such-language") == "no-such-language"


def test_moments_are_told_in_the_deployments_time_zone() -> None:
    words = Words(load_catalogue(), "en", ZoneInfo("Africa/Nairobi"))
    assert "14:30" in words.when(datetime(2026, 5, 3, 11, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("header", "expected"), [("ar-SY,en;q=0.5", "ar"), ("fr, de", None), ("", None), ("ES-mx", "es"), (";;,=", None)]
)
def test_the_browsers_languages_are_read_in_order(header: str, expected: str | None) -> None:
    assert preferred(header, ("en", "ar", "es")) == expected


def test_direction_follows_the_script() -> None:
    assert [direction_of(locale) for locale in ("en", "ar", "fa_AF", "es")] == ["ltr", "rtl", "rtl", "ltr"]


def test_dari_is_found_and_named_as_browsers_name_it() -> None:
    assert preferred("fa-AF,fa;q=0.9,en;q=0.5", desk_locales()) == "fa_AF"
    assert Words(load_catalogue(), "fa_AF", ZoneInfo("Asia/Kabul")).tag == "fa-AF"
