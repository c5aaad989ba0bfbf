"""The desk as its routes see it: services, words and templates, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse

from handoff.console.live import Feed, SessionEnded
from handoff.console.security import LANGUAGE_COOKIE, SESSION_COOKIE, checked_form, set_cookie
from handoff.console.words import Words, desk_locales, preferred
from handoff.core.channel import Limits
from handoff.core.sop import Sop
from handoff.core.staff import Session
from handoff.i18n import Catalogue
from handoff.services.access import Database, Desk
from handoff.services.matches import Matcher
from handoff.services.sign_in import StaffRows, session_of
from handoff.settings import Settings

HERE = Path(__file__).parent
YEAR_S = 365 * 24 * 3600


class NeedsSignIn(Exception):
    """Nobody is signed in, or not any more."""


@dataclass(frozen=True, slots=True)
class Console:
    """Everything that the routes use. `limits` are those of the channels, by name."""

    engine: Database
    settings: Settings
    desk: Desk
    staff: StaffRows
    limits: Mapping[str, Limits]
    catalogue: Catalogue
    templates: Environment
    feed: Feed
    matcher: Matcher
    sop: Sop
    clock: Callable[[], datetime]

    @property
    def owners(self) -> Mapping[str, str]:
        """What the owners of concerns are called."""
        return self.matcher.pathways.owners

    def words(self, locale: str) -> Words:
        """The words of one language, in the deployment's time zone."""
        return Words(self.catalogue, locale, ZoneInfo(self.settings.timezone))


def load_templates() -> Environment:
    """Everything is escaped; a name that a template misspells is an error, not an empty string."""
    loader = FileSystemLoader(HERE / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def load_catalogue() -> Catalogue:
    """The desk's own texts, in every language that has them; one for the process, it reads changed files again."""
    return Catalogue(desk_locales(), domain="console")


def console_of(request: Request) -> Console:
    """The console that this request came to."""
    console: Console = request.app.state.console
    return console


def locale_of(request: Request) -> str:
    """Asked for now, chosen before, preferred by the browser, else the first."""
    offered = console_of(request).catalogue.locales
    for wish in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wish in offered:
            return wish
    return preferred(request.headers.get("accept-language", ""), offered) or offered[0]


async def signed_in(request: Request) -> Session:
    """Who is asking; opening a page or sending a form keeps the session alive. Raises NeedsSignIn."""
    return await _session(request, touch=True)


async def watching(request: Request) -> Session:
    """Who has the page open; watching alone does not keep a session alive. Raises NeedsSignIn."""
    return await _session(request, touch=False)


async def _session(request: Request, *, touch: bool) -> Session:
    console = console_of(request)
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        raise NeedsSignIn
    async with console.engine.begin() as connection:
        session = await session_of(console.staff, connection, token, now=console.clock(), touch=touch)
    if session is None:
        raise NeedsSignIn
    return session


async def still_signed_in(request: Request) -> None:
    """For an open stream. Raises SessionEnded."""
    try:
        await watching(request)
    except NeedsSignIn as error:
        raise SessionEnded from error


async def form_of(request: Request, session: Session) -> FormData:
    """The form of somebody who is signed in. Raises Forbidden."""
    return await checked_form(request, session.csrf, console_of(request).settings.public_base_url)


def fragment(request: Request, template: str, **values: Any) -> str:
    """A piece of a page, in the language of the request."""
    console = console_of(request)
    words = console.words(locale_of(request))
    common = {"words": words, "t": words.t, "base": request.scope.get("root_path", ""), "now": console.clock()}
    return console.templates.get_template(template).render(common | values)


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page. A language asked for in the address is remembered."""
    console = console_of(request)
    values.setdefault("session", None)
    locales = [(name, console.words(name).own_name(name)) for name in console.catalogue.locales]
    response = HTMLResponse(fragment(request, template, locales=locales, path=_path(request, status), **values), status)
    if request.query_params.get("lang") == locale_of(request):
        secure = not console.settings.development
        set_cookie(response, request, LANGUAGE_COOKIE, locale_of(request), secure=secure, age=YEAR_S)
    return response


def _path(request: Request, status: int) -> str:
    """Where the language links of this page lead: itself, or the queue if it answered a form or refused.

    A refusal repeats nothing of the request, not even its address.
    """
    own = request.method == "GET" and status < 400
    return str(request.url.path) if own else f"{request.scope.get('root_path', '')}/"
