"""Who works at the desk: members of staff, their roles, their sign-ins."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ROLES = ("caseworker", "supervisor", "admin")
SUPERVISING = frozenset({"supervisor", "admin"})

TRIES = 6
LOCKED_FOR = timedelta(minutes=15)
SESSION_FOR = timedelta(hours=12)
IDLE_FOR = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Member:
    """What a member of staff is in one organisation."""

    organisation_id: uuid.UUID
    organisation: str
    role: str


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is signed in at the desk."""

    id: uuid.UUID
    login: str
    name: str
    members: tuple[Member, ...] = ()

    def supervises(self, organisation_id: uuid.UUID) -> bool:
        """True where this user may take a case out of a colleague's hands."""
        return any(m.organisation_id == organisation_id and m.role in SUPERVISING for m in self.members)


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that still stands. `csrf` is what each of its forms must carry."""

    user: User
    csrf: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """A counted try to sign in, for an account that exists and is not locked."""

    staff_id: uuid.UUID
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewStaff:
    """A member of staff to add, or to change if the login exists. `focal`: the owners whose focal point they are in
    this organisation (None: as before)."""

    login: str
    name: str
    password_hash: str = field(repr=False)
    role: str
    organisation: str
    organisation_name: str
    focal: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to what, for the audit: ids and codes only."""

    actor: str
    action: str
    object_kind: str
    object_id: str
    organisation_id: uuid.UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
