"""What the services need from the outside, as protocols. `store`, `channels` and `assistant` fill them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from handoff.core.contact import Contact
from handoff.core.conversation import Conversation, Draft, Received, Turn
from handoff.core.effects import Effect
from handoff.core.message import Event


class AssistantFailed(Exception):
    """The assistant gave no good turn. `code` says why, in our words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class AssistantDown(AssistantFailed):
    """No answer, a time-out or a refusal: trying again in a moment may help."""


class TurnFailed(AssistantFailed):
    """It answered, and the answer is not good (failed action, nothing to say, unknown effect)."""


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """A good turn: what to do, and the textless dialogue state to carry to the next one."""

    effects: tuple[Effect, ...]
    state: Mapping[str, Any]
    intent: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What a message may be about, found here and sent with it, in codes: the text itself stays a stranger to slots.

    `flags` and `kind` are the warning signs and the kind of offer that its words suggest; `about` is the key of the
    text whose question it answers; `report` what was told so far (core/questions.py), without places and organisations.
    """

    flags: tuple[str, ...] = ()
    kind: str = ""
    about: str = ""
    report: tuple[str, ...] = ()


class Assistant(Protocol):
    """The dialogue engine (Rasa)."""

    async def turn(
        self, message_id: str, message: str, *, kind: str, locale: str, state: Mapping[str, Any], hints: Hints = ...
    ) -> AssistantTurn:
        """Work one message ("text" or "payload"). Raises AssistantDown or TurnFailed."""

    async def ranking(self, text: str) -> tuple[tuple[str, float], ...]:
        """What the model alone takes a text for, likeliest first. Raises AssistantDown or TurnFailed."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """An outbound message in the order of its conversation, decrypted, about to be sent.

    `in_doubt`: a worker died while sending it, so it may have left. `just_written`: its row already says "sending".
    `about` is what its case's person agreed to, who need not be the one who writes from there now.
    """

    id: int
    key: str
    kind: str
    speaker: str
    text: str = field(repr=False)
    options: tuple[tuple[str, str], ...] = field(repr=False)
    list_button: str
    segments: int
    attempts: int
    next_at: datetime | None
    created_at: datetime
    in_doubt: bool = False
    just_written: bool = False
    case_id: uuid.UUID | None = None
    about: Contact | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A conversation that this worker alone may work on, until the lease ends or its fence is passed.

    `now` is the database's clock, the one clock of a turn. `handle` is the store's own.
    """

    conversation: Conversation
    now: datetime
    fence: int
    due_count: int
    address: str = field(repr=False)
    received: Received | None
    more: bool
    unsent: tuple[Unsent, ...]
    handle: Any = field(repr=False)


class LeaseLost(Exception):
    """Another worker has the conversation, or a human took it over meanwhile: nothing of this turn was written."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one outbound message in this lease.

    `key` and `called` (of `time.monotonic`, when the provider was called) say which question was shown, and when.
    """

    id: int
    state: str
    provider_id: str = field(default="", repr=False)
    code: str = ""
    next_at: datetime | None = None
    maybe_sent: bool = False
    opted_out: bool = False
    segments: int = 0
    key: str = ""
    called: float = 0.0


class Door(Protocol):
    """Where webhooks and catch-up polls put what they bring."""

    async def receive(self, events: Sequence[Event]) -> int:
        """Store all events; returns how many messages were new. A duplicate changes nothing."""


class Inbox(Protocol):
    """The lease on conversations (DESIGN §3). Every write of a turn checks the lease's fence."""

    async def lease(self, limit: int) -> Sequence[Lease]:
        """Up to `limit` conversations that are due, each with its oldest unworked message and unsent replies."""

    async def commit_turn(self, lease: Lease, turn: Turn) -> Sequence[Unsent]:
        """Write a turn and mark its message worked, in one transaction. Raises LeaseLost."""

    async def sending(self, lease: Lease, ids: Sequence[int]) -> Sequence[int]:
        """Say, before the provider is called, that these messages may be on their way; those that still may go.

        Raises LeaseLost."""

    async def finish(self, lease: Lease, sent: Sequence[Sent], retry_at: datetime | None) -> None:
        """Write what became of the messages, and give the conversation back until `retry_at`. Raises LeaseLost."""

    async def finish_erasure(self, lease: Lease, *, at_once: bool) -> None:
        """The address of an erased chat goes too, once the answer has left (`at_once`: whether or not it has)."""

    async def knock(self, lease: Lease, drafts: Sequence[Draft], changes: Mapping[str, Any]) -> None:
        """Add a knock, to be sent next, and remember that we knocked. Raises LeaseLost."""

    async def failed(self, lease: Lease, retry_at: datetime) -> None:
        """Count a failed attempt at the message and give the conversation back for a later one. Raises LeaseLost."""

    async def heartbeat(self, leases: Sequence[Lease]) -> None:
        """Prolong the leases that are still ours."""


class Outbox(Protocol):
    """Messages that do not answer a message being worked on: the desk's."""

    async def conversation(self, connection: Any, conversation_id: uuid.UUID) -> Conversation:
        """The conversation as it stands."""

    async def enqueue(
        self, connection: Any, conversation: Conversation, drafts: Sequence[Draft], changes: Mapping[str, Any]
    ) -> list[int]:
        """Add messages in the caller's transaction and make the conversation due; returns their ids."""
