"""Schema and accounts of the demo, in one process: `python -m handoff.demo_prepare`.

What `amana migrate` and three times `amana staff add` do; each of those loads everything anew, which takes seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from handoff.demo_secrets import STAFF, password_of
from handoff.directory_commands import prepare_directory
from handoff.processes import add_staff, migrate
from handoff.settings import Settings, load_settings


async def prepare(settings: Settings, env: Mapping[str, str]) -> None:
    """Bring the schema up to date; add the accounts, or set their passwords again; a fictional directory at first."""
    await migrate(settings)
    for login, name, role in STAFF:
        password = password_of(env, login)
        await add_staff(settings, login, name, role=role, organisation="", password=password)
    await prepare_directory(settings, [login for login, _, _ in STAFF])


if __name__ == "__main__":
    asyncio.run(prepare(load_settings(), os.environ))
