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
    """Somebody: a random id and a key. Not a phone (SAFETY §1).

    `contact_plan` is "self", "any" or "hours" (then `plan_hours` holds the windows in which we may write).
    `word_cipher` is the word by which we know them, `sign_cipher` the two nouns by which they know us, under their key.
    After three wrong words nothing proactive goes out until `locked_until` (SAFETY §4)."""

    __tablename__ = "persons"
    __table_args__ = (
        CheckConstraint("contact_plan in ('self', 'any', 'hours')", name="contact_plan"),
        CheckConstraint("age_band in ('adult', 'minor', 'unknown')", name="age_band"),
        CheckConstraint("shared_phone in ('yes', 'no', 'unsure')", name="shared_phone"),
    )

    id: Mapped[uuid.UUID] = random_id()
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("vault.data_keys.id"), index=True)
    contact_plan: Mapped[str | None]
    plan_hours: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    age_band: Mapped[str | None]
    shared_phone: Mapped[str | None]
    word_cipher: Mapped[bytes | None]
    sign_cipher: Mapped[bytes | None]
    wrong_words: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = created()


class PersonAddress(Base):
    """That a person has written from an address. N to M: neither is inferred from the other."""

    __tablename__ = "person_addresses"

    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    address_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("addresses.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = created()


class Conversation(Base):
    """One address on one of our accounts: the unit of order, of mutual exclusion and of "who speaks now".

    `person_seen_at`: when whoever writes was last taken to be the one who wrote before. After an hour of silence they
    are greeted as anyone is, and their words wait sealed in `held_cipher` (SAFETY §1). `word_due_at` is when we began
    to wait for the person's word, `knocked_at` when we last knocked.
    `erasure_id`: all was erased but the address, which goes as soon as the answer has left."""

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
    person_seen_at: Mapped[datetime | None]
    held_cipher: Mapped[bytes | None]
    held_at: Mapped[datetime | None]
    erasure_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("erasures.id"), index=True)
    word_due_at: Mapped[datetime | None]
    knocked_at: Mapped[datetime | None]
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
    """A message that somebody sent. `cipher` (text, payload, tap token) is emptied when the assistant has worked it.
    `provider_cipher` is kept where the provider's own copy can be deleted, until that is done (at most 48 h)."""

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
    provider_cipher: Mapped[bytes | None]
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
