"""Which language somebody probably writes in, and when not to say."""

from __future__ import annotations

import pytest

from handoff.core.language import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(("en", "ar", "es"))


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("hello", "en"),
        ("hola", "es"),
        ("مرحبا", "ar"),
        ("They took my passport and the boss says I owe money", "en"),
        ("Me quitaron el pasaporte y el jefe dice que debo dinero", "es"),
        ("أخذوا جواز سفري ويقولون إن علي دينا", "ar"),
        ("ok السلام عليكم", "ar"),
        ("٢", "ar"),
    ],
)
def test_a_language_that_shows_is_suggested(detector: Detector, text: str, locale: str) -> None:
    assert detector.detect(text) == locale


@pytest.mark.parametrize("text", ["", "1", "👍", "ok", "99", "+15550001", "zz"])
def test_what_does_not_say_enough_gives_nothing(detector: Detector, text: str) -> None:
    assert detector.detect(text) is None


def test_only_offered_languages_are_suggested() -> None:
    assert Detector(("en", "es")).detect("أخذوا جواز سفري") in (None, "en", "es")
    assert Detector(("es",)).detect("They took my passport and the boss says I owe money") is None
