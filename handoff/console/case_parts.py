"""The parts of a case page that change while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fastapi import Request

from handoff.console.live import Parts
from handoff.console.pages import console_of, fragment
from handoff.core.case import CaseView, Line
from handoff.core.contact import gate, kind_of_reply
from handoff.core.staff import Session
from handoff.core.triage import REASON_OF
from handoff.services.matches import Match


@dataclass(frozen=True, slots=True)
class Shown:
    """A case and its chat, as somebody sees it."""

    case: CaseView
    lines: tuple[Line, ...]
    session: Session
    own_note: str = field(default="", repr=False)
    place: str = ""
    matches: Sequence[Match] = ()

    @property
    def mine(self) -> bool:
        """Whether the user who looks holds the case."""
        return self.case.claimed_by == self.session.user.id

    @property
    def last_line(self) -> str:
        """The id of the newest line, "" if there is none."""
        return self.lines[-1].id if self.lines else ""

    @property
    def chat(self) -> tuple[Line, ...]:
        """What was said in the chat; a safety note stands apart."""
        return tuple(line for line in self.lines if line.kind != "note")

    @property
    def note(self) -> str | None:
        """The note that the person left with their consent."""
        return self.own_note or next((line.text for line in self.lines if line.kind == "note"), None)


def parts_of(request: Request, shown: Shown) -> Parts:
    """Parts by id. Ids that begin with "line-" are lines of the chat, in order."""
    values = {"case": shown.case, "session": shown.session, "mine": shown.mine}
    console, case = console_of(request), shown.case
    wording, version = console.desk.voice.wording(
        case.consent.text_key, case.consent.locale, case.consent.channel, case.organisation
    )
    facts = {
        "note": shown.note,
        "place": shown.place,
        "matches": shown.matches,
        "wording": wording,
        "version": version,
        "steps": console.sop.steps,
        "reason_of": REASON_OF,
        "owners": [console.owners.get(owner, owner) for owner in (case.owner, case.joint) if owner],
    }
    fixed = {
        "alarm": fragment(request, "part_case_alarm.html", **values),
        "state": fragment(request, "part_case_state.html", **values),
        "facts": fragment(request, "part_case_facts.html", **values, **facts),
        "contact": fragment(request, "part_case_contact.html", **values, **forecast(request, shown.case)),
    }
    return fixed | {f"line-{line.id}": fragment(request, "part_line.html", line=line) for line in shown.chat}


def forecast(request: Request, case: CaseView) -> dict[str, str]:
    """What would become of a message sent now: the gate's own answer, given before it is written."""
    console = console_of(request)
    limits = console.limits.get(case.channel)
    now = console.clock()
    kind = kind_of_reply(case.contact.last_inbound_at, now)
    contact = replace(case.contact, timezone=console.settings.timezone)
    verdict, code = gate(kind, "human", contact, now=now, window=limits.window if limits else None)
    return {"kind": kind, "verdict": verdict.value, "code": code}
