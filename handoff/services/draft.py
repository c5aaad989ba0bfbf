"""A report that is not sent yet: codes beside the dialogue, in the state of the conversation (`state["report"]`).

It lives longer than a dialogue, so that somebody can go on days later; what is decided afresh (is it safe to write?)
lives only minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handoff.core.questions import report_of, told
from handoff.core.report import Report
from handoff.core.triage import Routed
from handoff.services.turn import DRAFT, Work

# An answer to "can you write safely?" (SAFETY §3).
GATE_LIVES = timedelta(minutes=30)


@dataclass(slots=True)
class Draft:
    """What was answered so far. `after` says what the gate leads to; `routed` whose it would be, once that is known.

    `args` are the arguments of the consent that was shown, to show the same again.
    """

    said: tuple[str, ...] = ()
    shared: str = ""
    gate_at: datetime | None = None
    after: str = ""
    routed: Routed | None = None
    args: Mapping[str, str] = field(default_factory=dict)

    @property
    def report(self) -> Report:
        """The answers as triage, routing and the desk read them."""
        return report_of(self.said, shared_phone=self.shared)

    @property
    def told(self) -> int:
        """How many answers somebody would see."""
        return told(self.said)

    def safe(self, now: datetime) -> bool:
        """Whether the person has just said that they can write safely."""
        return self.gate_at is not None and now - self.gate_at <= GATE_LIVES


def held(work: Work, lives: timedelta = timedelta(days=30)) -> Draft:
    """What was told so far; an empty draft when there is none, or when it is too old."""
    state = work.turn.changes.get("state", work.conversation.state)
    raw = state.get(DRAFT) if state else None
    if not raw or work.now - datetime.fromisoformat(raw["at"]) > lives:
        return Draft()
    gate_at, routed = raw.get("gate_at"), raw.get("routed")
    return Draft(
        tuple(raw.get("said", ())),
        raw.get("shared", ""),
        datetime.fromisoformat(gate_at) if gate_at else None,
        raw.get("after", ""),
        _routed(routed) if routed else None,
        raw.get("args", {}),
    )


def keep(work: Work, draft: Draft) -> None:
    """Keep it beside the dialogue, which stays as it is."""
    raw: dict[str, Any] = {"at": work.now.isoformat(), "said": list(draft.said), "shared": draft.shared}
    raw |= {"after": draft.after, "args": dict(draft.args)}
    if draft.gate_at:
        raw["gate_at"] = draft.gate_at.isoformat()
    if draft.routed:
        raw["routed"] = asdict(draft.routed)
    changed = work.turn.changes.get("state")
    state = work.conversation.state if changed is None else changed
    kept = {"carried": {}, "at": work.now.isoformat(), **state}
    work.change(state={**kept, DRAFT: raw})


def drop(work: Work) -> None:
    """Forget what was told."""
    state = work.turn.changes.get("state", work.conversation.state)
    work.change(state={name: value for name, value in (state or {}).items() if name != DRAFT})


def _routed(raw: Mapping[str, Any]) -> Routed:
    return Routed(**{**raw, "excluded": tuple(raw["excluded"])})
