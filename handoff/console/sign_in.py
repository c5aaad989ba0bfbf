"""Signing in and out."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from handoff.console.pages import console_of, form_of, page, signed_in
from handoff.console.security import (
    FORM_COOKIE,
    SESSION_COOKIE,
    checked_form,
    drop_cookie,
    field,
    new_token,
    set_cookie,
)
from handoff.core.staff import SESSION_FOR, Session
from handoff.services import sign_in as service

routes = APIRouter()
HOUR_S = 3600
# Each try costs 46 MiB and holds a connection: a flood of them waits in line instead of filling memory and pool.
AT_ONCE = asyncio.Semaphore(2)


@routes.get("/sign-in")
async def show(request: Request) -> Response:
    """The form. Its token is in a cookie of its own, since there is no session yet."""
    return _form(request, request.cookies.get(FORM_COOKIE) or new_token(), status=200)


@routes.post("/sign-in")
async def enter(request: Request) -> Response:
    """A new session, or the form again: the same words for unknown, wrong and locked."""
    console = console_of(request)
    token = request.cookies.get(FORM_COOKIE, "")
    form = await checked_form(request, token, console.settings.public_base_url)
    async with AT_ONCE, console.engine.begin() as connection:
        entered = await service.sign_in(
            console.staff, connection, field(form, "login"), field(form, "password"), now=console.clock()
        )
    if entered is None:
        return _form(request, token, status=401, login=field(form, "login")[:80])
    response = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303)
    secure, age = not console.settings.development, int(SESSION_FOR.total_seconds())
    set_cookie(response, request, SESSION_COOKIE, entered.token, secure=secure, age=age)
    drop_cookie(response, request, FORM_COOKIE)
    return response


@routes.post("/sign-out")
async def leave(request: Request, session: Annotated[Session, Depends(signed_in)]) -> Response:
    """The session ends at once, here and in the database."""
    console = console_of(request)
    await form_of(request, session)
    async with console.engine.begin() as connection:
        await service.sign_out(console.staff, connection, session.user, request.cookies[SESSION_COOKIE])
    response = RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", 303)
    drop_cookie(response, request, SESSION_COOKIE)
    return response


def _form(request: Request, token: str, *, status: int, login: str = "") -> Response:
    response = page(request, "sign_in.html", status=status, csrf=token, login=login, refused=status == 401)
    secure = not console_of(request).settings.development
    set_cookie(response, request, FORM_COOKIE, token, secure=secure, age=HOUR_S)
    return response
