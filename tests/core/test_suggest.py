"""What their own words suggest: positive, taken back by a "not", quoted for the command line, and nothing kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.content import BadContent
from handoff.core.suggest import Suggester

ENGLISH = """
state: draft
negators: ["not", never]
flags:
  C1: |
    keep [my|our|the] (passport|papers)
  B1: |
    pay ~ (fee|first)
kinds:
  job: (job|work)
  travel: |
    (trip|ride)
"""


ALL = Suggester().prepared()


@pytest.fixture
def suggester(tmp_path: Path) -> Suggester:
    (tmp_path / "en.yml").write_text(ENGLISH, encoding="utf-8")
    somali = "also: [en]\nnegators: [ma]\nflags:\n  C1: |\n    baasaboorka (hay|qaad)%\n"
    (tmp_path / "so.yml").write_text(somali, encoding="utf-8")
    return Suggester(tmp_path)


def flags(suggester: Suggester, text: str, locale: str = "en") -> list[str]:
    return [suggestion.flag for suggestion in suggester.suggest(text, locale)]


def test_signs_are_found_in_the_order_in_which_they_are_written(suggester: Suggester) -> None:
    assert flags(suggester, "You PAY a small fee, and they keep the passport.") == ["B1", "C1"]


def test_a_not_takes_it_back(suggester: Suggester) -> None:
    assert flags(suggester, "they do not keep my passport") == []
    assert flags(suggester, "they did not pay. they keep my passport") == ["C1"]


def test_the_quote_is_the_persons_own_words(suggester: Suggester) -> None:
    (found,) = suggester.suggest("Hello!\nThey want to KEEP my Passport, sister", "en")
    assert found.quote == "KEEP my Passport,"


def test_a_language_mixes_in_the_ones_it_names(suggester: Suggester) -> None:
    assert flags(suggester, "waxay rabaan inay baasaboorka hayaan", "so") == ["C1"]
    assert flags(suggester, "shaqo fiican, they keep my passport", "so") == ["C1"]


def test_a_language_without_phrases_is_read_as_english(suggester: Suggester) -> None:
    assert flags(suggester, "they keep my passport", "xx") == ["C1"]


def test_the_kind_that_is_named_first_counts(suggester: Suggester) -> None:
    assert suggester.hints("a ride to a good job", "en").kind == "travel"
    assert suggester.hints("hello", "en").kind == ""


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    found = ALL.suggest(text, "en")
    assert all(suggestion.quote for suggestion in found)


def test_hints_hold_codes_only(suggester: Suggester) -> None:
    hints = suggester.hints("they keep my passport, Fatima", "en")
    assert (hints.flags, hints.kind, hints.about) == (("C1",), "", "")


@pytest.mark.parametrize(
    "broken",
    ["negators: []\nsigns: {}", "flags: {C1: '(a'}\nnegators: []", "flags: {}", "flags: {C1: '@no'}\nnegators: []"],
)
def test_a_broken_file_is_named(tmp_path: Path, broken: str) -> None:
    (tmp_path / "en.yml").write_text(broken, encoding="utf-8")
    with pytest.raises(BadContent, match=r"offers/phrases/en\.yml"):
        Suggester(tmp_path).suggest("a", "en")


@pytest.mark.parametrize(
    ("text", "locale", "flag"),
    [
        ("the foreman threw my sim in the river and changed my account password", "en", "C3"),
        ("grandpa's neighbour wishes to raise our little girl in his town", "en", "A14"),
        ("he said me and the kids ride in one van and my wife in the next", "en", "D3"),
        ("المدير شال تلفوني وكسر الشريحة", "ar", "C3"),
        ("прораб собрал у всех мобильные и симки", "ru", "C3"),
        ("el encargado nos recoge los celulares y el chip", "es", "C3"),
        ("mwajiri anakusanya simu zetu na laini", "sw", "C3"),
    ],
)
def test_signs_that_no_phrase_foresaw_are_learned(text: str, locale: str, flag: str) -> None:
    assert flag in flags(ALL, text, locale)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("a friend told me never to give my passport", "en"),
        ("they never took my phone and nobody hit me", "en"),
        ("my mother has a bad kidney and sees a doctor", "en"),
        ("my daughter is 13 and likes drawing", "en"),
        ("صاحبتي نصحتني ما اعطي جوازي لحدا", "ar"),
        ("мне никто не угрожает", "ru"),
        ("nunca me quitaron el telefono", "es"),
    ],
)
def test_what_was_learned_is_taken_back_too(text: str, locale: str) -> None:
    assert flags(ALL, text, locale) == []


def test_what_was_learned_quotes_the_clause() -> None:
    found = ALL.suggest("Hello. The foreman threw my sim in the river, thanks", "en")
    assert [(one.flag, one.quote) for one in found if one.flag == "C3"] == [
        ("C3", "The foreman threw my sim in the river,")
    ]


def test_weights_of_another_shape_are_named(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    (tmp_path / "learned").mkdir()
    (tmp_path / "phrases" / "en.yml").write_text(ENGLISH, encoding="utf-8")
    (tmp_path / "learned" / "en.npz").write_bytes(b"no weights")
    with pytest.raises(BadContent, match=r"offers/learned/en\.npz"):
        Suggester(tmp_path / "phrases").suggest("a", "en")
