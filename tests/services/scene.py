"""What tests of the turn, of sending and of the worker share: small fakes, and a conversation on a Monday noon."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from handoff.core.channel import Acknowledgement, Limits, RawRequest
from handoff.core.contact import Contact
from handoff.core.control import ControlWords
from handoff.core.conversation import Conversation, Draft, Owner, Received, Turn
from handoff.core.effects import Effect, Say
from handoff.core.flood import Flood
from handoff.core.hours import parse_hours
from handoff.core.language import Detector
from handoff.core.message import Event, Incoming, Kind, Outgoing, Receipt
from handoff.core.ports import AssistantTurn, Hints, Lease, Sent, Unsent
from handoff.core.prompts import Prompt
from handoff.core.suggest import Suggester
from handoff.services.respond import Respond
from handoff.services.say import Deployment, Voice
from tests.console.world import LIMITS, SMS, prompts, texts

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
HOTLINE = "+15550100"
LOCALES = ("en", "ar", "es")
CASE, PERSON = uuid.UUID(int=7), uuid.UUID(int=8)


@dataclass
class FakeOutbox:
    """Keeps what the desk would enqueue."""

    found: Conversation
    drafts: list[Draft] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)

    async def conversation(self, connection: Any, conversation_id: uuid.UUID) -> Conversation:
        return self.found

    async def enqueue(
        self, connection: Any, conversation: Conversation, drafts: Sequence[Draft], changes: Mapping[str, Any]
    ) -> list[int]:
        self.drafts += drafts
        self.changes |= changes
        return list(range(1, len(drafts) + 1))


@dataclass
class FakeAssistant:
    """Says what it is told to, or fails as it is told to; keeps what it was asked."""

    effects: tuple[Effect, ...] = (Say("greet.hello"),)
    failures: list[Exception] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=lambda: {"turns": 1})
    heard: list[dict[str, Any]] = field(default_factory=list)
    hears: str | Exception = "greet"

    async def ranking(self, text: str) -> tuple[tuple[str, float], ...]:
        if isinstance(self.hears, Exception):
            raise self.hears
        return ((self.hears, 0.8),)

    async def turn(
        self, message_id: str, message: str, *, kind: str, locale: str, state: Mapping[str, Any], hints: Hints
    ) -> AssistantTurn:
        self.heard.append({"message": message, "kind": kind, "locale": locale, "state": dict(state), "hints": hints})
        if self.failures:
            raise self.failures.pop(0)
        return AssistantTurn(self.effects, self.state, "greet")

    @property
    def asked(self) -> list[tuple[str, str]]:
        """(kind, message) of every question."""
        return [(each["kind"], each["message"]) for each in self.heard]


@dataclass
class FakeChannel:
    """A provider that answers from a list, then takes everything."""

    answers: list[Exception | float] = field(default_factory=list)
    limits: Limits = SMS
    sent: list[Outgoing] = field(default_factory=list)
    acknowledged: list[Incoming] = field(default_factory=list)
    missed: Sequence[Incoming] | Exception = ()
    asked_since: list[datetime] = field(default_factory=list)
    name: str = "sms-twilio"
    network: str = "sms"
    account: str = "+15550190000"
    acknowledgement: Acknowledgement = field(default_factory=Acknowledgement)

    async def send(self, message: Outgoing) -> Receipt:
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            await asyncio.sleep(answer)
        self.sent.append(message)
        return Receipt(f"P{len(self.sent)}")

    async def acknowledge(self, incoming: Incoming) -> None:
        self.acknowledged.append(incoming)

    async def catch_up(self, since: datetime) -> Sequence[Incoming]:
        self.asked_since.append(since)
        if isinstance(self.missed, Exception):
            raise self.missed
        return self.missed

    def handshake(self, query: Mapping[str, str]) -> str | None:
        return None

    def receive(self, request: RawRequest) -> Sequence[Event]:
        return []

    def receive_status(self, request: RawRequest) -> Sequence[Event]:
        return []

    async def connect(self, public_base_url: str) -> Sequence[str]:
        return [f"webhook {public_base_url}"]

    async def aclose(self) -> None:
        return None


def a_conversation(**values: Any) -> Conversation:
    """Somebody on a feature phone who has just written, in English."""
    given: dict[str, Any] = {
        "id": uuid.UUID(int=1),
        "channel": "sms-twilio",
        "account": "+15550190000",
        "network": "sms",
        "owner": Owner.ASSISTANT,
        "locale": "en",
        "contact": Contact(NOW),
    }
    return Conversation(**(given | values))


def with_people(owner: Owner = Owner.CASEWORKER, **values: Any) -> Conversation:
    """The same while a case is open."""
    return a_conversation(**({"owner": owner, "case_id": CASE, "person_id": PERSON, "person_seen_at": NOW} | values))


def wrote(text: str = "", kind: Kind = Kind.TEXT, **values: Any) -> Received:
    """A message that came just now."""
    given: dict[str, Any] = {"id": 5, "kind": kind, "received_at": NOW, "text": text}
    return Received(**(given | values))


@cache
def _control() -> ControlWords:
    """Read once: it takes most of a second, and nothing changes it."""
    return ControlWords.load()


@cache
def _detector() -> Detector:
    return Detector(LOCALES)


@cache
def _suggester() -> Suggester:
    return Suggester()


def a_voice(outbox: FakeOutbox | None = None, *, hours: str = "24/7", must_be_reviewed: bool = False) -> Voice:
    """The real texts and prompts."""
    return Voice(
        texts=texts(),
        prompts=prompts(),
        limits=LIMITS,
        deployment=Deployment(
            "Demo Aid (fictional)", HOTLINE, parse_hours(hours, "UTC"), LOCALES, "en", must_be_reviewed
        ),
        outbox=outbox or FakeOutbox(a_conversation()),
        clock=lambda: NOW,
    )


@dataclass
class Pauses:
    """Sleeping takes no time and is written down."""

    slept: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def a_respond(assistant: FakeAssistant | None = None, **values: Any) -> Respond:
    """The real decisions over the real words, with a scripted assistant."""
    given: dict[str, Any] = {
        "voice": a_voice(),
        "control": _control(),
        "assistant": assistant or FakeAssistant(),
        "detector": _detector(),
        "suggester": _suggester(),
        "flood": Flood(20, 300),
        "sleep": Pauses(),
    }
    return Respond(**(given | values))


def after(conversation: Conversation, turn: Turn) -> Conversation:
    """The conversation as the next message finds it."""
    changes = dict(turn.changes)
    changes.pop("danger_at", None)
    if "prompts" in changes:
        asked = (Prompt.from_json(raw) for raw in changes["prompts"])
        changes["prompts"] = tuple(replace(prompt, asked_at=prompt.asked_at or NOW) for prompt in asked)
    if "owner" in changes:
        changes["owner"] = Owner(changes["owner"])
    if "last_inbound_at" in changes:
        changes.pop("last_inbound_at")
    if turn.new_case:
        changes |= {"owner": Owner.WAITING, "case_id": turn.new_case.case_id, "person_id": PERSON}
    if turn.return_to:
        changes |= {"owner": Owner.CASEWORKER, "case_id": turn.return_to.case_id, "person_id": PERSON}
    if turn.hold is not None:
        changes |= {"held": turn.hold, "held_at": NOW}
    return replace(conversation, **changes)


async def asked_for_consent(respond: Respond, at: datetime = NOW) -> Conversation:
    """Somebody who asked for a person and said that they can write safely: the consent waits for their answer."""
    talk = a_conversation()
    for said in ("9", "1"):
        talk = after(talk, await respond.turn(talk, wrote(said, received_at=at), at))
    return talk


def keys(turn: Turn) -> list[str]:
    """What is said, in order."""
    return [draft.key for draft in turn.drafts]


def unsent(number: int = 1, **values: Any) -> Unsent:
    """A reply of the assistant that waits to be sent."""
    given: dict[str, Any] = {
        "id": number,
        "key": "greet.hello",
        "kind": "reply",
        "speaker": "assistant",
        "text": f"text {number}",
        "options": (),
        "list_button": "",
        "segments": 1,
        "attempts": 0,
        "next_at": None,
        "created_at": NOW,
    }
    return Unsent(**(given | values))


def a_lease(received: Received | None = None, conversation: Conversation | None = None, **values: Any) -> Lease:
    """The conversation in a worker's hands."""
    given: dict[str, Any] = {
        "conversation": conversation or a_conversation(),
        "now": NOW,
        "fence": 1,
        "due_count": 1,
        "address": "+15550001",
        "received": received,
        "more": False,
        "unsent": (),
        "handle": None,
    }
    return Lease(**(given | values))


@dataclass
class FakeInbox:
    """Gives the leases that it has, once; keeps what was written. `failures` come first, one a call of `lease`."""

    leases: list[Lease] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    finished: list[tuple[list[Sent], datetime | None]] = field(default_factory=list)
    knocks: list[list[str]] = field(default_factory=list)
    given_back: list[datetime] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)
    beats: int = 0
    erased: list[bool] = field(default_factory=list)
    refuse_turn: Exception | None = None
    refuse_end: list[Exception] = field(default_factory=list)

    async def lease(self, limit: int) -> Sequence[Lease]:
        if self.failures:
            raise self.failures.pop(0)
        taken, self.leases = self.leases[:limit], self.leases[limit:]
        return taken

    async def commit_turn(self, lease: Lease, turn: Turn) -> Sequence[Unsent]:
        if self.refuse_turn:
            raise self.refuse_turn
        self.turns.append(turn)
        return [
            unsent(
                n, key=draft.key, kind=draft.kind, speaker=draft.speaker, text=draft.rendered.text, just_written=True
            )
            for n, draft in enumerate(turn.drafts, start=100)
        ]

    async def sending(self, lease: Lease, ids: Sequence[int]) -> Sequence[int]:
        self.marked += ids
        return [number for number in ids if number not in self.cancelled]

    async def finish(self, lease: Lease, sent: Sequence[Sent], retry_at: datetime | None) -> None:
        if self.refuse_end:
            raise self.refuse_end.pop(0)
        self.finished.append((list(sent), retry_at))

    async def finish_erasure(self, lease: Lease, *, at_once: bool) -> None:
        self.erased.append(at_once)

    async def knock(self, lease: Lease, drafts: Sequence[Draft], changes: Mapping[str, Any]) -> None:
        self.knocks.append([draft.key for draft in drafts])

    async def failed(self, lease: Lease, retry_at: datetime) -> None:
        self.given_back.append(retry_at)

    async def heartbeat(self, leases: Sequence[Lease]) -> None:
        self.beats += len(leases)


def ago(**how_long: float) -> datetime:
    """Before noon."""
    return NOW - timedelta(**how_long)
