"""Extraction, update and status, on copies: nothing a translator wrote is lost, and what is wrong is named."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handoff.cli import app
from handoff.core.prompt_table import load_fallbacks, load_prompts, safety_keys
from handoff.i18n import LOCALES_DIR, Catalogue
from handoff.translations import commands, extract, files, status


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """English and three others, as shipped."""
    for locale in ("en", "ar", "ru", "fa_AF"):
        shutil.copytree(LOCALES_DIR / locale, tmp_path / locale)
    return tmp_path


def po(root: Path, locale: str, domain: str = "messages") -> Path:
    return files.path_of(root, locale, domain)


def replace(path: Path, old: str, new: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert old in source
    before, _, after = source.rpartition(old)  # the last: the first of a placeholder stands in a comment
    path.write_text(f"{before}{new}{after}", encoding="utf-8")


def entry(path: Path, key: str) -> str:
    return next(block for block in path.read_text("utf-8").split("\n\n") if re.search(f'^msgid "{key}"$', block, re.M))


def reword(root: Path, key: str, words: str = "Something new.") -> None:
    """Gives a key another English text."""
    path = po(root, "en")
    old = entry(path, key)
    new = re.sub(r'msgstr (".*"\n?)+', f'msgstr "{words}"', old)
    replace(path, old, new.rstrip())


def test_the_shipped_catalogues_are_up_to_date_and_compile(tmp_path: Path) -> None:
    shutil.copytree(LOCALES_DIR, tmp_path / "locales")
    assert commands.update(locales_dir=tmp_path / "locales") == []
    for path in sorted(LOCALES_DIR.rglob("*.po*")):
        updated = tmp_path / "locales" / path.relative_to(LOCALES_DIR)
        assert updated.read_text("utf-8") == path.read_text("utf-8"), f"{path.name}: run `make translations`"


def test_everything_that_is_said_is_extracted(root: Path) -> None:
    assert set(extract.messages()) <= set(Catalogue(("en",)).entries("en"))
    assert set(extract.console()) == set(Catalogue(("en",), domain="console").entries("en"))


def test_a_translator_is_told_where_it_is_said_what_is_filled_in_and_how_long_it_may_be(root: Path) -> None:
    commands.update(locales_dir=root)
    told = " ".join(line.removeprefix("#. ") for line in entry(po(root, "ru"), "danger.card").splitlines())
    assert "weight: danger, needs a second reader" in told
    assert "answers: 1 Yes, 2 Not what I meant" in told
    assert "at most 3 segments: 459 characters of GSM-7, else 201" in told
    assert "{hotline}: the emergency number" in told
    assert "en: No one has been sent." in told
    assert "at most 20 characters" in entry(po(root, "ru"), "option.yes")
    assert "handoff/console/templates/case.html:" in entry(po(root, "ru", "console"), "chat.send")


def test_an_update_keeps_every_word_and_state_and_changes_nothing_the_second_time(root: Path) -> None:
    before = {name: dict(Catalogue((name,), root=root).entries(name)) for name in ("en", "ar", "ru", "fa_AF")}
    commands.update(locales_dir=root)
    once = [path.read_bytes() for path in sorted(root.rglob("*.po*"))]
    commands.update(locales_dir=root)
    assert [path.read_bytes() for path in sorted(root.rglob("*.po*"))] == once
    for name, entries in before.items():
        after = Catalogue((name,), root=root).entries(name)
        assert {k: (t.words, t.state) for k, t in after.items()} == {k: (t.words, t.state) for k, t in entries.items()}


def test_a_new_text_comes_empty_and_a_gone_one_stays_as_obsolete_until_it_is_back(root: Path) -> None:
    path = po(root, "ru")
    thanks = entry(path, "thanks")
    replace(path, 'msgid "thanks"', 'msgid "thanked"')
    commands.update(locales_dir=root)
    assert entry(path, "thanks").endswith('msgstr ""')
    assert '#~ msgid "thanked"' in path.read_text("utf-8")
    assert [row.missing for row in status.rows(locales_dir=root, only="ru")][1] == {"thanks": "en"}
    replace(path, "\n\n" + entry(path, "thanks"), "")
    path.write_text(path.read_text("utf-8").replace('#~ msgid "thanked"', '#~ msgid "thanks"'), encoding="utf-8")
    commands.update(locales_dir=root)
    assert entry(path, "thanks").splitlines()[-1] == thanks.splitlines()[-1]


def test_changed_english_makes_stale_what_translates_it_until_somebody_has_compared(root: Path) -> None:
    commands.update(locales_dir=root)
    reword(root, "thanks")
    commands.update(locales_dir=root)
    _, other, _ = status.rows(locales_dir=root, only="ru")
    assert (other.stale, other.complete) == ({"thanks": ""}, other.keys - 1)
    assert "ru: thanks: stale, still said" in status.table([other])
    commands.accept("ru", ["thanks"], locales_dir=root)
    assert status.rows(locales_dir=root, only="ru")[1].stale == {}
    with pytest.raises(ValueError, match=r"ru has no text no\.such"):
        commands.accept("ru", ["no.such"], locales_dir=root)


def test_a_stale_danger_card_shows_as_said_in_another_language(root: Path) -> None:
    commands.update(locales_dir=root)
    reword(root, "danger.withdrawn")
    reword(root, "danger.maybe")
    safety, *_ = status.rows(locales_dir=root, only="ar")
    assert safety.stale == {"danger.maybe": "en"}
    assert "ar: danger.maybe: stale, said in en" in status.table([safety])


def test_a_language_that_lacks_a_safety_text_is_named(root: Path) -> None:
    replace(po(root, "ar"), 'msgid "danger.card"', 'msgid "danger.cart"')
    rows = status.rows(locales_dir=root)
    assert status.unsafe(rows, ("en", "ar")) == ["ar"]
    assert status.unsafe(rows, ("en", "ru")) == []


def test_consents_cards_their_labels_and_their_pieces_are_the_safety_set() -> None:
    keys = safety_keys(load_prompts())
    assert {"danger.card", "consent.contact", "option.yes", "reporting.none", "staffing.later"} <= keys
    assert not {"thanks", "greet.hello"} & keys


def test_nobody_is_assumed_to_read_another_language() -> None:
    assert {chain for chain in load_fallbacks().values()} == {()}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("nplurals=6", "nplurals=2", "Plural-Forms says 2 forms; this language has 6"),
        ("n%100>=11 ? 4 : 5", "n%100>=12 ? 4 : 5", "Plural-Forms takes the wrong form for 11"),
        ('"Plural-Forms: ', '"X-Forms: ', "the header has no Plural-Forms"),
        ("{org}", "{org}}", "Single '}' encountered"),
    ],
)
def test_a_catalogue_that_does_not_compile_is_named(root: Path, old: str, new: str, fault: str) -> None:
    commands.update(locales_dir=root)
    replace(po(root, "ar"), old, new)
    found = commands.faults(root)
    assert len(found) == 1
    assert found[0].startswith("ar/messages.po: ")
    assert fault in found[0]


@pytest.mark.parametrize(
    ("forms", "fault"),
    [
        (("{count} a", "{count} b"), "the form for 'many' is empty"),
        (("{count} a", "", "{count} c"), "the form for 'few' is empty"),
        (("one", "{count} b", "{count} c"), "the form for 'one' leaves out {count}"),
    ],
)
def test_plural_forms_that_do_not_fit_are_named(root: Path, forms: tuple[str, ...], fault: str) -> None:
    commands.update(locales_dir=root)
    lines = "".join(f'msgstr[{place}] "{form}"\n' for place, form in enumerate(forms))
    path = po(root, "ru", "console")
    path.write_text(f'{path.read_text("utf-8")}\nmsgid "sent"\nmsgid_plural "sent"\n{lines}', encoding="utf-8")
    assert any(line == f"ru/console.po: sent: {fault}" for line in commands.faults(root))


def test_arabic_may_say_one_and_two_in_words(root: Path) -> None:
    commands.update(locales_dir=root)
    forms = ("لا شيء", "واحد", "اثنان", "{count} أ", "{count} ب", "{count} ج")
    lines = "".join(f'msgstr[{place}] "{form}"\n' for place, form in enumerate(forms))
    path = po(root, "ar", "console")
    path.write_text(f'{path.read_text("utf-8")}\nmsgid "sent"\nmsgid_plural "sent"\n{lines}', encoding="utf-8")
    assert commands.faults(root) == []


def test_english_that_gets_plural_forms_gives_every_language_its_own_number_of_them(root: Path) -> None:
    replace(
        po(root, "en", "console"),
        'msgid "chat.count"\nmsgstr "[n] characters"',
        'msgid "chat.count"\nmsgid_plural "chat.count"\nmsgstr[0] "[n] character"\nmsgstr[1] "[n] characters"',
    )
    commands.update(locales_dir=root)
    assert entry(po(root, "ar", "console"), "chat.count").count("حرفا") == 6
    assert entry(po(root, "ru", "console"), "chat.count").count("знаков") == 3


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('msgid "chat.send"', 'msgid "chat.sent"', "ru/console.po: chat.send: missing"),
        ("{org} ", "", "ru/console.po: consent.live: other placeholders than in English"),
    ],
)
def test_what_the_desk_lacks_in_a_language_is_named(root: Path, old: str, new: str, fault: str) -> None:
    commands.update(locales_dir=root)
    replace(po(root, "ru", "console"), old, new)
    assert fault in commands.faults(root)


def test_the_command_shows_every_language() -> None:
    shown = CliRunner().invoke(app, ["translations", "status", "--locale", "ar"])
    assert shown.exit_code == 0
    assert re.search(r"^ar +safety +\d+", shown.output, re.M)
