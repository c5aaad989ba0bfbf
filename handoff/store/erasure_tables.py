"""The tables of erasing: what is under way, copies at providers that must go, and what must not come in again."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from handoff.store.tables import Base, created, random_id


class Erasure(Base):
    """An erasure that is not over: the address still has to go (`address_id`, until `answer_until` at the latest), or
    copies at providers have. `key_id` is a key of its own for what these steps still need."""

    __tablename__ = "erasures"

    id: Mapped[uuid.UUID] = random_id()
    address_id: Mapped[uuid.UUID | None]
    key_id: Mapped[uuid.UUID]
    answer_until: Mapped[datetime]
    created_at: Mapped[datetime] = created()


class ProviderCopy(Base):
    """A message of an erased chat that its provider still has. `cipher` (address, provider's id) is under the erasure's
    key. `receipt`: the answer to the erasure itself, which stays on the phone."""

    __tablename__ = "provider_copies"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    erasure_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("erasures.id"), index=True)
    channel: Mapped[str]
    account: Mapped[str]
    cipher: Mapped[bytes]
    receipt: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_at: Mapped[datetime] = created()


class Forgotten(Base):
    """A message that was taken in and erased: a keyed hash of its id, for two days, so that a provider who brings it
    once more (a retry, a catch-up) does not bring it back."""

    __tablename__ = "forgotten"

    channel: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    provider_index: Mapped[bytes] = mapped_column(primary_key=True)
    at: Mapped[datetime] = created()
