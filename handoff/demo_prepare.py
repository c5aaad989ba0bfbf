"""Schema and accounts of the demo, in one process: `python -m handoff.demo_prepare`.

What `amana migrate` and four times `amana staff add` do; each of those loads everything anew, which takes seconds.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from handoff.demo_secrets import FOCAL, PSEA_NETWORK, STAFF, password_of
from handoff.directory_commands import prepare_directory
from handoff.processes import add_staff, migrate
from handoff.settings import Settings, load_settings


async def prepare(settings: Settings, env: Mapping[str, str]) -> None:
    """Bring the schema up to date; add the accounts, or set their passwords again; a fictional directory at first."""
    await migrate(settings)
    for login, name, role in STAFF:
        slug, called = PSEA_NETWORK if "psea" in FOCAL.get(login, ()) else ("", "")
        await add_staff(
            settings,
            login,
            name,
            role=role,
            organisation=slug,
            organisation_name=called,
            password=password_of(env, login),
            focal=FOCAL.get(login, ()),
        )
    await prepare_directory(settings, [login for login, _, _ in STAFF])


if __name__ == "__main__":
    asyncio.run(prepare(load_settings(), os.environ))
