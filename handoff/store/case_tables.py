"""The tables of consents, cases, referrals and of the ways back to them. What people wrote is only ever encrypted."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Identity, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from handoff.store.tables import Base, created, random_id


class Consent(Base):
    """What a person agreed to: purpose, the words they read (key, version, language), for whom, until when.

    `data_categories` are the codes of what may be passed on (share); `by_staff_id` and `second_staff_id` are the two
    workers of a best-interest decision (SAFETY §6)."""

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
    withdrawn_channel: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    data_categories: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    by_staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    second_staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class Case(Base):
    """Somebody who waits for, or talks with, a caseworker. A live contact consent naming its organisation is a rule of
    the database (trigger `case_needs_consent`). Of the person only codes from closed answers are known.
    `owner` is who is responsible (content/pathways/routing.yml), `joint` who is with them for a child, `excluded` are
    slugs of organisations that may not know of it; `conversation_id` is where the person is reached, also while
    somebody else writes from there. `skipped` names questions that were asked and not answered; `escalations` counts
    the steps of the SOP that were taken, `backup_id` is the organisation that knows that somebody waits, and no more.

    A case whose person has erased themselves is a shell: number, level and dates, and nobody (state `erased`)."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'claimed', 'closed', 'withdrawn', 'erased')", name="state"),
        CheckConstraint(
            "state = 'erased' or (person_id is not null and consent_id is not null)", name="erased_has_nobody"
        ),
        CheckConstraint("for_whom in ('self', 'child', 'other')", name="for_whom"),
        CheckConstraint("age_band in ('adult', 'minor', 'unknown')", name="age_band"),
        CheckConstraint("level in ('P0', 'P1', 'P2', 'P3')", name="level"),
        CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name="claimed_by_someone"),
        Index("ix_cases_open", "level", "created_at", postgresql_where=text("state in ('waiting', 'claimed')")),
    )

    id: Mapped[uuid.UUID] = random_id()
    number: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("persons.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    consent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("consents.id"))
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("conversations.id", use_alter=True, ondelete="SET NULL"), index=True
    )
    state: Mapped[str] = mapped_column(server_default="waiting")
    level: Mapped[str]
    reasons: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    modality: Mapped[str]
    locale: Mapped[str]
    sop_version: Mapped[str | None]
    for_whom: Mapped[str | None]
    age_band: Mapped[str | None]
    place_code: Mapped[str | None]
    concerns: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    flags: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    skipped: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    owner: Mapped[str | None]
    joint: Mapped[str | None]
    excluded: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    worker_gender: Mapped[str | None]
    note_cipher: Mapped[bytes | None]
    due_at: Mapped[datetime | None]
    escalations: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    backup_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
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
    ends_told_at: Mapped[datetime | None]


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


class Referral(Base):
    """A case passed on to a partner organisation. A live share consent that names the partner is a rule of the database
    (trigger `referral_needs_consent`)."""

    __tablename__ = "referrals"
    __table_args__ = (
        CheckConstraint(
            "state in ('sent', 'acknowledged', 'accepted', 'not_accepted', 'delivered', 'not_delivered', 'closed', "
            "'withdrawn')",
            name="state",
        ),
    )

    id: Mapped[uuid.UUID] = random_id()
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    consent_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("consents.id"))
    state: Mapped[str] = mapped_column(server_default="sent")
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = created()
    changed_at: Mapped[datetime] = created()


class ReturnCode(Base):
    """The way back to a case from another phone: found by its first four digits, known by an Argon2id hash of the rest
    (SAFETY §4). `seal_key` is a public key whose other half only the code gives (core/sealed.py): so that a summary can
    be sealed for who has the code, without having it."""

    __tablename__ = "return_codes"

    id: Mapped[uuid.UUID] = random_id()
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("persons.id"), unique=True)
    selector: Mapped[str] = mapped_column(index=True)
    code_hash: Mapped[str]
    seal_key: Mapped[bytes | None]
    created_at: Mapped[datetime] = created()
    used_at: Mapped[datetime | None]


class Try(Base):
    """Tries at return codes, counted for a selector, a sender and the whole deployment within an hour (`bucket` names
    which, as a keyed hash)."""

    __tablename__ = "tries"

    bucket: Mapped[bytes] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class SealedSummary(Base):
    """What is left for some days of a live case whose person erased this phone without their word or code: codes only,
    no address, under a key that only the word or the code opens (SAFETY §5)."""

    __tablename__ = "sealed_summaries"

    id: Mapped[uuid.UUID] = random_id()
    case_number: Mapped[str] = mapped_column(index=True)
    selector: Mapped[str | None] = mapped_column(index=True)
    by_code: Mapped[bytes | None]
    by_word: Mapped[bytes | None]
    salt: Mapped[bytes]
    cipher: Mapped[bytes]
    expires_at: Mapped[datetime]


class Erased(Base):
    """Random ids of what was erased. Applied after a restore, so that a backup brings nobody back."""

    __tablename__ = "erased"
    __table_args__ = ({"schema": "vault"},)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    erased_at: Mapped[datetime] = created()
