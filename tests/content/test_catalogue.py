from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from handoff.i18n import Catalogue, day_and_time, mark_of
from handoff.translations.files import plural_forms

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


@pytest.mark.parametrize("locale", ["en", "ar", "uk", "ru", "fr", "es", "fa_AF", "ps", "so", "sw"])
def test_moments_have_ascii_digits_in_every_language(locale: str) -> None:
    written = day_and_time(datetime(2025, 6, 24, 12, 35, tzinfo=UTC), locale, ZoneInfo("Asia/Kabul"))
    assert [sign for sign in written if sign.isdigit()] == list("241705")


ARABIC = ("لا رسائل", "رسالة واحدة", "رسالتان", "{count} رسائل", "{count} رسالة", "{count} رسالة تقريبا")
RUSSIAN = ("{count} сообщение", "{count} сообщения", "{count} сообщений")
UKRAINIAN = ("{count} повідомлення", "{count} повідомлення (2-4)", "{count} повідомлень")
DARI = ("{count} پیام", "{count} پیامها")


def plural(root: Path, locale: str, forms: tuple[str, ...]) -> Catalogue:
    lines = "".join(f'msgstr[{place}] "{form}"\n' for place, form in enumerate(forms))
    body = f'msgid "sent"\nmsgid_plural "sent"\n{lines}\nmsgid "flat"\nmsgstr "{{count}} in all"\n'
    path = write(root, locale, {})
    path.write_text(HEADER.replace("\\n", f"\\nPlural-Forms: {plural_forms(locale)}\\n") + body, encoding="utf-8")
    return Catalogue((locale,), root=root)


@pytest.mark.parametrize(
    ("locale", "forms", "said"),
    [
        (
            "ar",
            ARABIC,
            {
                0: "لا رسائل",
                1: "رسالة واحدة",
                2: "رسالتان",
                3: "3 رسائل",
                10: "10 رسائل",
                11: "11 رسالة",
                99: "99 رسالة",
                100: "100 رسالة تقريبا",
                103: "103 رسائل",
            },
        ),
        (
            "ru",
            RUSSIAN,
            {1: "1 сообщение", 2: "2 сообщения", 5: "5 сообщений", 11: "11 сообщений", 21: "21 сообщение"},
        ),
        (
            "uk",
            UKRAINIAN,
            {1: "1 повідомлення", 3: "3 повідомлення (2-4)", 12: "12 повідомлень", 22: "22 повідомлення (2-4)"},
        ),
        ("fa_AF", DARI, {0: "0 پیام", 1: "1 پیام", 2: "2 پیامها"}),
    ],
)
def test_a_number_takes_the_form_that_its_language_has_for_it(
    root: Path, locale: str, forms: tuple[str, ...], said: dict[int, str]
) -> None:
    catalogue = plural(root, locale, forms)
    assert {number: catalogue.text("sent", locale, count=number) for number in said} == said


def test_a_text_without_plural_forms_takes_a_number_too(root: Path) -> None:
    assert plural(root, "ar", ARABIC).text("flat", "ar", count=7) == "7 in all"


def stamped(root: Path, locale: str, key: str, words: str, english: str, *, state: str = "native_reviewed") -> None:
    path = root / locale / "LC_MESSAGES" / "messages.po"
    source = path.read_text(encoding="utf-8") if path.exists() else HEADER
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = f'\n#. state: {state}\n#. english: {mark_of((english,))}\nmsgid "{key}"\nmsgstr "{words}"\n'
    path.write_text(source + entry, encoding="utf-8")


def test_a_stale_text_is_still_said_but_counts_as_a_draft(root: Path) -> None:
    stamped(root, "uk", "only", "Один", "Two")
    stamped(root, "uk", "call", "Дзвоніть", "Call {number}\nNow")
    catalogue = Catalogue(("uk",), root=root)
    assert (catalogue.text("only", "uk"), catalogue.state("only", "uk")) == ("Один", "draft")
    assert (catalogue.text("call", "uk"), catalogue.state("call", "uk")) == ("Дзвоніть", "native_reviewed")


def test_a_stale_consent_or_danger_text_is_said_in_a_language_the_person_reads(root: Path) -> None:
    stamped(root, "uk", "only", "Один", "Two")
    assert Catalogue(("uk",), root=root, fresh_only={"only"}).text("only", "uk") == "One"
    stamped(root, "ru", "only", "Один (ru)", "One")
    reads = Catalogue(("uk", "ru"), root=root, fresh_only={"only"}, fallbacks={"uk": ["ru"]})
    assert (reads.text("only", "uk"), reads.said_in("only", "uk")) == ("Один (ru)", "ru")


def test_a_stale_short_form_of_a_consent_gives_way_to_its_whole_text(root: Path) -> None:
    stamped(root, "uk", "hello", "Вітаю", "Hello")
    stamped(root, "uk", "hello#sms", "Віт", "Hey")
    assert Catalogue(("uk",), root=root, fresh_only={"hello"}).text("hello", "uk", "sms") == "Вітаю"


def test_no_neighbours_language_is_assumed_to_be_read(root: Path) -> None:
    stamped(root, "uk", "hello", "Вітаю", "Hello")
    stamped(root, "ru", "only", "Один (ru)", "One")
    assert Catalogue(("uk", "ru"), root=root).text("only", "uk") == "One"


def test_english_that_changes_makes_a_translation_stale_at_once(root: Path) -> None:
    stamped(root, "uk", "only", "Один", "One")
    clock = Clock()
    catalogue = Catalogue(("uk",), root=root, fresh_only={"only"}, clock=clock)
    assert catalogue.text("only", "uk") == "Один"
    write(root, "en", {"only": "One more", "fallback.ask": "Sorry?"}, mtime=9)
    clock.now = 2.0
    assert catalogue.text("only", "uk") == "One more"
