"""The tables of organisations, of who works for them, and of what they did (the audit)."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from handoff.store.tables import Base, created, random_id


class Organisation(Base):
    """An organisation that can own cases."""

    __tablename__ = "organisations"

    id: Mapped[uuid.UUID] = random_id()
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = created()


class Staff(Base):
    """Somebody who signs in at the desk. `password_hash` is argon2id."""

    __tablename__ = "staff"

    id: Mapped[uuid.UUID] = random_id()
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"))
    failed_logins: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class Membership(Base):
    """Which role a member of staff has in which organisation, and for which concerns they are its focal point
    (`focal`: codes of owners in content/pathways/routing.yml; only they see cases of such an owner, SAFETY §7)."""

    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint("role in ('caseworker', 'supervisor', 'admin')", name="role"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    role: Mapped[str]
    focal: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))


class StaffSession(Base):
    """A sign-in, kept by the server. The cookie holds a random token; only its SHA-256 is here."""

    __tablename__ = "staff_sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    csrf: Mapped[str]
    created_at: Mapped[datetime] = created()
    seen_at: Mapped[datetime] = created()
    expires_at: Mapped[datetime]


class Audit(Base):
    """Who did what to what. Append-only by a trigger; ids and codes only, never content.

    Entries of one organisation on one day (UTC) form a chain: `place` counts from 1, `digest` is over the entry and the
    digest before it, so that a missing or changed one shows (`amana audit verify`). The database itself closes the
    chain at the end of each transaction (trigger `audit_joins_its_chain`), whoever wrote the entry."""

    __tablename__ = "audit"
    __table_args__ = (
        UniqueConstraint("chain", "place"),
        Index("ix_audit_unchained", "chain", "id", postgresql_where=text("chain IS NOT NULL AND digest IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = created()
    actor: Mapped[str]
    action: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    organisation_id: Mapped[uuid.UUID | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    chain: Mapped[str | None]
    place: Mapped[int | None]
    digest: Mapped[bytes | None]


class AuditHead(Base):
    """The last digest of a chain (organisation and day) that has ended, as it was published."""

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    digest: Mapped[bytes]
    published_at: Mapped[datetime] = created()
