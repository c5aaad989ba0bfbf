"""The command `amana`. Every command says in a sentence what is missing, and exits with 1."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
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
nlu_app = typer.Typer(no_args_is_help=True, help="What messages are taken for.")
app.add_typer(staff_app, name="staff")
app.add_typer(dead_app, name="dead-letters")
app.add_typer(channels_app, name="channels")
app.add_typer(content_app, name="content")
app.add_typer(nlu_app, name="nlu")


def settings_or_exit() -> Settings:
    """The settings, or a sentence for each thing that is wrong with them."""
    try:
        return load_settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            where = "_".join(str(part) for part in problem["loc"]).upper()
            typer.echo(f"AMANA_{where}: {problem['msg']}" if where else problem["msg"], err=True)
        raise typer.Exit(1) from None


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
    from handoff.processes import serve as process

    run(process)


@app.command()
def worker() -> None:
    """Run a worker: it answers messages. Start as many as you like on the same database."""
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


@staff_app.command("add")
def staff_add(
    login: Annotated[str, typer.Option(help="What they type to sign in.")],
    name: Annotated[str, typer.Option(help="What colleagues see.")],
    role: Annotated[str, typer.Option(help="caseworker, supervisor or admin")] = "caseworker",
    organisation: Annotated[str, typer.Option(help="Slug; default: the deployment's own.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
) -> None:
    """Add somebody to the desk, or change their name, role and password."""
    from handoff.processes import add_staff

    password = sys.stdin.readline().rstrip("\n") if password_stdin else typer.prompt("Password", hide_input=True)
    run(lambda settings: add_staff(settings, login, name, role=role, organisation=organisation, password=password))


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

    problems = check()
    for problem in problems:
        typer.echo(problem)
    typer.echo(f"{len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


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
