from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handoff.i18n import Catalogue, day_and_time

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def write(root: Path, locale: str, entries: dict[str, str], *, state: str = "draft", mtime: int = 1) -> Path:
    path = root / locale / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    body = "\n".join(f'#. state: {state}\nmsgid "{key}"\nmsgstr "{words}"\n' for key, words in entries.items())
    path.write_text(HEADER + body, encoding="utf-8")
    os.utime(path, (mtime, mtime))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(
        tmp_path,
        "en",
        {
            "hello": "Hello",
            "hello#sms": "Hi",
            "call": "Call {number}\\nNow",
            "fallback.ask": "Sorry?",
            "only": "One",
        },
    )
    write(tmp_path, "es", {"hello": "Hola", "option.yes": "Sí"}, state="native_reviewed")
    return tmp_path


def test_texts_come_in_the_persons_language_and_form(root: Path) -> None:
    catalogue = Catalogue(("en", "es"), root=root)
    assert catalogue.text("hello", "es") == "Hola"
    assert catalogue.text("hello", "es", "sms") == "Hola"
    assert catalogue.text("hello", "en", "sms") == "Hi"


def test_what_a_language_lacks_is_said_in_the_default_one(root: Path) -> None:
    catalogue = Catalogue(("es",), root=root)
    assert catalogue.text("only", "es") == "One"
    assert catalogue.text("hello", "fr") == "Hello"


def test_a_bare_key_never_reaches_a_phone(root: Path) -> None:
    assert Catalogue(("en",), root=root).text("no.such.key", "en") == "Sorry?"


def test_a_line_whose_argument_is_empty_is_left_out(root: Path) -> None:
    catalogue = Catalogue(("en",), root=root)
    assert catalogue.text("call", "en", number="+15550100100") == "Call +15550100100\nNow"
    assert catalogue.text("call", "en", number="") == "Now"
    assert catalogue.text("call", "en") == "Now"


def test_arguments_are_never_read_as_templates(root: Path) -> None:
    assert Catalogue(("en",), root=root).text("call", "en", number="{x.__class__}") == "Call {x.__class__}\nNow"


def test_review_states_are_known_and_a_missing_text_is_a_draft(root: Path) -> None:
    catalogue = Catalogue(("en", "es"), root=root)
    assert catalogue.state("hello", "es") == "native_reviewed"
    assert catalogue.state("hello", "en") == "draft"
    assert catalogue.state("only", "es") == "draft"
    assert catalogue.labels("yes") == ("Sí",)


def test_a_changed_file_is_read_again_within_a_second_and_not_sooner(root: Path) -> None:
    clock = Clock()
    catalogue = Catalogue(("en", "es"), root=root, clock=clock)
    write(root, "es", {"hello": "Buenas"}, mtime=2)
    clock.now = 0.9
    assert catalogue.text("hello", "es") == "Hola"
    clock.now = 1.1
    assert catalogue.text("hello", "es") == "Buenas"


@pytest.mark.parametrize("broken", ["msgid oops", 'msgid "hello"\nmsgstr "{unclosed"\n'])
def test_a_file_that_breaks_keeps_its_last_good_texts(root: Path, broken: str) -> None:
    clock = Clock()
    catalogue = Catalogue(("en", "es"), root=root, clock=clock)
    path = root / "es" / "LC_MESSAGES" / "messages.po"
    path.write_text(HEADER + broken, encoding="utf-8")
    os.utime(path, (3, 3))
    clock.now = 2.0
    assert catalogue.text("hello", "es") == "Hola"
    path.unlink()
    clock.now = 4.0
    assert catalogue.text("hello", "es") == "Hola"


def test_a_missing_catalogue_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"messages\.po"):
        Catalogue(("en",), root=tmp_path)


@pytest.mark.parametrize(("locale", "written"), [("en", "2 Jun 15:05"), ("es", "2 jun 15:05"), ("ar", "2 يونيو 15:05")])
def test_moments_are_written_as_the_language_does(locale: str, written: str) -> None:
    assert day_and_time(datetime(2025, 6, 2, 12, 5, tzinfo=UTC), locale, ZoneInfo("Africa/Nairobi")) == written
