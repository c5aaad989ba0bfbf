"""Is the process alive, can it work, and what has it counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from handoff.services.meters import Meters

type Check = Callable[[], Awaitable[None]]


def health_routes(ready: Check) -> list[Route]:
    """/healthz answers as long as the process runs; /readyz only when `ready` does not raise (the database answers)."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        try:
            await ready()
        except Exception as error:
            return PlainTextResponse(f"not ready: {type(error).__name__}", 503)
        return PlainTextResponse("ready")

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


def metrics_route(meters: Meters, refresh: Check) -> Route:
    """/metrics for Prometheus, on a port that is never published. `refresh` brings the gauges up to date."""

    async def metrics(request: Request) -> Response:
        await refresh()
        return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)
