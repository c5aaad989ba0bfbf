"""How long what stays in this deployment: settings and the country's procedure, made into rules and jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.channel import Channel
from handoff.core.sop import Sop
from handoff.services.forget import Forget
from handoff.services.notices import tell_of_endings
from handoff.services.say import Voice
from handoff.settings import Settings
from handoff.store.copies import Copies, Held
from handoff.store.ending import Endings
from handoff.store.erasing import finish_all
from handoff.store.jobs import Job
from handoff.store.retention import Purge, Times
from handoff.store.vault import Vault

log = structlog.get_logger(__name__)


def times_of(settings: Settings, sop: Sop) -> Times:
    """What is configured, and what the procedure says of closed cases."""
    return Times(
        session=timedelta(hours=settings.session_hours),
        report=timedelta(days=settings.report_days),
        address=timedelta(hours=settings.address_hours),
        address_sms=timedelta(hours=settings.address_hours_sms),
        closed_case=sop.closed_case,
        notice=sop.notice,
    )


def build_purge(engine: AsyncEngine, settings: Settings) -> Purge:
    """The rules of this deployment."""
    return Purge(engine, times_of(settings, Sop.load()))


def build_forget(engine: AsyncEngine, vault: Vault, channels: Mapping[str, Channel]) -> Forget[Held]:
    """What deletes messages at their providers."""
    return Forget(Copies(engine, vault), channels)


def keeping_jobs(
    engine: AsyncEngine, vault: Vault, channels: Mapping[str, Channel], voice: Voice, settings: Settings
) -> dict[str, Job]:
    """What is done about it without anybody asking."""
    forget, purge = build_forget(engine, vault, channels), build_purge(engine, settings)
    endings = Endings(
        ask=timedelta(days=settings.consent_ask_days), closed_case=purge.times.closed_case, notice=purge.times.notice
    )

    async def finish_erasures() -> None:
        await finish_all(engine, vault)
        await forget.erased()

    async def tell() -> None:
        await tell_of_endings(engine, voice, endings)

    return {
        "finish_erasures": Job("* * * * * */15", finish_erasures),
        "forget_copies": Job("*/10 * * * *", forget.run),
        "purge": Job("37 * * * *", _counted(purge)),
        "tell_of_endings": Job("7 * * * *", tell),
    }


def _counted(purge: Purge) -> Callable[[], Awaitable[object]]:
    async def run() -> None:
        done = sum((await purge.run()).values())
        if done:
            log.info("purged", rows=done)

    return run
