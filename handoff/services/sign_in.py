"""Signing in at the desk: argon2id, six tries, sessions that the server keeps and can end."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import FOCAL_IF_THERE_IS_ONE, FOCAL_ONLY
from handoff.core.staff import ROLES, Attempt, Deed, NewStaff, Session, User
from handoff.services.access import Journal

SHORTEST_PASSWORD = 12

# OWASP's second argon2id profile (46 MiB, one pass): a sign-in costs a tenth of a second and bounded memory.
HASHER = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
# What is verified for a login that does not exist, so that the answer takes as long (nobody knows its password).
NOBODY = HASHER.hash(secrets.token_urlsafe(24))


class StaffRows(Journal, Protocol):
    """Members of staff and their sessions in the database."""

    async def count_try(self, connection: AsyncConnection, login: str, *, now: datetime) -> Attempt | None:
        """Count a try before looking at the password, locking the row and, at the last try, the account.

        None for a login that does not exist, is not active or is locked.
        """

    async def open_session(
        self, connection: AsyncConnection, staff_id: uuid.UUID, *, token_hash: bytes, csrf: str, now: datetime
    ) -> None:
        """Forget the failed tries and keep a new session."""

    async def live_session(
        self, connection: AsyncConnection, token_hash: bytes, *, now: datetime, touch: bool
    ) -> Session | None:
        """The session if it is neither too old nor idle and its owner is active; `touch` is a sign of life."""

    async def end_session(self, connection: AsyncConnection, token_hash: bytes) -> None:
        """Delete the session."""

    async def save(self, connection: AsyncConnection, staff: NewStaff) -> uuid.UUID:
        """Add or change a member of staff, adding the organisation if it is new. Ends their sessions."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `token` is for the cookie and is kept nowhere else."""

    user_id: uuid.UUID
    token: str = field(repr=False)


async def sign_in(
    staff: StaffRows, connection: AsyncConnection, login: str, password: str, *, now: datetime
) -> SignedIn | None:
    """A new session, or None: unknown, wrong and locked cannot be told apart, in words or in time.

    The caller commits in both cases, because a refused try is counted.
    """
    attempt = await staff.count_try(connection, login.strip().lower(), now=now)
    good = await asyncio.to_thread(_verify, attempt.password_hash if attempt else NOBODY, password)
    if attempt is None or not good:
        who = str(attempt.staff_id) if attempt else ""
        await staff.record(connection, Deed("anonymous", "sign_in.refused", "staff", who))
        return None
    token = secrets.token_urlsafe(32)
    csrf = secrets.token_urlsafe(32)
    await staff.open_session(connection, attempt.staff_id, token_hash=digest(token), csrf=csrf, now=now)
    await staff.record(connection, Deed(str(attempt.staff_id), "sign_in", "staff", str(attempt.staff_id)))
    return SignedIn(attempt.staff_id, token)


async def session_of(
    staff: StaffRows, connection: AsyncConnection, token: str, *, now: datetime, touch: bool
) -> Session | None:
    """The session that a cookie names, if it still stands (12 h, and 60 min since the last page)."""
    return await staff.live_session(connection, digest(token), now=now, touch=touch)


async def sign_out(staff: StaffRows, connection: AsyncConnection, user: User, token: str) -> None:
    """End the session."""
    await staff.end_session(connection, digest(token))
    await staff.record(connection, Deed(str(user.id), "sign_out", "staff", str(user.id)))


async def add_staff(
    staff: StaffRows,
    connection: AsyncConnection,
    *,
    login: str,
    name: str,
    password: str,
    role: str,
    organisation: str,
    organisation_name: str,
    focal: tuple[str, ...] | None = None,
) -> uuid.UUID:
    """Add somebody, or change name, password and role of the same login, and (unless None) for which owners of the
    pathways they are the focal point. Raises ValueError with a sentence."""
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}")
    if wrong := sorted({*(focal or ())} - {*FOCAL_ONLY, *FOCAL_IF_THERE_IS_ONE}):
        raise ValueError(f"focal: {wrong[0]} is none of {', '.join((*FOCAL_ONLY, *FOCAL_IF_THERE_IS_ONE))}")
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(f"the password needs at least {SHORTEST_PASSWORD} characters")
    hashed = await asyncio.to_thread(HASHER.hash, password)
    new = NewStaff(login.strip().lower(), name.strip(), hashed, role, organisation, organisation_name, focal)
    staff_id = await staff.save(connection, new)
    detail = {"role": role} | ({} if focal is None else {"focal": list(focal)})
    await staff.record(connection, Deed("operator", "staff.save", "staff", str(staff_id), detail=detail))
    return staff_id


def digest(token: str) -> bytes:
    """What the database keeps of a token: whoever reads the table cannot sign in with it."""
    return hashlib.sha256(token.encode()).digest()


def _verify(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
