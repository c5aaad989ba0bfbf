"""Every table, in one place. Addresses and texts are only ever stored encrypted; keys live in the schema `vault`.

`conversations` is the row that the message path leases (DESIGN §3): `due_at` says when it wants a worker, `due_count`
grows with everything that makes it due, `fence` grows with every lease and is checked by every write of a turn.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """What all tables share: names of constraints, and types that carry time zones."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        uuid.UUID: UUID(as_uuid=True),
        str: Text,
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def random_id() -> Mapped[uuid.UUID]:
    """A primary key that says nothing: random, made by us."""
    return mapped_column(primary_key=True, default=uuid.uuid4)


def created() -> Mapped[datetime]:
    """When the row was written, by the database's clock."""
    return mapped_column(server_default=func.now())


class DataKey(Base):
    """A key of one address, person or dead letter, wrapped by a master key. Deleting it erases what it locks."""

    __tablename__ = "data_keys"
    __table_args__ = ({"schema": "vault"},)

    id: Mapped[uuid.UUID] = random_id()
    wrapped: Mapped[bytes]
    master_id: Mapped[str]
    created_at: Mapped[datetime] = created()


class Address(Base):
    """A phone number, chat id or business-scoped id. Found by `index` (HMAC), read only by decrypting `cipher`.
    `stopped_at`: they said STOP; `blocked_at`: their provider says that they take nothing from us."""

    __tablename__ = "addresses"
    __table_args__ = (UniqueConstraint("network", "index"),)

    id: Mapped[uuid.UUID] = random_id()
    network: Mapped[str]
    index: Mapped[bytes]
    cipher: Mapped[bytes]
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("vault.data_keys.id"), index=True)
    stopped_at: Mapped[datetime | None]
    blocked_at: Mapped[datetime | None]
    off_notice_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class Person(Base):
    """Somebody: a random id and a key. Not a phone (SAFETY §1)."""

    __tablename__ = "persons"

    id: Mapped[uuid.UUID] = random_id()
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("vault.data_keys.id"), index=True)
    contact_plan: Mapped[str | None]
    created_at: Mapped[datetime] = created()


class PersonAddress(Base):
    """That a person has written from an address. N to M: neither is inferred from the other."""

    __tablename__ = "person_addresses"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    address_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("addresses.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = created()


class Conversation(Base):
    """One address on one of our accounts: the unit of order, of mutual exclusion and of "who speaks now"."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("address_id", "channel", "account"),
        CheckConstraint("owner in ('assistant', 'waiting', 'caseworker', 'closed')", name="owner"),
        Index("ix_conversations_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
    )

    id: Mapped[uuid.UUID] = random_id()
    address_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("addresses.id"))
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("persons.id"))
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    channel: Mapped[str]
    account: Mapped[str]
    owner: Mapped[str] = mapped_column(server_default="assistant")
    locale: Mapped[str | None]
    locale_chosen: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    state: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    prompts: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    prompt_count: Mapped[int] = mapped_column(server_default=text("0"))
    waiting_ack_at: Mapped[datetime | None]
    danger_at: Mapped[datetime | None]
    last_inbound_at: Mapped[datetime | None]
    minute_start: Mapped[datetime | None]
    minute_count: Mapped[int] = mapped_column(server_default=text("0"))
    day_start: Mapped[datetime | None]
    day_count: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime | None]
    due_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    leased_until: Mapped[datetime | None]
    lease_holder: Mapped[str | None]
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[datetime] = created()


class Inbound(Base):
    """A message that somebody sent. `cipher` (text, payload, tap token) is emptied when the assistant has worked it."""

    __tablename__ = "inbound"
    __table_args__ = (
        UniqueConstraint("channel", "account", "provider_index"),
        Index("ix_inbound_unworked", "conversation_id", "id", postgresql_where=text("worked_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    channel: Mapped[str]
    account: Mapped[str]
    provider_index: Mapped[bytes]
    kind: Mapped[str]
    cipher: Mapped[bytes | None]
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime] = created()
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    worked_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    intent: Mapped[str | None]


class Outbound(Base):
    """A message of ours and where it is. `cipher` holds the rendered text; it is emptied with the final status."""

    __tablename__ = "outbound"
    __table_args__ = (
        UniqueConstraint("channel", "account", "provider_index"),
        CheckConstraint("kind in ('reply', 'proactive', 'system')", name="kind"),
        CheckConstraint("speaker in ('assistant', 'human', 'system')", name="speaker"),
        CheckConstraint(
            "state in ('queued', 'held', 'sending', 'sent', 'delivered', 'read', "
            "'failed', 'expired', 'dead', 'cancelled')",
            name="state",
        ),
        Index(
            "ix_outbound_unsent",
            "conversation_id",
            "id",
            postgresql_where=text("state in ('queued', 'sending', 'held')"),
        ),
        Index("ix_outbound_case_id", "case_id", postgresql_where=text("case_id IS NOT NULL")),
        Index("ix_outbound_dead", "id", postgresql_where=text("state = 'dead'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversations.id"))
    inbound_id: Mapped[int | None] = mapped_column(BigInteger)
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cases.id"))
    channel: Mapped[str]
    account: Mapped[str]
    kind: Mapped[str]
    speaker: Mapped[str]
    key: Mapped[str]
    cipher: Mapped[bytes | None]
    segments: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    possible_duplicate: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    next_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    provider_index: Mapped[bytes | None]
    provider_cipher: Mapped[bytes | None]
    error_code: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    sent_at: Mapped[datetime | None]


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
    """Which role a member of staff has in which organisation."""

    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint("role in ('caseworker', 'supervisor', 'admin')", name="role"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    role: Mapped[str]


class StaffSession(Base):
    """A sign-in, kept by the server. The cookie holds a random token; only its SHA-256 is here."""

    __tablename__ = "staff_sessions"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    csrf: Mapped[str]
    created_at: Mapped[datetime] = created()
    seen_at: Mapped[datetime] = created()
    expires_at: Mapped[datetime]


class Consent(Base):
    """What a person agreed to: purpose, the words they read (key, version, language), for whom, until when."""

    __tablename__ = "consents"
    __table_args__ = (
        CheckConstraint("purpose in ('contact', 'share', 'numbers', 'alerts')", name="purpose"),
        CheckConstraint("kind in ('consent', 'assent', 'best_interest')", name="kind"),
    )

    id: Mapped[uuid.UUID] = random_id()
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    purpose: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="consent")
    text_key: Mapped[str]
    text_version: Mapped[str]
    modality: Mapped[str]
    locale: Mapped[str]
    channel: Mapped[str]
    given_at: Mapped[datetime] = created()
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Case(Base):
    """Somebody who waits for, or talks with, a caseworker. A live contact consent naming its organisation is a rule of
    the database (trigger `case_needs_consent`)."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'claimed', 'closed', 'withdrawn')", name="state"),
        CheckConstraint("level in ('P0', 'P1', 'P2', 'P3')", name="level"),
        CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name="claimed_by_someone"),
        Index("ix_cases_open", "level", "created_at", postgresql_where=text("state in ('waiting', 'claimed')")),
    )

    id: Mapped[uuid.UUID] = random_id()
    number: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("persons.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    consent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("consents.id"))
    state: Mapped[str] = mapped_column(server_default="waiting")
    level: Mapped[str]
    reasons: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    modality: Mapped[str]
    locale: Mapped[str]
    claimed_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    claimed_until: Mapped[datetime | None]
    claim_fence: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    carrier_blocked: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    stopped: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    alarm_at: Mapped[datetime | None]
    close_code: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    claimed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class CaseMessage(Base):
    """One line of the chat that the person agreed to, encrypted under the person's key.
    `outbound_id` points to the message of ours whose delivery state is shown beside it."""

    __tablename__ = "case_messages"
    __table_args__ = (CheckConstraint("speaker in ('person', 'human', 'system')", name="speaker"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    speaker: Mapped[str]
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(server_default="text")
    cipher: Mapped[bytes | None]
    outbound_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = created()


class DeadLetter(Base):
    """Something that could not be read, worked or sent. Staff see codes, age and channel; the text is purged ≤ 24 h."""

    __tablename__ = "dead_letters"
    __table_args__ = (CheckConstraint("direction in ('in', 'out')", name="direction"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    direction: Mapped[str]
    channel: Mapped[str]
    code: Mapped[str]
    inbound_id: Mapped[int | None] = mapped_column(BigInteger)
    outbound_id: Mapped[int | None] = mapped_column(BigInteger)
    key_id: Mapped[uuid.UUID | None]
    cipher: Mapped[bytes | None]
    created_at: Mapped[datetime] = created()
    redriven_at: Mapped[datetime | None]


class ChannelDay(Base):
    """How many segments a channel has sent on one day (UTC), against its budget."""

    __tablename__ = "channel_days"

    channel: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    segments: Mapped[int] = mapped_column(server_default=text("0"))
    alarmed_at: Mapped[datetime | None]


class CatchUp(Base):
    """Until when a channel's provider has been asked for messages that we may have missed."""

    __tablename__ = "catch_up"

    channel: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class Audit(Base):
    """Who did what to what. Append-only by a trigger; ids and codes only, never content."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = created()
    actor: Mapped[str]
    action: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    organisation_id: Mapped[uuid.UUID | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
