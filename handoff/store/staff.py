"""Members of staff, their sessions and the audit, in the database."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.staff import IDLE_FOR, LOCKED_FOR, SESSION_FOR, TRIES, Attempt, Deed, Member, NewStaff, Session, User
from handoff.store.staff_tables import Audit, Membership, Organisation, Staff, StaffSession


class StaffBook:
    """The repository of staff. The limits of tries and sessions are those of core/staff.py."""

    async def record(self, connection: AsyncConnection, deed: Deed) -> None:
        """Add one audit row."""
        await connection.execute(
            insert(Audit).values(
                actor=deed.actor,
                action=deed.action,
                object_kind=deed.object_kind,
                object_id=deed.object_id,
                organisation_id=deed.organisation_id,
                detail=dict(deed.detail),
            )
        )

    async def count_try(self, connection: AsyncConnection, login: str, *, now: datetime) -> Attempt | None:
        """The row stays locked until the caller commits, so tries at the same account come one after the other."""
        unlocked = Staff.locked_until.is_(None) | (Staff.locked_until <= now)
        last = Staff.failed_logins + 1 >= TRIES
        counted = (
            update(Staff)
            .where(Staff.login == login, Staff.active, unlocked)
            .values(
                failed_logins=case((last, 0), else_=Staff.failed_logins + 1),
                locked_until=case((last, now + LOCKED_FOR), else_=None),
            )
            .returning(Staff.id, Staff.password_hash)
        )
        row = (await connection.execute(counted)).first()
        return Attempt(row.id, row.password_hash) if row else None

    async def open_session(
        self, connection: AsyncConnection, staff_id: uuid.UUID, *, token_hash: bytes, csrf: str, now: datetime
    ) -> None:
        """Also clears away sessions that have ended."""
        forgiven = update(Staff).where(Staff.id == staff_id).values(failed_logins=0, locked_until=None)
        await connection.execute(forgiven)
        await connection.execute(delete(StaffSession).where(StaffSession.expires_at < now))
        session = {"token_hash": token_hash, "staff_id": staff_id, "csrf": csrf}
        times = {"created_at": now, "seen_at": now, "expires_at": now + SESSION_FOR}
        await connection.execute(insert(StaffSession).values(session | times))

    async def live_session(
        self, connection: AsyncConnection, token_hash: bytes, *, now: datetime, touch: bool
    ) -> Session | None:
        """One row for each membership; nobody without a membership can be at the desk."""
        query = (
            select(
                StaffSession.csrf,
                StaffSession.expires_at,
                Staff.id,
                Staff.login,
                Staff.name,
                Membership.organisation_id,
                Membership.role,
                Organisation.name.label("organisation"),
            )
            .join(Staff, Staff.id == StaffSession.staff_id)
            .join(Membership, Membership.staff_id == Staff.id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(StaffSession.token_hash == token_hash, Staff.active)
            .where(StaffSession.expires_at > now, StaffSession.seen_at > now - IDLE_FOR)
        )
        rows = (await connection.execute(query)).all()
        if not rows:
            return None
        if touch:
            seen = update(StaffSession).where(StaffSession.token_hash == token_hash).values(seen_at=now)
            await connection.execute(seen)
        members = tuple(Member(row.organisation_id, row.organisation, row.role) for row in rows)
        first = rows[0]
        return Session(User(first.id, first.login, first.name, members), first.csrf, first.expires_at)

    async def end_session(self, connection: AsyncConnection, token_hash: bytes) -> None:
        """Deleted: the cookie opens nothing any more."""
        await connection.execute(delete(StaffSession).where(StaffSession.token_hash == token_hash))

    async def save(self, connection: AsyncConnection, staff: NewStaff) -> uuid.UUID:
        """A changed password ends the sessions that the old one opened, and unlocks."""
        organisation_id = await self._organisation(connection, staff.organisation, staff.organisation_name)
        values = {"name": staff.name, "password_hash": staff.password_hash, "active": True}
        values |= {"failed_logins": 0, "locked_until": None}
        saved = (
            upsert(Staff)
            .values(id=uuid.uuid4(), login=staff.login, **values)
            .on_conflict_do_update(index_elements=[Staff.login], set_=values)
            .returning(Staff.id)
        )
        staff_id: uuid.UUID = (await connection.execute(saved)).scalar_one()
        await connection.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))
        given = {"role": staff.role} | ({} if staff.focal is None else {"focal": list(staff.focal)})
        member = upsert(Membership).values(staff_id=staff_id, organisation_id=organisation_id, **given)
        keys = [Membership.staff_id, Membership.organisation_id]
        await connection.execute(member.on_conflict_do_update(index_elements=keys, set_=given))
        return staff_id

    async def _organisation(self, connection: AsyncConnection, slug: str, name: str) -> uuid.UUID:
        new = upsert(Organisation).values(id=uuid.uuid4(), slug=slug, name=name).on_conflict_do_nothing()
        await connection.execute(new)
        found = await connection.execute(select(Organisation.id).where(Organisation.slug == slug))
        organisation_id: uuid.UUID = found.scalar_one()
        return organisation_id
