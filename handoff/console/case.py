"""The case page: what was agreed to, the two-way chat, and what its holder can do."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from handoff.console.case_parts import Shown, parts_of
from handoff.console.live import Parts, stream, version_of
from handoff.console.pages import console_of, form_of, locale_of, page, signed_in, still_signed_in, watching
from handoff.console.security import field
from handoff.core.case import CLOSE_CODES, LEVEL_REASONS, MAX_REPLY, REVEAL_REASONS, REVEALS, TARGETS
from handoff.core.staff import Session
from handoff.services import claim as claims
from handoff.services.access import Connection, Desk, NotFound, access_case, deed, read_chat
from handoff.services.close import UnknownCode, close
from handoff.services.level import NoLevel, set_level
from handoff.services.reply import CannotSend, Reply, reply
from handoff.services.reveal import CannotReveal, reveal

routes = APIRouter(prefix="/cases/{case_id}")


def case_id_of(case_id: str) -> uuid.UUID:
    """Whatever stands in the address; what is no id is as unknown as an id that nobody has. Raises NotFound."""
    try:
        return uuid.UUID(case_id)
    except ValueError as error:
        raise NotFound from error


type SignedIn = Annotated[Session, Depends(signed_in)]
type Watching = Annotated[Session, Depends(watching)]
type CaseId = Annotated[uuid.UUID, Depends(case_id_of)]


@routes.get("")
async def show(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """The case; that it was read is on record."""
    console = console_of(request)
    async with console.engine.begin() as connection:
        case = await access_case(console.desk, connection, session.user, case_id)
        await console.desk.journal.record(connection, deed(session.user, "case.read", case))
    return await case_page(request, session, case_id)


@routes.get("/live")
async def live(request: Request, session: Watching, case_id: CaseId, seen: str = "") -> Response:
    """The page as it changes. While its holder has it open, the claim is kept."""
    console = console_of(request)
    async with console.engine.connect() as connection:
        await access_case(console.desk, connection, session.user, case_id)

    async def parts() -> Parts:
        await still_signed_in(request)
        async with console.engine.begin() as connection:
            await claims.renew(console.desk, connection, session.user, case_id, console.clock())
        return parts_of(request, await read(request, session, case_id))

    seen = request.headers.get("last-event-id", seen)
    events = stream(console.feed, parts, about=str(case_id), seen=seen)
    return StreamingResponse(events, media_type="text/event-stream")


@routes.post("/claim")
async def take(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """Exactly one of two who click at once gets the case; the other is told who has it."""
    async with deed_of(request, session) as (desk, connection):
        await claims.claim(desk, connection, session.user, case_id, console_of(request).clock())
    return back(request, case_id)


@routes.post("/release")
async def release(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """Back to the queue, by the holder or a supervisor."""
    async with deed_of(request, session) as (desk, connection):
        await claims.release(desk, connection, session.user, case_id, console_of(request).clock())
    return back(request, case_id)


@routes.post("/seen")
async def seen_alarm(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """The holder has seen the alarm."""
    async with deed_of(request, session) as (desk, connection):
        await claims.see_alarm(desk, connection, session.user, case_id)
    return back(request, case_id)


@routes.post("/reply")
async def write(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """Send the holder's words; if they cannot be sent, the page shows them again and says why."""
    form = await form_of(request, session)
    words = Reply(field(form, "text"), field(form, "after"))
    try:
        async with deed_of(request, session) as (desk, connection):
            await reply(desk, connection, session.user, case_id, form=words, now=console_of(request).clock())
    except CannotSend as error:
        return await case_page(request, session, case_id, status=422, draft=words.text, error=error.code)
    except (claims.Taken, claims.NotOpen):
        return await case_page(request, session, case_id, status=409, draft=words.text, error="not_yours")
    return back(request, case_id)


@routes.post("/close")
async def end(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """Close with a code; the assistant speaks again."""
    form = await form_of(request, session)
    try:
        async with deed_of(request, session) as (desk, connection):
            code, now = field(form, "code"), console_of(request).clock()
            await close(desk, connection, session.user, case_id, code=code, now=now)
    except UnknownCode:
        return await case_page(request, session, case_id, status=422, error="no_code")
    return back(request, case_id)


@routes.post("/reveal")
async def show_once(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """The number or the word, on a page that no cache keeps; again only for a further reason, on record."""
    form = await form_of(request, session)
    try:
        async with deed_of(request, session) as (desk, connection):
            shown = await reveal(
                desk, connection, session.user, case_id, what=field(form, "what"), reason=field(form, "reason")
            )
            case = await access_case(desk, connection, session.user, case_id)
    except CannotReveal as error:
        status = 409 if error.code == "not_yours" else 422
        return await case_page(request, session, case_id, status=status, error=error.code)
    return page(request, "revealed.html", session=session, case=case, shown=shown)


@routes.post("/level")
async def change_level(request: Request, session: SignedIn, case_id: CaseId) -> Response:
    """Raise or lower the level, with a reason."""
    form = await form_of(request, session)
    try:
        async with deed_of(request, session) as (desk, connection):
            wish = {"level": field(form, "level"), "reason": field(form, "reason")}
            await set_level(desk, connection, session.user, case_id, **wish, now=console_of(request).clock())
    except NoLevel:
        return await case_page(request, session, case_id, status=422, error="no_level")
    return back(request, case_id)


@contextlib.asynccontextmanager
async def deed_of(request: Request, session: Session) -> AsyncIterator[tuple[Desk, Connection]]:
    """One transaction of somebody whose form was checked. Raises Forbidden."""
    await form_of(request, session)
    console = console_of(request)
    async with console.engine.begin() as connection:
        yield console.desk, connection


def back(request: Request, case_id: uuid.UUID) -> Response:
    """To the case's page, by GET, so that a reload sends nothing twice."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/cases/{case_id}", 303)


async def read(request: Request, session: Session, case_id: uuid.UUID) -> Shown:
    """Case and chat as this user may see them now. Raises NotFound."""
    console = console_of(request)
    async with console.engine.connect() as connection:
        case = await access_case(console.desk, connection, session.user, case_id)
        lines = await read_chat(console.desk, connection, case)
        note = await console.desk.cases.note(connection, case.id)
    place = await console.matcher.place(case, locale_of(request))
    return Shown(case, tuple(lines), session, note, place, await console.matcher.matches(case, console.clock()))


async def case_page(
    request: Request, session: Session, case_id: uuid.UUID, *, status: int = 200, draft: str = "", error: str = ""
) -> Response:
    """The whole page; `draft` is what could not be sent."""
    shown = await read(request, session, case_id)
    parts = parts_of(request, shown)
    limits = console_of(request).limits.get(shown.case.channel)
    return page(
        request,
        "case.html",
        status=status,
        session=session,
        case=shown.case,
        mine=shown.mine,
        last=shown.last_line,
        parts=parts,
        version=version_of(parts),
        draft=draft,
        error=error,
        sms=limits is not None and limits.style == "sms",
        close_codes=CLOSE_CODES,
        reveals=REVEALS,
        reveal_reasons=REVEAL_REASONS,
        levels=tuple(TARGETS),
        level_reasons=LEVEL_REASONS,
        longest=MAX_REPLY,
    )
