"""What the documents say is so: settings, commands, metrics, links and the tests that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import typer
from pydantic import SecretStr

from handoff.cli import app
from handoff.services.meters import Meters
from handoff.settings import Settings
from tests.test_env_example import as_written

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SECTION = re.compile(r"<!-- settings:.*?<!-- end of settings -->", re.DOTALL)
ROW = re.compile(r"^\| `(AMANA_\w+)` \|([^|]*)\|", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
LARGEST_PICTURE = 200 * 1024


def default_of(value: object) -> str:
    """As the table shows it."""
    if isinstance(value, SecretStr):
        return "secret"
    written = as_written(value)
    return f"`{written}`" if written else ""


def commands(group: click.Group, before: str = "amana") -> list[str]:
    found = []
    for name, command in group.commands.items():
        deeper = hasattr(command, "commands")
        found += commands(command, f"{before} {name}") if deeper else [f"{before} {name}"]  # type: ignore[arg-type]
    return found


def test_the_table_has_every_setting_with_its_default_and_no_other() -> None:
    section = SECTION.search(README)
    assert section
    told = {name: default.strip() for name, default in ROW.findall(section[0])}
    known = {f"AMANA_{name.upper()}": default_of(field.default) for name, field in Settings.model_fields.items()}
    assert told == known


def test_every_command_is_in_the_table_and_no_other() -> None:
    told = re.findall(r"^\| `(amana [a-z -]+)` \|", README, re.MULTILINE)
    assert sorted(told) == sorted(commands(typer.main.get_command(app)))  # type: ignore[arg-type]


def test_every_target_of_make_is_named() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.search(r"`make` alone lists the targets: `([a-z -]+)`", README)
    assert named
    assert sorted(named[1].split()) == sorted(set(targets) - {"help"})


def test_every_metric_is_explained_and_no_other() -> None:
    told = re.findall(
        r"^\| `(amana_\w+?)(?:_total)?[`{]", (ROOT / "docs/operations.md").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(told) == sorted(family.name for family in Meters().registry.collect())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [target for target in LINK.findall(page.read_text("utf-8")) if not (page.parent / target).exists()]
    assert missing == []


def test_every_defence_names_tests_that_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs/threat-model.md").read_text("utf-8"))
    assert len(named) > 20
    assert [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text("utf-8")] == []


def test_every_actor_has_what_they_learn_or_are_kept_from_and_what_is_not_defended() -> None:
    page = (ROOT / "docs/threat-model.md").read_text("utf-8")
    actors = [part for part in page.split("\n## ")[1:] if "| Threat | Defence | Held by |" in part]
    assert len(actors) == 6
    assert [part.splitlines()[0] for part in actors if "**Not defended:**" not in part] == []
    rows = [row for part in actors for row in part.splitlines() if row.startswith("| ") and "Held by" not in row]
    assert [row for row in rows if "`tests/" not in row] == []


def test_pictures_are_small_and_shown() -> None:
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    for picture in (ROOT / "docs/images").iterdir():
        assert picture.name in pages
        assert picture.stat().st_size <= LARGEST_PICTURE
