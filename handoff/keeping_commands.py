"""`amana purge`, `amana keys rotate`, `amana erased …`: what an operator does about what is kept."""

from __future__ import annotations

import sys
import uuid

import typer

from handoff.keeping import build_purge
from handoff.processes import opened
from handoff.settings import Settings
from handoff.store.erased import apply_erased, erased_ids
from handoff.store.retention import RULES, keeps
from handoff.store.rotation import keys_by_master, rotate


async def purge(settings: Settings, *, dry_run: bool) -> None:
    """Do away with what has had its time, or say how much that would be."""
    async with opened(settings) as house:
        work = build_purge(house.engine, settings)
        counted = await work.count() if dry_run else await work.run()
    width = max(len(rule.name) for rule in RULES)
    typer.echo(f"{'what':<{width}}  {'kept for':<18}  {'due now' if dry_run else 'done'}")
    for rule in RULES:
        typer.echo(f"{rule.name:<{width}}  {keeps(rule, work.times):<18}  {counted[rule.name]}")
    typer.echo(f"{'audit':<{width}}  {'always':<18}  0")


async def rotate_keys(settings: Settings) -> int:
    """Wrap every data key by the first master key; say when the others may go. 1 when some cannot be opened."""
    async with opened(settings) as house:
        newest = house.vault.newest
        done, unreadable = await rotate(house.engine, house.vault, _progress)
        left = {name: count for name, count in (await keys_by_master(house.engine)).items() if name != newest}
    typer.echo(f"Done: {done} keys are now wrapped by {newest}.")
    if unreadable or left:
        names = ", ".join(f"{name} ({count})" for name, count in sorted(left.items()))
        typer.echo(f"Still wrapped by others: {names or 'none'}. These must stay in the list; run again.", err=True)
        return 1
    typer.echo(
        "No key needs an older master key any more. Take the older ones out of AMANA_MASTER_KEYS once every process "
        "has been started with the new list, and once the oldest dump of keys that you may still restore is from today."
    )
    return 0


def _progress(count: int) -> None:
    typer.echo(f"{count} keys wrapped anew")


async def list_erased(settings: Settings) -> None:
    """The random ids of everything that was erased, one a line."""
    async with opened(settings) as house:
        for number in await erased_ids(house.engine):
            typer.echo(str(number))


async def apply_list(settings: Settings) -> int:
    """Erase again, after a restore, what the ids on stdin name."""
    try:
        ids = [uuid.UUID(line.strip()) for line in sys.stdin if line.strip()]
    except ValueError:
        typer.echo("stdin holds something that is no id: one a line, as `amana erased list` prints them", err=True)
        return 1
    async with opened(settings) as house:
        persons, addresses = await apply_erased(house.engine, ids)
    typer.echo(f"Erased again: {persons} persons, {addresses} addresses.")
    return 0
