"""The tables of places and of the service directory, in HSDS 3.0 field names; our own fields stand last in each.

Ids are those of the packages that were imported. Nothing here is about people who write to us.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from handoff.store.tables import Base, created, random_id


def listed() -> Mapped[list[str]]:
    """A list of codes."""
    return mapped_column(ARRAY(Text), server_default=text("'{}'"))


def no() -> Mapped[bool]:
    """False unless a package says otherwise."""
    return mapped_column(Boolean, server_default=text("false"))


class Place(Base):
    """An administrative place by its P-code. `names` are by locale; `spellings` are other ways to write it."""

    __tablename__ = "places"
    __table_args__ = (CheckConstraint("level between 0 and 2", name="level"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger)
    parent_code: Mapped[str | None]
    names: Mapped[dict[str, Any]]
    spellings: Mapped[list[str]] = listed()
    changed_at: Mapped[datetime] = created()


class DirectoryOrganization(Base):
    """Who runs services. `desk_slug` names the organisation of ours whose staff are theirs (conflicts of interest)."""

    __tablename__ = "directory_organizations"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    alternate_name: Mapped[str | None]
    description: Mapped[str | None]
    email: Mapped[str | None]
    website: Mapped[str | None]
    legal_status: Mapped[str | None]
    uri: Mapped[str | None]
    desk_slug: Mapped[str | None]


class DirectoryService(Base):
    """What is offered. `place_codes` is worked out at the import: its service areas, else where its locations are."""

    __tablename__ = "directory_services"
    __table_args__ = (
        CheckConstraint("status in ('active', 'inactive', 'defunct', 'temporarily closed')", name="status"),
        CheckConstraint("gender_served in ('any', 'women', 'men')", name="gender_served"),
        Index("ix_directory_services_needs", "needs", postgresql_using="gin"),
        Index("ix_directory_services_place_codes", "place_codes", postgresql_using="gin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("directory_organizations.id"), index=True)
    name: Mapped[str]
    alternate_name: Mapped[str | None]
    description: Mapped[str | None]
    url: Mapped[str | None]
    email: Mapped[str | None]
    status: Mapped[str]
    application_process: Mapped[str | None]
    fees_description: Mapped[str | None]
    eligibility_description: Mapped[str | None]
    minimum_age: Mapped[int | None] = mapped_column(Integer)
    maximum_age: Mapped[int | None] = mapped_column(Integer)
    assured_date: Mapped[date | None] = mapped_column(Date)
    assurer_email: Mapped[str | None]
    alert: Mapped[str | None]
    needs: Mapped[list[str]] = listed()
    channels: Mapped[list[str]] = listed()
    gender_served: Mapped[str] = mapped_column(server_default="any")
    serves_irregular_status: Mapped[bool] = no()
    le_link: Mapped[bool] = no()
    psea_independent: Mapped[bool] = no()
    hours_24_7: Mapped[bool] = no()
    free: Mapped[bool] = no()
    redacted: Mapped[bool] = no()
    place_codes: Mapped[list[str]] = listed()


class DirectoryLocation(Base):
    """Where services are. Addresses are not kept: those of shelters must not be, and no answer tells any."""

    __tablename__ = "directory_locations"
    __table_args__ = (
        CheckConstraint("location_type in ('physical', 'postal', 'virtual', 'redacted')", name="location_type"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    location_type: Mapped[str]
    name: Mapped[str | None]
    alternate_name: Mapped[str | None]
    place_code: Mapped[str | None]


class DirectoryServiceAtLocation(Base):
    """That a service is offered at a location."""

    __tablename__ = "directory_service_at_locations"

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("directory_services.id"), index=True)
    location_id: Mapped[str] = mapped_column(ForeignKey("directory_locations.id"), index=True)
    description: Mapped[str | None]


class DirectoryPhone(Base):
    """A number. It is told to nobody until two different people have called it back (SAFETY §8)."""

    __tablename__ = "directory_phones"
    __table_args__ = (
        CheckConstraint("verified_by_1 <> verified_by_2", name="two_people"),
        CheckConstraint("verified_by_2 IS NULL OR verified_by_1 IS NOT NULL", name="first_then_second"),
        CheckConstraint("verified_by_1 IS NULL OR call_back_note <> ''", name="with_a_note"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str | None] = mapped_column(ForeignKey("directory_services.id"), index=True)
    location_id: Mapped[str | None] = mapped_column(ForeignKey("directory_locations.id"), index=True)
    organization_id: Mapped[str | None] = mapped_column(ForeignKey("directory_organizations.id"), index=True)
    service_at_location_id: Mapped[str | None] = mapped_column(
        ForeignKey("directory_service_at_locations.id"), index=True
    )
    number: Mapped[str]
    extension: Mapped[str | None]
    type: Mapped[str | None]
    description: Mapped[str | None]
    verified_by_1: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    verified_at_1: Mapped[datetime | None]
    verified_by_2: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    verified_at_2: Mapped[datetime | None]
    call_back_note: Mapped[str] = mapped_column(server_default="")


class DirectorySchedule(Base):
    """When a service is open."""

    __tablename__ = "directory_schedules"

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str | None] = mapped_column(ForeignKey("directory_services.id"), index=True)
    location_id: Mapped[str | None] = mapped_column(ForeignKey("directory_locations.id"), index=True)
    service_at_location_id: Mapped[str | None] = mapped_column(
        ForeignKey("directory_service_at_locations.id"), index=True
    )
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    dtstart: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    timezone: Mapped[str | None]
    freq: Mapped[str | None]
    interval: Mapped[int | None] = mapped_column(Integer)
    byday: Mapped[str | None]
    bymonthday: Mapped[str | None]
    opens_at: Mapped[time | None] = mapped_column(Time)
    closes_at: Mapped[time | None] = mapped_column(Time)
    description: Mapped[str | None]
    notes: Mapped[str | None]


class DirectoryLanguage(Base):
    """A language that is spoken at a service, a location or a number."""

    __tablename__ = "directory_languages"

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str | None] = mapped_column(ForeignKey("directory_services.id"), index=True)
    location_id: Mapped[str | None] = mapped_column(ForeignKey("directory_locations.id"), index=True)
    phone_id: Mapped[str | None] = mapped_column(ForeignKey("directory_phones.id"), index=True)
    name: Mapped[str | None]
    code: Mapped[str | None]
    note: Mapped[str | None]


class DirectoryServiceArea(Base):
    """Whom a service serves, by place. `place_code` is the gazetteer's; one without it is kept and serves no search."""

    __tablename__ = "directory_service_areas"

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("directory_services.id"), index=True)
    name: Mapped[str | None]
    description: Mapped[str | None]
    extent: Mapped[str | None]
    extent_type: Mapped[str | None]
    uri: Mapped[str | None]
    place_code: Mapped[str | None]


class DirectoryReport(Base):
    """The worklist: somebody found a number dead. Says nothing about who; a row more never hides a service."""

    __tablename__ = "directory_reports"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    service_ids: Mapped[list[str]] = listed()
    place_code: Mapped[str | None]
    times: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = created()
    done_at: Mapped[datetime | None]
    done_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class Complaint(Base):
    """That a case is about a service which was not safe. Staff of the organisations in `coi_orgs` (ids of the
    directory) may not know of it (SAFETY §7)."""

    __tablename__ = "complaints"
    __table_args__ = (UniqueConstraint("case_id"),)

    id: Mapped[uuid.UUID] = random_id()
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cases.id"))
    coi_orgs: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = created()
