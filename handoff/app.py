"""The roof: builds settings, engine, channels and apps. The only file that knows everybody.

Desk and actions bring FastAPI and Rasa's SDK with them, a third of a second to import: only a gateway does that. A
worker that was killed must be back soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from channels import build_channels
from handoff.assistant.client import RasaClient
from handoff.core.channel import Channel, Forgetful
from handoff.core.content import PromptTable
from handoff.core.control import ControlWords
from handoff.core.directory import Policy
from handoff.core.flood import Flood
from handoff.core.hours import parse_hours
from handoff.core.language import Detector
from handoff.core.pathways import Pathways
from handoff.core.place_names import WithPlaces
from handoff.core.places import Places
from handoff.core.prompt_table import load_fallbacks, load_prompts, safety_keys
from handoff.core.rate import Rate
from handoff.core.sop import Sop
from handoff.core.suggest import Suggester
from handoff.i18n import Catalogue
from handoff.keeping import build_forget, keeping_jobs
from handoff.services.access import Desk
from handoff.services.budget import Budget
from handoff.services.catch_up import CatchUp
from handoff.services.claim import expire_claims
from handoff.services.dialogue import Patience
from handoff.services.escalate import Clocks, escalate
from handoff.services.find_help import FindHelp
from handoff.services.matches import Matcher
from handoff.services.meters import Meters
from handoff.services.presence import Presence
from handoff.services.report import TellSafely
from handoff.services.respond import Respond
from handoff.services.return_code import ReturnCodes
from handoff.services.say import Deployment, Voice
from handoff.services.send import Send
from handoff.services.work import Worker
from handoff.settings import Settings
from handoff.store.audit import publish
from handoff.store.cases import Cases
from handoff.store.database import create_engine, create_quick
from handoff.store.directory import PostgresDirectory
from handoff.store.door import Door
from handoff.store.embedded import dsn_of
from handoff.store.inbox import PostgresInbox
from handoff.store.jobs import Job
from handoff.store.outbox import PostgresOutbox
from handoff.store.quick import Quick
from handoff.store.return_codes import PostgresCodes
from handoff.store.staff import StaffBook
from handoff.store.upkeep import Upkeep
from handoff.store.vault import Vault
from handoff.store.wake import listen
from handoff.web.health import health_routes, metrics_route
from handoff.web.webhooks import Webhooks

log = structlog.get_logger(__name__)


def now() -> datetime:
    """The clock of everything that is not a turn (those use the database's)."""
    return datetime.now(UTC)


def database_dsn(settings: Settings) -> str:
    """The configured database, else the embedded one of this folder. Raises when production has none."""
    if settings.database_url:
        return settings.database_url
    if not settings.development:
        raise ValueError("AMANA_DATABASE_URL is empty: production needs a PostgreSQL of its own (15 or newer)")
    return dsn_of(settings.data_dir)


@dataclass(slots=True)
class House:
    """What every process of Amana shares."""

    settings: Settings
    dsn: str
    engine: AsyncEngine
    quick: Quick
    vault: Vault
    channels: dict[str, Channel]
    door: Door
    upkeep: Upkeep
    voice: Voice
    directory: PostgresDirectory
    meters: Meters

    async def refresh_gauges(self) -> None:
        """Ask the database how much waits."""
        depth, age, dead = await self.upkeep.gauges()
        self.meters.queue_depth.set(depth)
        self.meters.queue_age.set(age)
        self.meters.dead_letters.set(dead)

    async def aclose(self) -> None:
        """Close connections to providers and database."""
        for channel in self.channels.values():
            await channel.aclose()
        await self.door.aclose()
        await self.quick.aclose()
        await self.engine.dispose()


def build_house(settings: Settings) -> House:
    """Open nothing yet, but refuse at once what cannot work: a missing secret, an unknown channel, a broken text."""
    dsn = database_dsn(settings)
    engine = create_engine(dsn, settings.database_pool)
    quick = create_quick(dsn, settings.database_pool)
    vault = Vault(settings.master_key_list(), settings.secret("index_key").encode())
    channels = build_channels(settings)
    directory = PostgresDirectory(engine)
    return House(
        settings=settings,
        dsn=dsn,
        engine=engine,
        vault=vault,
        channels=channels,
        quick=quick,
        door=Door(engine, quick, vault, keeps=keeps_ids(channels)),
        upkeep=Upkeep(engine),
        voice=build_voice(settings, channels, vault, directory.places),
        directory=directory,
        meters=Meters(),
    )


def keeps_ids(channels: dict[str, Channel]) -> frozenset[str]:
    """Channels on which a message can be deleted at the provider, and whose ids are kept until it is."""
    return frozenset(name for name, channel in channels.items() if isinstance(channel, Forgetful))


def build_voice(settings: Settings, channels: dict[str, Channel], vault: Vault, places: Places) -> Voice:
    """Texts, prompts and the facts of this deployment."""
    prompts = offered_prompts(settings)
    catalogue = Catalogue(
        settings.locales,
        default_locale=settings.default_locale,
        fallbacks=load_fallbacks(),
        fresh_only=safety_keys(prompts),
    )
    return Voice(
        texts=WithPlaces(catalogue, places),
        prompts=prompts,
        limits={name: channel.limits for name, channel in channels.items()},
        deployment=Deployment(
            org=settings.org_name,
            hotline=settings.hotline,
            hours=parse_hours(settings.staffed_hours, settings.timezone),
            locales=settings.locales,
            default_locale=settings.default_locale,
            must_be_reviewed=settings.must_be_reviewed,
            awareness_only=settings.awareness_only,
            kept_hours=settings.address_hours,
            kept_hours_sms=settings.address_hours_sms,
            sealed_days=settings.sealed_days,
            second_channel=settings.psea_channel,
        ),
        outbox=PostgresOutbox(vault),
    )


def offered_prompts(settings: Settings) -> PromptTable:
    """What this deployment can say: its languages, and nothing that leads to a caseworker where there is none."""
    prompts = load_prompts().offering(settings.locales)
    return prompts.without_people() if settings.awareness_only else prompts


def build_web(house: House) -> ASGIApp:
    """The public application: webhooks, health, and the desk."""
    settings = house.settings
    routes = health_routes(house.upkeep.ready)
    if settings.awareness_only:
        pages = Starlette(routes=routes, lifespan=closing(house))
        return Webhooks(house.channels, house.door, house.meters, settings.public_base_url, pages)
    from handoff.console.app import build_console

    console = build_console(
        house.engine,
        settings,
        house.voice,
        cases=Cases(house.vault),
        staff=StaffBook(),
        limits=house.voice.limits,
        listen=lambda heard: listen(house.dsn, "amana_desk", heard),
        matcher=Matcher(house.directory, Pathways.load(), policy_of(house)),
        sop=Sop.load(settings.sop_country),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with console.router.lifespan_context(console):
            yield
        await house.aclose()

    pages = Starlette(routes=[*routes, Mount("/console", console)], lifespan=lifespan)
    return Webhooks(house.channels, house.door, house.meters, settings.public_base_url, pages)


def closing(house: House) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """The lifespan of a gateway without a desk: what is open is closed at the end."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await house.aclose()

    return lifespan


def build_internal(house: House) -> Starlette:
    """The second port, never published: what Rasa calls, and metrics."""
    from handoff.assistant.actions import answer_of, build_executor
    from handoff.web.internal import Actions

    executor = build_executor(Facts(house.voice.deployment, Sop.load(house.settings.sop_country)))

    async def execute(call: dict[str, Any]) -> dict[str, Any]:
        return answer_of(await executor.run(call))

    actions = Actions(execute, house.settings.secret("internal_token"))
    return Starlette(
        routes=[
            *actions.routes(),
            *health_routes(house.upkeep.ready),
            metrics_route(house.meters, house.refresh_gauges),
        ]
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What actions may know of the deployment."""

    deployment: Deployment
    _sop: Sop

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages offered."""
        return self.deployment.locales

    @property
    def sop(self) -> Sop:
        """The procedure of this country."""
        return self._sop

    def staffed_now(self) -> bool:
        """Whether a person is on duty at this moment."""
        return self.deployment.hours.staffed(now())


def policy_of(house: House) -> Policy:
    """Which services may be told here."""
    return Policy(house.voice.deployment.hours.timezone, frozenset(house.settings.le_safe))


def build_find(house: House) -> FindHelp:
    """Looking for help in this deployment's directory."""
    return FindHelp(house.directory, policy_of(house), desk=house.settings.org_slug)


def build_report(house: House) -> TellSafely:
    """Telling safely, by this country's procedure and with this deployment's desks."""
    settings = house.settings
    sop = Sop.load(settings.sop_country)
    return TellSafely(house.directory, sop, operator=settings.org_slug, lives=timedelta(days=settings.report_days))


def build_codes(house: House) -> ReturnCodes:
    """The return codes of this deployment."""
    return ReturnCodes(PostgresCodes(house.engine, house.vault), house.settings.secret("code_pepper"))


def build_worker(house: House) -> tuple[Worker, Budget]:
    """The worker of this process, and the budget it spends from."""
    settings, channels = house.settings, house.channels
    holder = f"{socket.gethostname()}:{os.getpid()}"
    inbox = PostgresInbox(
        house.engine,
        house.quick,
        house.vault,
        holder=holder,
        lease=timedelta(seconds=settings.lease_s),
        organisation=settings.org_slug,
        sealed_for=timedelta(days=settings.sealed_days),
    )
    respond = Respond(
        voice=house.voice,
        control=ControlWords.load(),
        assistant=RasaClient(settings.rasa_url, settings.secret("rasa_token"), settings.rasa_timeout_s),
        detector=Detector(settings.locales),
        suggester=Suggester().prepared(settings.locales),
        flood=Flood(settings.sender_per_minute, settings.sender_per_day),
        patience=Patience(timedelta(minutes=settings.waiting_ack_minutes), timedelta(hours=settings.session_hours)),
        presence=Presence(timedelta(minutes=settings.return_after_minutes), build_codes(house)),
        find=build_find(house),
        report=build_report(house),
    )
    rates = {name: Rate(channel.limits.rate, channel.limits.pair_rate) for name, channel in channels.items()}
    budget = Budget(house.upkeep, house.meters, settings.daily_segments)
    forget = build_forget(house.engine, house.vault, channels)
    worker = Worker(
        inbox=inbox,
        respond=respond,
        send=Send(channels, rates, now, settings.timezone),
        meters=house.meters,
        spend=budget.add,
        wake=asyncio.Event(),
        concurrency=settings.worker_concurrency,
        heartbeat_s=settings.lease_s / 3,
        after_erasure=forget.erased,
    )
    return worker, budget


def build_desk(house: House) -> Desk:
    """What the desk's services work with."""
    claim_for = timedelta(minutes=house.settings.claim_minutes)
    return Desk(Cases(house.vault), StaffBook(), house.voice, claim_for, house.channels)


def worker_jobs(house: House, catch_up: CatchUp, budget: Budget) -> dict[str, Job]:
    """Everything periodic. Cron fields; a sixth one is seconds."""
    desk = build_desk(house)
    clocks = Clocks(Sop.load(house.settings.sop_country), house.settings.org_slug)

    async def sweep() -> None:
        found = await house.upkeep.sweep()
        if found:
            log.error("sweep_found_lost_work", conversations=found)
            house.meters.count("sweep_found")

    async def expire() -> None:
        async with house.engine.begin() as connection:
            await expire_claims(desk, connection, now())

    async def publish_audit() -> None:
        for day, digest in (await publish(house.engine, now().date())).items():
            log.info("audit_day", day=day, digest=digest)

    async def open_windows() -> None:
        await house.upkeep.open_windows()

    keeping = keeping_jobs(house.engine, house.vault, house.channels, house.voice, house.settings)
    return keeping | {
        "sweep": Job("* * * * * */30", sweep),
        "expire_claims": Job("* * * * * */15", expire),
        "catch_up": Job("*/5 * * * *", catch_up.run),
        "spend": Job("* * * * * */20", budget.flush),
        "escalate": Job("* * * * * */30", lambda: escalate(desk, house.engine, clocks, now())),
        "publish_audit": Job("11 * * * *", publish_audit),
        "open_windows": Job("* * * * *", open_windows),
        "purge_held_words": Job("*/10 * * * *", house.upkeep.purge_held_words),
        "purge_dead_letters": Job("17 * * * *", house.upkeep.purge_dead_letters),
    }
