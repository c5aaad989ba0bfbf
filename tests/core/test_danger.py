"""The files of content/danger: what must hold of them, and that a wrong one is named with its line."""

from __future__ import annotations

import pytest

from handoff.core.content import BadContent
from handoff.core.danger import load_danger, parse_danger
from handoff.core.lexicon import Level
from handoff.core.normalise import tokens

UK = """
state: draft
negators: [не]
not_slips: [знайти]
phrases:
  danger:
    - script: Cyrl
      sets:
        who: він|вони
      sure: |
        @who ~ вб'є
        мене б'ють
    - script: Latn
      romanised: true
      maybe: |
        mene byut
  self_harm:
    - {script: Cyrl, maybe: не хочу жити}
"""


def test_all_languages_are_heard_together() -> None:
    words = parse_danger({"uk": UK, "xx": UK.replace("мене б'ють", "пожежа")})
    for said, name in (
        ("вони мене вбють", ""),
        ("Він мене ВБ'Є", "danger"),
        ("пожежа!", "danger"),
        ("mene byut", "danger"),
    ):
        assert {found for found, _ in words.lexicon.find(tokens(said))} == ({name} if name else set())
    assert ("self_harm", Level.MAYBE) in words.lexicon.find(tokens("не хочу жити"))
    assert words.not_slips == {"знаити"}


def test_every_language_of_the_project_has_its_words() -> None:
    assert set(load_danger().locales) >= {"en", "ar", "uk", "ru", "fr", "es", "fa_AF", "ps", "so", "sw"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("мене б'ють", "мене (б'ють", r"danger/uk.yml, line 12: danger, sure: мене \(б'ють: \( without its closing"),
        ("мене б'ють", "@nobody б'ють", "danger/uk.yml, line 12: .*@nobody is no set here"),
        ("мене б'ють", "мeне б'ють", "danger/uk.yml, line 12: .*мeне is not written in Cyrl"),
        ("він|вони", "вiн|вони", "danger/uk.yml, line 9: .*вiн is not written in Cyrl"),
        ("state: draft", "state: fine", "danger/uk.yml: state is one of"),
        ("negators: [не]", "negators: [no]", "danger/uk.yml: False: write this word in quotes"),
        ("negators: [не]", "negators: [та й]", "danger/uk.yml: negators: .*more than one word"),
        ("negators: [не]", "nots: [не]", "danger/uk.yml: unknown field nots"),
        ("negators: [не]", "", "danger/uk.yml: negators is missing"),
        ("      maybe: |", "      perhaps: |", "danger/uk.yml: danger, block 2: unknown field perhaps"),
        ("  self_harm:", "  harm:", "danger/uk.yml: phrases has the sections danger and self_harm"),
        (
            "romanised: true\n",
            "romanised: true\n      script: Cyrl\n",
            "danger/uk.yml: danger, block 2: romanised is Latn",
        ),
        ("phrases:", "phrases: [", "danger/uk.yml: while parsing"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(old: str, new: str, says: str) -> None:
    assert old in UK
    with pytest.raises(BadContent, match=says):
        parse_danger({"uk": UK.replace(old, new, 1)})
