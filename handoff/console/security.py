"""What every answer of the desk carries, and what every form must bring."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import FormData, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.console.live import place_of

log = structlog.get_logger(__name__)

SESSION_COOKIE = "amana_desk"
FORM_COOKIE = "amana_desk_form"
LANGUAGE_COOKIE = "amana_desk_lang"
MAX_FORM = 32 * 1024

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Forbidden(Exception):
    """A form without its token, from another site, or too large."""


class Shield:
    """Adds the headers, keeps pages out of caches, and turns a crash into a page that shows nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Static files may be cached; everything else may not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:  # the last edge: nothing of the exception's words may reach a log or a page
            log.error("console_failed", error=type(error).__name__, place=place_of(error))
            if not started:
                await PlainTextResponse("500", 500)(scope, receive, send_with_headers)


def same_site(request: Request, public_base_url: str) -> bool:
    """Whether a form was sent from our own page.

    Browsers say it in Sec-Fetch-Site. Older ones send Origin, but "null" under our referrer policy: then the token
    that only our page knows has to be enough.
    """
    site = request.headers.get("sec-fetch-site")
    if site:
        return site == "same-origin"
    origin = request.headers.get("origin", "null")
    host = request.headers.get("host", "")
    own = {"{0.scheme}://{0.netloc}".format(urlsplit(public_base_url)), f"{request.url.scheme}://{host}"}
    return origin == "null" or origin in own


async def checked_form(request: Request, token: str, public_base_url: str) -> FormData:
    """The form, if it carries `token` and comes from our page. Raises Forbidden."""
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_FORM or not same_site(request, public_base_url):
        raise Forbidden
    form = await request.form(max_files=0, max_fields=20)
    sent = form.get("csrf")
    if not token or not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), token.encode()):
        raise Forbidden
    return form


def field(form: FormData, name: str) -> str:
    """A text field, "" if it is missing."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def new_token() -> str:
    """A random token for a cookie or a form."""
    return secrets.token_urlsafe(32)


def set_cookie(response: Response, request: Request, name: str, value: str, *, secure: bool, age: int) -> None:
    """A cookie for the desk alone, out of reach of scripts and of other sites."""
    path = request.scope.get("root_path") or "/"
    response.set_cookie(name, value, max_age=age, path=path, secure=secure, httponly=True, samesite="strict")


def drop_cookie(response: Response, request: Request, name: str) -> None:
    """Make the browser forget a cookie."""
    response.delete_cookie(name, path=request.scope.get("root_path") or "/")
