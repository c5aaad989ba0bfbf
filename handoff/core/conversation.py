"""A conversation as one turn sees it, and what a turn changes. No I/O: the store fills one and applies the other."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from handoff.core.contact import Contact
from handoff.core.directory import ServiceReport
from handoff.core.message import Kind
from handoff.core.presence import Known
from handoff.core.prompts import Prompt
from handoff.core.render import Rendered
from handoff.core.report import Report

KEPT_PROMPTS = 3


class Owner(StrEnum):
    """Who speaks now. The single owner of that fact: assistant and human never both converse (DESIGN §5.4)."""

    ASSISTANT = "assistant"
    WAITING = "waiting"
    CASEWORKER = "caseworker"
    CLOSED = "closed"


class Speaker(StrEnum):
    """Who says a message (SAFETY §2). System messages are allowed in every state and are marked automatic."""

    ASSISTANT = "assistant"
    HUMAN = "human"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One address on one of our accounts, as it stood when it was leased (or read).

    `closing_untold`: the case was closed when we might not write, so the person does not know it yet. `erasure_id`: all
    was erased, and only the answer to that is still to be sent.
    `person_seen_at`: when whoever writes was last taken to be the one who is known here; `held`: words that wait until
    it is clear whose they are; `known`: who has a case here, newest first (SAFETY §1).
    """

    id: uuid.UUID
    channel: str
    account: str
    network: str
    owner: Owner
    locale: str | None
    contact: Contact
    person_id: uuid.UUID | None = None
    case_id: uuid.UUID | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    prompts: tuple[Prompt, ...] = ()
    prompt_count: int = 0
    waiting_ack_at: datetime | None = None
    off_notice_at: datetime | None = None
    minute_start: datetime | None = None
    minute_count: int = 0
    day_start: datetime | None = None
    day_count: int = 0
    locale_chosen: bool = False
    closing_untold: bool = False
    erasure_id: uuid.UUID | None = None
    person_seen_at: datetime | None = None
    held: str = field(default="", repr=False)
    held_at: datetime | None = None
    word_due_at: datetime | None = None
    known: tuple[Known, ...] = ()

    @property
    def with_people(self) -> bool:
        """True while what the person writes is for humans."""
        return self.owner in {Owner.WAITING, Owner.CASEWORKER}


@dataclass(frozen=True, slots=True)
class Received:
    """The message that a turn works on. Its words are in no repr, so that no log can hold them."""

    id: int
    kind: Kind
    received_at: datetime
    text: str = field(default="", repr=False)
    payload: str = field(default="", repr=False)
    ack_token: str = field(default="", repr=False)
    sent_at: datetime | None = None
    provider_replied: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """One message to send: what is shown, who says it, and which gate it passes."""

    key: str
    rendered: Rendered = field(repr=False)
    kind: str
    speaker: str
    case_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case that the person consented to in this turn. `coi_orgs`: organisations that it complains of (SAFETY §7).

    `organisation` is the slug of the organisation that the consent names ("": the operator's), `owner` who is
    responsible (content/pathways/routing.yml), `joint` who is with them for a child, `excluded` the slugs of
    organisations that may not know of it, `due_at` when a human must have answered at the latest. `kind` is consent, or
    assent of a child.
    """

    case_id: uuid.UUID
    consent_id: uuid.UUID
    number: str
    modality: str
    consent_key: str
    consent_version: str
    level: str
    reasons: tuple[str, ...]
    locale: str
    coi_orgs: tuple[str, ...] = ()
    report: Report = field(default_factory=Report)
    organisation: str = ""
    owner: str = ""
    joint: str = ""
    excluded: tuple[str, ...] = ()
    sop_version: str = ""
    due_at: datetime | None = None
    kind: str = "consent"


@dataclass(frozen=True, slots=True)
class Relay:
    """What the person wrote to the humans of their case."""

    kind: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Erase:
    """The person erases this phone (SAFETY §5). `said` is what they gave as their word or return code, if anything."""

    said: str = field(default="", repr=False)


@dataclass(slots=True)
class Turn:
    """What working one message changes. `changes` holds new values of conversation columns; the rest is named.

    `set_aside`: the conversation leaves its case, which stays open; `return_to`: it goes back to this one. `hold`:
    words to keep sealed until it is clear whose they are, "" to forget those that are kept. `word` and `sign` are by
    what the person and we know each other from now on, `code` is their return code (digits and hash), `came_with_code`
    who they are by it.
    """

    outcome: str = "answered"
    intent: str | None = None
    drafts: list[Draft] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    new_case: NewCase | None = None
    relay: Relay | None = None
    case_flags: set[str] = field(default_factory=set)
    reports: list[ServiceReport] = field(default_factory=list)
    stop: bool | None = None
    plan: str | None = None
    release_held: bool = False
    off_notice: bool = False
    erase: Erase | None = None
    take_back: set[str] = field(default_factory=set)
    keep: bool = False
    set_aside: bool = False
    return_to: Known | None = None
    hold: str | None = field(default=None, repr=False)
    wrong_word: uuid.UUID | None = None
    word: str = field(default="", repr=False)
    sign: str = field(default="", repr=False)
    code: tuple[str, str] | None = field(default=None, repr=False)
    came_with_code: uuid.UUID | None = None
    plan_hours: tuple[str, ...] = ()
    unproven_danger: tuple[uuid.UUID, ...] = ()
    dead_code: str | None = None
