"""Somebody who tells what happens, over the real decisions: an assistant as the trained one answers, a small directory,
and a conversation that is carried from message to message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from handoff.core.conversation import Conversation, NewCase, Turn
from handoff.core.directory import NoDirectory, Organization
from handoff.core.effects import OpenCase, Say, Tell, Told
from handoff.core.places import Gazetteer, Place
from handoff.core.ports import AssistantFailed, AssistantTurn, Hints
from handoff.core.prompts import Prompt
from handoff.core.questions import SUGGESTED, next_question
from handoff.services.report import TellSafely
from handoff.services.respond import Respond
from tests.services.scene import NOW, a_conversation, a_respond, after, keys, wrote

OPERATOR, NETWORK = "demo-aid", "psea-network"
DESKS = {OPERATOR: "Demo Aid (fictional)", NETWORK: "Safe Line (fictional)"}
ORGANIZATIONS = (
    Organization("org-demo-aid", "Demo Aid (fictional)", OPERATOR),
    Organization("org-lamp", "Blue Lamp Health (fictional)"),
)
PLACES = Gazetteer.of(
    [
        Place("XT", 0, names={"en": "Tamaria"}),
        *(Place(f"XT0{n}", 1, "XT", {"en": name}) for n, name in enumerate(("Kelvary", "Osmere", "Brinnas"), 1)),
        Place("XT0101", 2, "XT01", {"en": "Velmora"}),
    ]
)
ENTRIES = {
    "report_exploitation": "report.self",
    "report_for_other": "report.other",
    "report_aid_worker": "report.aid_worker",
    "report_ransom": "report.ransom",
    "sexual_violence": "report.sexual",
    "forced_marriage": "report.marriage",
    "child_alone": "report.child",
}


@dataclass
class Trained:
    """Answers as the trained assistant does; what is typed is understood as `intent`. `down`: there is none."""

    intent: str = "report_exploitation"
    down: bool = False

    async def turn(
        self, message_id: str, message: str, *, kind: str, locale: str, state: Mapping[str, Any], hints: Hints
    ) -> AssistantTurn:
        if self.down:
            raise AssistantFailed("unreachable")
        if kind == "payload" and "report.next" in message:
            question = next_question(hints.report)
            return AssistantTurn((Say(question) if question else Told(),), {"v": 1}, "choose")
        if kind == "payload" and "consent.write" in message:
            return AssistantTurn((OpenCase("write", "consent.contact"),), {"v": 1}, "choose")
        if kind == "payload":
            return AssistantTurn((Say("consent.contact"),), {"v": 1}, "talk_to_human")
        if self.intent in ENTRIES:
            said = SUGGESTED[self.intent]
            effects = (*((Tell(said),) if said else ()), Say(ENTRIES[self.intent]))
            return AssistantTurn(effects, {"v": 1}, self.intent)
        return AssistantTurn((Say("greet.hello"),), {"v": 1}, self.intent)

    async def ranking(self, text: str) -> Sequence[tuple[str, float]]:
        return ((self.intent, 1.0),)


@dataclass(frozen=True)
class SmallDirectory(NoDirectory):
    """Three regions, two organisations, and these desks."""

    have: Mapping[str, str] = field(default_factory=lambda: DESKS)

    async def gazetteer(self) -> Gazetteer:
        return PLACES

    async def organizations(self) -> Sequence[Organization]:
        return ORGANIZATIONS

    async def desks(self) -> Mapping[str, str]:
        return self.have


@dataclass
class Teller:
    """One phone. Answers are given by the id of the option, as it is in content/prompts.yml."""

    respond: Respond
    conversation: Conversation
    now: datetime = NOW
    turns: list[Turn] = field(default_factory=list)

    @property
    def prompt(self) -> Prompt:
        """The question that waits."""
        return self.conversation.prompts[0]

    @property
    def said(self) -> list[str]:
        """The keys of the last answer."""
        return keys(self.turns[-1])

    @property
    def words(self) -> str:
        """The words of the last answer."""
        return "\n".join(draft.rendered.text for draft in self.turns[-1].drafts)

    @property
    def case(self) -> NewCase | None:
        """The case, once there is one."""
        return next((turn.new_case for turn in self.turns if turn.new_case), None)

    async def write(self, text: str) -> list[str]:
        """Type something."""
        turn = await self.respond.turn(self.conversation, wrote(text, received_at=self.now), self.now)
        self.turns.append(turn)
        self.conversation = after(self.conversation, turn)
        shown = tuple(
            replace(prompt, asked_at=self.now if prompt.asked_at == NOW else prompt.asked_at)
            for prompt in self.conversation.prompts
        )
        self.conversation = replace(self.conversation, prompts=shown)
        return self.said

    async def choose(self, *ids: str) -> list[str]:
        """Answer by digits, one question after the other."""
        for option_id in ids:
            offered = [option.id for option in self.prompt.options]
            assert option_id in offered, f"{self.prompt.key} offers {offered}"
            await self.write(str(offered.index(option_id) + 1))
        return self.said

    def later(self, **how_long: float) -> None:
        """Time goes by."""
        self.now += timedelta(**how_long)


def a_teller(
    intent: str = "report_exploitation", *, desks: Mapping[str, str] = DESKS, down: bool = False, **values: Any
) -> Teller:
    """Somebody on a feature phone, who will be understood as that."""
    telling = TellSafely(SmallDirectory(have=desks), operator=OPERATOR)
    given: dict[str, Any] = {"report": telling, "assistant": Trained(intent, down)}
    return Teller(a_respond(**(given | values)), a_conversation())
