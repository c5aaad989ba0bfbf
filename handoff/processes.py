"""The processes and one-off commands behind `amana`: each builds the house, does its work, and closes it."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import typer
import uvicorn
from starlette.applications import Starlette

from handoff.app import House, build_house, build_internal, build_web, build_worker, now, worker_jobs
from handoff.logs import configure_logs
from handoff.services.catch_up import CatchUp
from handoff.services.redrive import NothingToRedrive
from handoff.services.redrive import redrive as redrive_letter
from handoff.services.work import Worker
from handoff.settings import Settings
from handoff.store.dead_letters import DeadLetters
from handoff.store.jobs import run_jobs
from handoff.store.organisations import ensure_organisation
from handoff.store.staff import StaffBook
from handoff.store.wake import listen
from handoff.web.health import health_routes, metrics_route

OPENING_POLL_S = 0.05
YOUNG_OBJECTS = 20_000


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """The house, closed at the end."""
    configure_logs(settings.log_level, development=settings.development)
    house = build_house(settings)
    try:
        yield house
    finally:
        await house.aclose()


def keep_what_stays() -> None:
    """Take the half a million objects that live as long as the process out of every later search for garbage: a full
    one took a tenth of a second, in which nobody was answered."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    gc.enable()


class PortServer(uvicorn.Server):
    """One listening port. Signals are ours to handle: uvicorn would take them from the worker and from each other."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def on_end(stop: Callable[[], None]) -> None:
    """Call `stop` on Ctrl-C and on SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def server(app: object, host: str, port: int) -> PortServer:
    """One listening port. Access logs are off: paths and addresses of requests are nobody's business."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=3,
    )
    return PortServer(config)


async def serve(settings: Settings) -> None:
    """Gateway and desk on the public port, actions and metrics on the internal one, until SIGTERM."""
    async with opened(settings) as house:
        public = server(build_web(house), settings.host, settings.port)
        internal = server(build_internal(house), settings.internal_host, settings.internal_port)
        keep_what_stays()
        catch_up = CatchUp(house.channels, house.door, house.upkeep, now)

        def stop() -> None:
            public.should_exit = internal.should_exit = True

        on_end(stop)
        await until_one_ends(asyncio.gather(public.serve(), internal.serve()), catch_up_once_open(public, catch_up))


async def catch_up_once_open(public: uvicorn.Server, catch_up: CatchUp) -> None:
    """Bring in what was given up on while nobody listened. Asked after the port is open: no message falls between."""
    while not public.started:  # noqa: ASYNC110 (uvicorn does not tell)
        await asyncio.sleep(OPENING_POLL_S)
    await catch_up.close_gap()
    await asyncio.Event().wait()


async def work(settings: Settings) -> None:
    """One worker with its jobs and a small internal port for health and metrics, until SIGTERM."""
    async with opened(settings) as house:
        worker, budget = build_worker(house)
        keep_what_stays()
        catch_up = CatchUp(house.channels, house.door, house.upkeep, now)
        gaps: set[asyncio.Task[None]] = set()

        def after_gap() -> None:
            gap = asyncio.create_task(catch_up.close_gap())
            gaps.add(gap)
            gap.add_done_callback(gaps.discard)

        on_end(worker.stop)
        after_gap()
        port = server(worker_port(house), settings.internal_host, settings.worker_metrics_port)
        await until_one_ends(
            work_behind(port, worker),
            listen(house.dsn, "amana_due", lambda _: worker.wake.set(), gap=after_gap),
            run_jobs(house.dsn, worker_jobs(house, catch_up, budget)),
        )
        await budget.flush()


async def work_behind(port: PortServer, worker: Worker) -> None:
    """Work, with health and metrics on a port, until the worker has been stopped and has finished what it had."""
    serving = asyncio.create_task(port.serve())
    try:
        await worker.run()
    finally:
        port.should_exit = True
        await serving


def worker_port(house: House) -> Starlette:
    """Health and metrics of a worker."""
    return Starlette(routes=[*health_routes(house.upkeep.ready), metrics_route(house.meters, house.refresh_gauges)])


async def until_one_ends(*parts: Awaitable[object]) -> None:
    """Run all parts; when the first ends (a signal), end the others too. An error in one is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def migrate(settings: Settings) -> None:
    """Schema up to date, organisation present."""
    from handoff.store.migrate import upgrade

    async with opened(settings) as house:
        await asyncio.to_thread(upgrade, house.dsn)
        await ensure_organisation(house.engine, settings.org_slug, settings.org_name)


async def add_staff(
    settings: Settings,
    login: str,
    name: str,
    *,
    role: str,
    organisation: str,
    password: str,
    organisation_name: str = "",
    focal: tuple[str, ...] | None = None,
) -> None:
    """Add or change a member of staff; an organisation that is new gets its name (its slug, if none is given)."""
    from handoff.services.sign_in import add_staff as add_staff_member

    async with opened(settings) as house, house.engine.begin() as connection:
        await add_staff_member(
            StaffBook(),
            connection,
            login=login,
            name=name,
            role=role,
            password=password,
            organisation=organisation or settings.org_slug,
            organisation_name=organisation_name or organisation or settings.org_name,
            focal=focal,
        )


async def list_dead_letters(settings: Settings) -> None:
    """One line each: number, direction, channel, code, age."""
    async with opened(settings) as house:
        for letter in await DeadLetters(house.engine).waiting():
            typer.echo(f"{letter.id}\t{letter.direction}\t{letter.channel}\t{letter.code}\t{letter.created_at:%F %R}")


async def redrive(settings: Settings, number: int) -> int:
    """Re-drive one dead letter."""
    async with opened(settings) as house:
        try:
            await redrive_letter(DeadLetters(house.engine), house.voice, number)
        except NothingToRedrive as error:
            typer.echo(str(error), err=True)
            return 1
    typer.echo(f"Dead letter {number}: the person will get a dated, neutral line.")
    return 0


async def connect_channels(settings: Settings) -> None:
    """Register at every provider and say what was done."""
    async with opened(settings) as house:
        for channel in house.channels.values():
            for line in await channel.connect(settings.public_base_url):
                typer.echo(line)
