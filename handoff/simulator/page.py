"""The page with the phones: one HTML template, filled once for each visit."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from handoff.settings import Settings

HERE = Path(__file__).parent
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


class Page:
    """The route of the page."""

    def __init__(self, settings: Settings) -> None:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._template = environment.get_template("phones.html")
        self._words = json.loads(HERE.joinpath("words.json").read_text("utf-8"))
        self._samples = json.loads(HERE.joinpath("samples.json").read_text("utf-8"))
        self._desk = f"{settings.public_base_url.rstrip('/')}/console"

    def routes(self) -> list[Route]:
        """The page's path."""
        return [Route("/", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """The phones, and a link to the desk."""
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        page = self._template.render(
            desk=self._desk, words=self._words, samples=self._samples, languages=self._words["languages"]
        )
        return HTMLResponse(page, headers=headers)
