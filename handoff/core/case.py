"""A case as the desk sees it: codes, clocks and a masked person. No address, no name of a person, ever."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from handoff.core.contact import Contact
from handoff.core.report import Report

OPEN_STATES = ("waiting", "claimed")
# Owners (content/pathways/routing.yml) whose cases are for their focal points alone; those of the second only where
# the organisation has such a focal point.
FOCAL_ONLY = ("gbv", "cp", "psea", "male_survivors")
FOCAL_IF_THERE_IS_ONE = ("vot",)
CLOSE_CODES = ("helped", "referred", "no_answer", "wrong_number", "withdrawn", "other")
MAX_REPLY = 1000
# Why a level is changed, what may be shown once, and why: closed lists, so that no free words reach the audit.
LEVEL_REASONS = ("new_facts", "danger_over", "mistake")
REVEALS = ("number", "word")
REVEAL_REASONS = ("call_agreed", "danger", "check_person", "wrong_number", "review")

# When a person of the level is to be answered by a human at the latest (domain rules, triage table).
TARGETS = {
    "P0": timedelta(minutes=15),
    "P1": timedelta(hours=24),
    "P2": timedelta(hours=72),
    "P3": timedelta(days=7),
}
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"


def person_code(person_id: uuid.UUID) -> str:
    """Four characters by which colleagues speak of a person ("Person 7F3K"); derived from a random id alone."""
    rest, code = person_id.int, ""
    for _ in range(4):
        rest, digit = divmod(rest, len(ALPHABET))
        code += ALPHABET[digit]
    return code


@dataclass(frozen=True, slots=True)
class ConsentView:
    """What the person said yes to: which wording, in which language, on which channel, when and until when."""

    text_key: str
    text_version: str
    locale: str
    channel: str
    kind: str
    modality: str
    given_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case. `conversation_id` is None when the person's address is gone (erased)."""

    id: uuid.UUID
    number: str
    person: str
    organisation_id: uuid.UUID
    organisation: str
    state: str
    level: str
    reasons: tuple[str, ...]
    modality: str
    locale: str
    channel: str
    conversation_id: uuid.UUID | None
    contact: Contact
    claimed_by: uuid.UUID | None
    claimer: str
    claimed_until: datetime | None
    claim_fence: int
    carrier_blocked: bool
    stopped: bool
    alarm_at: datetime | None
    close_code: str | None
    created_at: datetime
    closed_at: datetime | None
    consent: ConsentView
    answer_by: datetime | None = None
    report: Report = field(default_factory=Report)
    owner: str = ""
    sop_version: str = ""
    joint: str = ""
    excluded: tuple[str, ...] = ()
    lacks_focal_point: bool = False
    against: tuple[str, ...] = ()
    has_word: bool = False
    answered: bool = False
    escalations: int = 0

    @property
    def due_at(self) -> datetime:
        """When a human is to have answered at the latest."""
        return self.answer_by or self.created_at + TARGETS[self.level]

    def overdue(self, now: datetime) -> bool:
        """Nobody has answered, and the time is over."""
        return self.open and not self.answered and self.due_at < now

    def half_gone(self, now: datetime) -> bool:
        """Nobody has answered, and half of the time is over."""
        half = self.created_at + (self.due_at - self.created_at) / 2
        return self.open and not self.answered and half < now <= self.due_at

    @property
    def open(self) -> bool:
        """True until somebody closes it or the person takes their consent back."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the chat. `text` is None when it was erased, or when only the fact is kept (automatic messages).

    `send_state` is the delivery state of a message of ours, "" for what the person wrote.
    """

    id: str
    speaker: str
    kind: str
    at: datetime
    text: str | None = field(repr=False)
    author: str = ""
    key: str = ""
    send_state: str = ""
    error_code: str = ""
    possible_duplicate: bool = False
