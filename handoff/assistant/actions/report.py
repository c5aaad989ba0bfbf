"""Telling what happens: what the first words are answered with, and which closed question comes next.

What was told so far comes as codes with the message (`hints.report`) and is kept by `handoff`: so it outlives a
dialogue, and a late answer or a step back is never taken for another question. No slot holds any of it.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from handoff.assistant.actions.offer import Events, hints_of, intent_of
from handoff.assistant.actions.talk_to_human import AGAIN_SLOT, KEY_SLOT, STAFFED
from handoff.core.questions import SUGGESTED, next_question
from handoff.core.sop import Sop

ANSWERS = {
    "report_exploitation": "report.self",
    "report_for_other": "report.other",
    "report_aid_worker": "report.aid_worker",
    "report_ransom": "report.ransom",
    "sexual_violence": "report.sexual",
    "forced_marriage": "report.marriage",
    "child_alone": "report.child",
}


class Start(Action):
    """Hears it without a story: what the words suggest is kept as codes, and one may tell more, or not."""

    def name(self) -> str:
        """The name in the domain."""
        return "action_report_start"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Answer kindly."""
        intent = intent_of(tracker)
        said = SUGGESTED.get(intent)
        if said:
            dispatcher.utter_message(json_message={"do": "report", "said": list(said)})
        dispatcher.utter_message(json_message={"say": ANSWERS.get(intent, "report.self"), "asks": "person"})
        return []


class Next(Action):
    """The next closed question; after the last, the rest is asked by `handoff`, ending with the consent."""

    def __init__(self, sop: Sop) -> None:
        self._sop = sop

    def name(self) -> str:
        """The name in the domain."""
        return "action_report_next"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Ask it."""
        said = [str(code) for code in hints_of(tracker).get("report") or ()]
        question = next_question(said, medical=self._sop.medical)
        if question:
            dispatcher.utter_message(json_message={"say": question, "asks": "report"})
            return []
        dispatcher.utter_message(json_message={"do": "report_told", "asks": "consent"})
        return [SlotSet(KEY_SLOT, STAFFED), SlotSet(AGAIN_SLOT, False)]


def actions(sop: Sop) -> tuple[Action, ...]:
    """The actions of this capability."""
    return Start(), Next(sop)
