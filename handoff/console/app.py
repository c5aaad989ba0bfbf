"""Builds the desk: an application of its own, to be mounted at /console."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from handoff.console import case, queue, sign_in
from handoff.console.live import Feed, Listen
from handoff.console.pages import HERE, Console, NeedsSignIn, load_catalogue, load_templates, page, signed_in
from handoff.console.security import Forbidden, Shield
from handoff.core.case import CaseView
from handoff.core.channel import Limits
from handoff.core.directory import NoDirectory, Policy
from handoff.core.pathways import Pathways
from handoff.core.sop import Sop
from handoff.services.access import Cases, Database, Desk, NotFound, Voice
from handoff.services.claim import NotOpen, Taken
from handoff.services.matches import Matcher
from handoff.services.sign_in import StaffRows
from handoff.settings import Settings


def now() -> datetime:
    """The desk's clock."""
    return datetime.now(UTC)


def build_console(
    engine: Database,
    settings: Settings,
    voice: Voice,
    *,
    cases: Cases,
    staff: StaffRows,
    limits: Mapping[str, Limits],
    listen: Listen,
    matcher: Matcher | None = None,
    sop: Sop | None = None,
    clock: Callable[[], datetime] = now,
) -> FastAPI:
    """The desk. `listen` calls back with what is notified on the channel amana_desk, for ever.

    Without a `matcher` no service is proposed; `sop` is the deployment's procedure."""
    desk = Desk(cases, staff, voice, timedelta(minutes=settings.claim_minutes), limits)
    feed = Feed(listen)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await feed.close()

    app = FastAPI(title="Amana desk", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.console = Console(
        engine=engine,
        settings=settings,
        desk=desk,
        staff=staff,
        limits=limits,
        catalogue=load_catalogue(),
        templates=load_templates(),
        feed=feed,
        matcher=matcher or Matcher(NoDirectory(), Pathways.load(), Policy(ZoneInfo(settings.timezone))),
        sop=sop or Sop.load(),
        clock=clock,
    )
    for module in (sign_in, queue, case):
        app.include_router(module.routes)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_middleware(Shield)
    _add_answers(app)
    return app


def _add_answers(app: FastAPI) -> None:
    """What each refusal looks like. None repeats anything of the request."""
    app.add_exception_handler(NeedsSignIn, ask_to_sign_in)
    app.add_exception_handler(Forbidden, forbidden)
    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(Taken, taken)
    app.add_exception_handler(NotOpen, not_open)
    app.add_exception_handler(RequestValidationError, not_found)
    app.add_exception_handler(HTTPException, not_found)


async def ask_to_sign_in(request: Request, _: Exception) -> Response:
    """Pages lead to the sign-in; forms and streams are refused."""
    if request.method == "GET" and not request.url.path.endswith("/live"):
        return RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", 303)
    return page(request, "message.html", status=401, title="refused.sign_in", text="refused.sign_in_text")


async def forbidden(request: Request, _: Exception) -> Response:
    """The form was not ours."""
    return page(request, "message.html", status=403, title="refused.form", text="refused.form_text")


async def not_found(request: Request, _: Exception) -> Response:
    """One page for what does not exist and for what this user may not know of."""
    return page(request, "message.html", status=404, title="refused.unknown", text="refused.unknown_text")


async def taken(request: Request, error: Exception) -> Response:
    """Who has the case."""
    return (
        await _conflict(request, error.case, "taken") if isinstance(error, Taken) else await not_found(request, error)
    )


async def not_open(request: Request, error: Exception) -> Response:
    """The case has ended meanwhile."""
    if isinstance(error, NotOpen):
        return await _conflict(request, error.case, "not_open")
    return await not_found(request, error)


async def _conflict(request: Request, view: CaseView, why: str) -> Response:
    session = await signed_in(request)
    return page(request, "conflict.html", status=409, session=session, case=view, why=why)
