"""The queue: who needs whom first. Codes and clocks only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from handoff.console.live import Parts, stream, version_of
from handoff.console.pages import console_of, fragment, page, signed_in, still_signed_in, watching
from handoff.core.staff import Session
from handoff.services.access import queue

routes = APIRouter()


@routes.get("/")
async def show(request: Request, session: Annotated[Session, Depends(signed_in)]) -> Response:
    """The open cases of the user's organisations."""
    parts = await read(request, session)
    return page(request, "queue.html", session=session, parts=parts, version=version_of(parts))


@routes.get("/live")
async def live(request: Request, session: Annotated[Session, Depends(watching)], seen: str = "") -> Response:
    """The same, as it changes."""

    async def parts() -> Parts:
        await still_signed_in(request)
        return await read(request, session)

    seen = request.headers.get("last-event-id", seen)
    return StreamingResponse(
        stream(console_of(request).feed, parts, about="", seen=seen), media_type="text/event-stream"
    )


async def read(request: Request, session: Session) -> Parts:
    """The parts of the page, as this user may see them now."""
    console = console_of(request)
    async with console.engine.connect() as connection:
        cases = await queue(console.desk, connection, session.user)
        elsewhere = await console.desk.cases.waiting_elsewhere(connection, session.user.id)
    now = console.clock()
    late = [case for case in cases if case.overdue(now) and session.user.supervises(case.organisation_id)]
    alarms = {"cases": [case for case in cases if case.alarm_at], "late": late, "elsewhere": elsewhere}
    return {
        "alarm": fragment(request, "part_queue_alarm.html", **alarms),
        "queue": fragment(request, "part_queue.html", cases=cases, session=session),
    }
