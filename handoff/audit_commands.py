"""`amana audit verify`: whether the record of who did what stands as it was written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import typer

from handoff.processes import opened
from handoff.settings import Settings
from handoff.store.audit import since, verify


async def verify_audit(settings: Settings, first: str, last: str) -> int:
    """One line for each flaw, else one for each day that has ended: its digest, to compare with the log. Says nothing
    of whose entries they are, nor how many."""
    today = datetime.now(UTC).date()
    start, end = _day(first) if first else since(today), _day(last) if last else today
    async with opened(settings) as house, house.engine.connect() as connection:
        flaws, digests = await verify(connection, start, end)
    for flaw in flaws:
        typer.echo(str(flaw), err=True)
    for day, digest in digests.items():
        typer.echo(f"{day}\t{digest}")
    typer.echo(f"{len(flaws)} flaws" if flaws else f"The audit from {start:%F} to {end:%F} is whole.")
    return 1 if flaws else 0


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no day such as 2026-01-31") from None
