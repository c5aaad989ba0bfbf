"""The simulator as a web application: stand-in provider APIs, the control API, and the page with the phones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from handoff.settings import Settings
from handoff.simulator.control import Control
from handoff.simulator.ledger import Ledger
from handoff.simulator.page import Page
from handoff.simulator.simulator import Simulator

STATIC = Path(__file__).with_name("static")
# A request that was told to hang must not hold up the end of the process.
GRACE_S = 1


def build(settings: Settings, *, simulator: Simulator | None = None, gateway_url: str = "") -> Starlette:
    """The application. Raises NotDevelopment unless settings.environment is "development".

    `simulator`: one that a test has made; `app.state.simulator` is the one in use.
    """
    # People of an earlier run are known to the assistant: who is on an empty phone now must be somebody new.
    simulator = simulator or Simulator(settings, gateway_url=gateway_url, first=int(time.time()) % 80_000)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await simulator.aclose()

    routes: list[BaseRoute] = [
        *Control(simulator).routes(),
        *Page(settings).routes(),
        Mount("/static", StaticFiles(directory=STATIC)),
        *simulator.provider_routes(),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.simulator = simulator
    return app


class _Server(uvicorn.Server):
    """Ends the open event streams first: the server waits for every connection to end."""

    def __init__(self, config: uvicorn.Config, ledger: Ledger) -> None:
        super().__init__(config)
        self._ledger = ledger

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ledger.close()
        super().handle_exit(sig, frame)


def serve(settings: Settings, *, gateway_url: str = "") -> None:
    """Run until interrupted, on settings.simulator_host and simulator_port. Raises NotDevelopment.

    `gateway_url`: where the gateway is reached, when that is not settings.public_base_url.
    """
    app = build(settings, gateway_url=gateway_url)
    config = uvicorn.Config(
        app,
        host=settings.simulator_host,
        port=settings.simulator_port,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    # On Ctrl-C uvicorn stops in order and then raises the signal again; there is nothing left to say.
    with suppress(KeyboardInterrupt):
        _Server(config, app.state.simulator.ledger).run()
