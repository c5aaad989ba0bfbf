"""What the tests of the inbox share: messages, turns, and workers of their own."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.core.conversation import Draft, Turn
from handoff.core.message import Incoming, Kind
from handoff.core.ports import Lease, Sent
from handoff.core.render import Rendered
from handoff.store.inbox import PostgresInbox
from handoff.store.quick import Quick
from handoff.store.vault import Vault

NUMBER = "+15550001"


def sms(text: str = "hello", *, number: str = NUMBER, provider_id: str | None = None) -> Incoming:
    """A text message that came in."""
    return Incoming(
        channel="sms-twilio",
        account="+15550100",
        network="sms",
        address=number,
        provider_id=provider_id or uuid.uuid4().hex,
        kind=Kind.TEXT,
        text=text,
    )


def answer(text: str = "Hi.") -> Turn:
    """A turn that says one thing."""
    return Turn(drafts=[Draft("greet.hello", Rendered(text, segments=1), "reply", "assistant")])


def an_inbox(engine: AsyncEngine, quick: Quick, vault: Vault, holder: str, lease_s: float = 30) -> PostgresInbox:
    """The inbox of one worker."""
    return PostgresInbox(engine, quick, vault, holder=holder, lease=timedelta(seconds=lease_s), organisation="demo-aid")


async def value(engine: AsyncEngine, query: str) -> object:
    """One value from the database."""
    async with engine.connect() as connection:
        return (await connection.execute(text(query))).scalar()


async def work(inbox: PostgresInbox, lease: Lease, turn: Turn | None = None) -> None:
    """Work a lease to its end: commit the turn, and note all of it as sent."""
    unsent = await inbox.commit_turn(lease, turn or answer())
    await inbox.finish(lease, [Sent(item.id, "sent", provider_id=f"P{item.id}") for item in unsent], None)
