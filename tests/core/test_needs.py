"""Needs are found in ten languages; a message that names none asks for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.core.content import BadContent
from handoff.core.needs import NeedWords

WORDS = NeedWords.load()


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("I need a doctor for my wound", ("health",)),
        ("where can I sleep tonight", ("shelter",)),
        ("we are HUNGRY", ("food",)),
        ("I lost my passport", ("documents",)),
        ("find my brother", ("family",)),
        ("psychologist", ("mental",)),
        ("a lawyer, and something to eat", ("legal", "food")),
        ("محتاجة دوا", ("health",)),
        ("بدي محامي", ("legal",)),
        ("besoin d'un avocat", ("legal",)),
        ("necesito comida", ("food",)),
        ("потрібен лікар", ("health",)),
        ("нужна юридическая помощь", ("legal",)),
        ("به وکیل ضرورت دارم", ("legal",)),
        ("ډاکټر ته اړتیا لرم", ("health",)),
        ("waxaan rabaa qareen", ("legal",)),
        ("nahitaji chakula", ("food",)),
        ("hello there", ()),
        ("", ()),
    ],
)
def test_what_is_asked_for(text: str, needs: tuple[str, ...]) -> None:
    assert WORDS.find(text) == needs


def test_every_need_has_words_in_every_language() -> None:
    assert WORDS.locales == {"en", "ar", "fr", "es", "uk", "ru", "fa_AF", "ps", "so", "sw"}


def test_a_table_without_a_need_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "needs.yml"
    path.write_text("needs: {health: {en: [doctor]}}")
    with pytest.raises(BadContent, match="missing or unknown"):
        NeedWords.load(path)
