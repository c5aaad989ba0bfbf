"""The command `amana`. Every command says in a sentence what is missing, and exits with 1."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from pydantic import ValidationError

from handoff.settings import Settings, load_settings

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Amana: safe help by message.")
staff_app = typer.Typer(no_args_is_help=True, help="People who sign in at the desk.")
dead_app = typer.Typer(no_args_is_help=True, help="Messages that could not be read, worked or sent.")
channels_app = typer.Typer(no_args_is_help=True, help="The providers.")
content_app = typer.Typer(no_args_is_help=True, help="Texts and prompts.")
offer_app = typer.Typer(no_args_is_help=True, help="The offer check.")
directory_app = typer.Typer(no_args_is_help=True, help="Services that people may be told of.")
translations_app = typer.Typer(no_args_is_help=True, help="The catalogues of all languages.")
places_app = typer.Typer(no_args_is_help=True, help="The gazetteer.")
audit_app = typer.Typer(no_args_is_help=True, help="Who did what: the record.")
nlu_app = typer.Typer(no_args_is_help=True, help="What messages are taken for.")
keys_app = typer.Typer(no_args_is_help=True, help="The keys of what is stored.")
erased_app = typer.Typer(no_args_is_help=True, help="Who was erased, for restoring a backup.")
app.add_typer(keys_app, name="keys")
app.add_typer(erased_app, name="erased")
app.add_typer(staff_app, name="staff")
app.add_typer(dead_app, name="dead-letters")
app.add_typer(channels_app, name="channels")
app.add_typer(content_app, name="content")
app.add_typer(translations_app, name="translations")
app.add_typer(offer_app, name="offer")
app.add_typer(nlu_app, name="nlu")
app.add_typer(directory_app, name="directory")
app.add_typer(places_app, name="places")
app.add_typer(audit_app, name="audit")


def settings_or_exit() -> Settings:
    """The settings, or a sentence for each thing that is wrong with them."""
    try:
        return load_settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"AMANA_{where}: {problem['msg']}" if where else problem["msg"], err=True)
        raise typer.Exit(1) from None


def no_garbage_yet() -> None:
    """A program that lasts imports and reads for seconds what stays: a search for garbage finds none, and takes a
    tenth of them. `keep_what_stays` begins the search."""
    gc.disable()


def run(work: Callable[[Settings], Coroutine[object, object, int | None]]) -> None:
    """Run an asynchronous command; a ValueError is a sentence for the operator, not a trace."""
    settings = settings_or_exit()
    try:
        code = uvloop.run(work(settings))
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(code or 0)


@app.command()
def serve() -> None:
    """Run the gateway and the desk (public port) and the actions and metrics (internal port)."""
    no_garbage_yet()
    from handoff.processes import serve as process

    run(process)


@app.command()
def worker() -> None:
    """Run a worker: it answers messages. Start as many as you like on the same database."""
    no_garbage_yet()
    from handoff.processes import work as process

    run(process)


@app.command()
def simulator() -> None:
    """Run the stand-in for the providers, with phones on a web page (development only)."""
    from handoff.simulator.app import serve as process

    settings = settings_or_exit()
    try:
        process(settings)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command()
def demo() -> None:
    """Run everything on this machine, with phones and a desk in the browser. Ctrl-C stops everything."""
    from handoff.demo import run_demo

    raise typer.Exit(run_demo(settings_or_exit()))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date and add the deployment's organisation."""
    from handoff.processes import migrate as process

    run(process)


@app.command()
def doctor() -> None:
    """Check settings, database, texts and channels, and say what is not fit for people yet."""
    from handoff.doctor import examine

    run(examine)


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option(help="Say how much of each class is due, and do nothing.")] = False,
) -> None:
    """Do away with everything that has had its time, class by class. The worker does this once an hour."""
    from handoff.keeping_commands import purge as command

    run(lambda settings: command(settings, dry_run=dry_run))


@keys_app.command("rotate")
def keys_rotate() -> None:
    """Wrap every data key by the first master key of AMANA_MASTER_KEYS. Nothing has to stop for it."""
    from handoff.keeping_commands import rotate_keys

    run(rotate_keys)


@erased_app.command("list")
def erased_list() -> None:
    """The random ids of everything that was erased, for who restores a backup."""
    from handoff.keeping_commands import list_erased

    run(list_erased)


@erased_app.command("apply")
def erased_apply() -> None:
    """After a restore: erase again what the ids on stdin name."""
    from handoff.keeping_commands import apply_list

    run(apply_list)


@staff_app.command("add")
def staff_add(
    login: Annotated[str, typer.Option(help="What they type to sign in.")],
    name: Annotated[str, typer.Option(help="What colleagues see.")],
    role: Annotated[str, typer.Option(help="caseworker, supervisor or admin")] = "caseworker",
    organisation: Annotated[str, typer.Option(help="Slug; default: the deployment's own.")] = "",
    focal: Annotated[str, typer.Option(help="Whose focal point: gbv,cp,psea,male_survivors,vot, or none.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Add somebody to the desk, or change their name, role, password and whose focal point they are."""
    from handoff.processes import add_staff

    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    owners = None if not focal else tuple(name for name in focal.replace(",", " ").split() if name != "none")
    given = {"role": role, "organisation": organisation, "password": password}
    run(lambda settings: add_staff(settings, login, name, **given, focal=owners))


@dead_app.command("list")
def dead_list() -> None:
    """Codes, age and channel of what could not be read, worked or sent. Never its text."""
    from handoff.processes import list_dead_letters

    run(list_dead_letters)


@dead_app.command("redrive")
def dead_redrive(number: Annotated[int, typer.Argument(help="The dead letter's number.")]) -> None:
    """Tell the person, with a dated neutral line, that something went wrong; never the old answer as if live."""
    from handoff.processes import redrive

    run(lambda settings: redrive(settings, number))


@channels_app.command("connect")
def channels_connect() -> None:
    """Register webhook, secret and update kinds at every configured provider, and say what was done."""
    from handoff.processes import connect_channels

    run(connect_channels)


@content_app.command("check")
def content_check() -> None:
    """Check every text in every language: keys, placeholders, promises, reserved words, SMS budgets."""
    from handoff.core.content_check import check
    from handoff.translations.commands import faults

    problems = [*map(str, check()), *faults()]
    for problem in problems:
        typer.echo(problem)
    typer.echo(f"{len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@translations_app.command("update")
def translations_update(locale: Annotated[str, typer.Option(help="One language only.")] = "") -> None:
    """Write down anew what there is to translate, in every catalogue; nothing that somebody wrote is lost."""
    from handoff.translations.commands import update

    try:
        faults = update(only=locale)
    except ValueError as error:
        faults = [str(error)]
    for fault in faults:
        typer.echo(fault, err=True)
    raise typer.Exit(1 if faults else 0)


@translations_app.command("accept")
def translations_accept(locale: str, keys: list[str]) -> None:
    """You compared these texts with today's English, and they say the same: they are no longer stale."""
    from handoff.translations.commands import accept

    try:
        accept(locale, keys)
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@translations_app.command("status")
def translations_status(locale: Annotated[str, typer.Option(help="One language only.")] = "") -> None:
    """How far each language is. Exits with 1 when an offered language lacks a safety text."""
    from handoff.translations import status

    rows = status.rows(only=locale)
    typer.echo(status.table(rows))
    lacking = status.unsafe(rows, settings_or_exit().locales)
    if lacking:
        typer.echo(f"safety texts are missing in: {', '.join(lacking)}", err=True)
    raise typer.Exit(1 if lacking else 0)


@nlu_app.callback()
def nlu() -> None:
    """What messages are taken for."""


@nlu_app.command("parse")
def nlu_parse(
    model_only: Annotated[bool, typer.Option("--model-only", help="The model alone, without our own words.")] = False,
) -> None:
    """Add intent and confidence to lines of JSON ({"text": …, "locale": …}) from stdin.

    Uses the assistant at AMANA_RASA_URL if it answers and takes AMANA_RASA_TOKEN, else starts one of its own.
    """
    from handoff.nlu import parse

    run(lambda settings: parse(settings, model_only=model_only))


@offer_app.command("check")
def offer_check(
    locale: Annotated[str, typer.Option(help="The language of the text: en, ar, uk …")] = "en",
) -> None:
    """Read what somebody writes about an offer on stdin; print the signs it suggests, and the level if all are true."""
    from handoff.core.offers import Offers
    from handoff.core.suggest import Suggester

    suggester = Suggester()
    if locale not in suggester.locales:
        typer.echo(f"no phrases for {locale}: choose one of {', '.join(suggester.locales)}", err=True)
        raise typer.Exit(1)
    text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    suggested = suggester.suggest(text, locale)
    level = Offers.load().level(suggestion.flag for suggestion in suggested)
    found = {"suggested": [asdict(suggestion) for suggestion in suggested], "level": str(level)}
    typer.echo(json.dumps(found, ensure_ascii=False))


@directory_app.command("import")
def directory_import(
    path: Annotated[Path, typer.Argument(help="An HSDS package: a folder, a zip, or JSON.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Import services, all or nothing. Says every row that is wrong. Nobody is told a number before it is verified."""
    from handoff.directory_commands import import_directory_command

    run(lambda settings: import_directory_command(settings, path, dry_run=dry_run))


@directory_app.command("check")
def directory_check() -> None:
    """List what needs somebody's work: dead and unverified numbers, stale and closed services. Exits with 1 if any."""
    from handoff.directory_commands import check_directory

    run(check_directory)


@directory_app.command("verify")
def directory_verify(
    phone_id: Annotated[str, typer.Argument(help="As `amana directory check` lists it.")],
    by: Annotated[str, typer.Option(help="Your login.")],
    note: Annotated[str, typer.Option(help="Who answered the call, and what they said.")],
) -> None:
    """You called a number and it is right. Two different people have to, before anybody is told of it."""
    from handoff.directory_commands import verify

    run(lambda settings: verify(settings, phone_id, login=by, note=note))


@directory_app.command("unverify")
def directory_unverify(
    phone_id: Annotated[str, typer.Argument(help="As `amana directory check` lists it.")],
    by: Annotated[str, typer.Option(help="Your login.")],
) -> None:
    """A number is wrong: nobody is told of it any more."""
    from handoff.directory_commands import unverify

    run(lambda settings: unverify(settings, phone_id, login=by))


@directory_app.command("done")
def directory_done(
    report: Annotated[int, typer.Argument(help="The number of the report in `amana directory check`.")],
    by: Annotated[str, typer.Option(help="Your login.")],
) -> None:
    """You have looked after a report of a dead number."""
    from handoff.directory_commands import done

    run(lambda settings: done(settings, report, login=by))


@places_app.command("import")
def places_import(
    path: Annotated[Path, typer.Argument(help="CSV: code, level, parent, name_<locale> …, spellings.")],
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Replace the gazetteer, all or nothing. Says every row that is wrong."""
    from handoff.directory_commands import import_places_command

    run(lambda settings: import_places_command(settings, path, dry_run=dry_run))


@audit_app.callback()
def audit() -> None:
    """Who did what: the record."""


@audit_app.command("verify")
def audit_verify(
    first: Annotated[str, typer.Option("--from", help="A day (UTC); default: thirty days ago.")] = "",
    last: Annotated[str, typer.Option("--to", help="A day (UTC); default: today.")] = "",
) -> None:
    """Find entries that were changed, taken out, moved or cut off, and say which; print the digest of each day."""
    from handoff.audit_commands import verify_audit

    run(lambda settings: verify_audit(settings, first, last))
