"""The offer check: what their words suggest is confirmed first, then the most telling questions, then the answer.

Which sign an answer belongs to is told by the prompt that was answered (`hints.about`), so that a late "1" or a step
back is never taken for another question. Only codes are kept, and only for as long as the check lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from handoff.core.offers import Answer, Level, Offers, Verdict

KIND = "offer_kind"
# Rasa keeps the values of a slot in small letters.
LAST = "offer_flag"
SIGN = "flag_"
SUGGESTED = "suggested"
OTHER = "other"
OPTIONS = {f"answer.{answer}": answer for answer in Answer}
INTENTS = {"affirm": Answer.YES, "deny": Answer.NO, "unsure": Answer.UNSURE}
AID_WORKER = "aid_worker"

type Events = list[dict[str, Any]]


class _Check:
    """One check as the slots hold it, and what changes in this turn. `afresh`: nothing of an earlier one counts."""

    def __init__(self, offers: Offers, tracker: Tracker, *, afresh: bool = False) -> None:
        self.offers = offers
        self._tracker = tracker
        held = {} if afresh else {flag: tracker.get_slot(SIGN + flag) for flag in offers.flags}
        self.answers = {flag: Answer(value) for flag, value in held.items() if value in set(Answer)}
        self.suggested = {flag for flag, value in held.items() if value == SUGGESTED}
        self.kind: str | None = None if afresh else tracker.get_slot(KIND)

    def suggest(self, flags: Iterable[str]) -> None:
        """Signs that their words may be about, to be confirmed."""
        self.suggested |= {flag for flag in flags if flag in self.offers.flags and flag not in self.answers}

    def answer(self, flag: str, answer: Answer | None) -> None:
        """What was said of a sign."""
        if flag in self.offers.flags and answer:
            self.answers[flag] = answer
            self.suggested.discard(flag)

    def go_on(self, dispatcher: CollectingDispatcher) -> Events:
        """Ask what comes next, or say what it adds up to. Returns the slots."""
        flag = self.offers.next_question(self.kind or OTHER, self.answers, self.suggested)
        if flag is None:
            say_verdict(dispatcher, self.offers.verdict(self.kind or OTHER, self.answers))
            return self._changed({}, None, None)
        key = "offer.confirm" if flag in self.suggested else "offer.ask"
        question = {"question": [f"flag.{flag}.ask"]}
        dispatcher.utter_message(json_message={"say": key, "texts": question, "asks": "offer"})
        return self.slots(flag)

    def slots(self, last: str | None) -> Events:
        """All slots as they now are."""
        signs = {flag: str(answer) for flag, answer in self.answers.items()}
        return self._changed(
            signs | dict.fromkeys(self.suggested, SUGGESTED), self.kind, last.lower() if last else None
        )

    def _changed(self, signs: Mapping[str, str], kind: str | None, last: str | None) -> Events:
        wanted = {SIGN + flag: signs.get(flag) for flag in self.offers.flags} | {KIND: kind, LAST: last}
        return [SlotSet(name, value) for name, value in wanted.items() if value != self._tracker.get_slot(name)]


class _OfferAction(Action):
    """What the three actions share: the signs."""

    action_name = ""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    def name(self) -> str:
        """The name in the domain."""
        return self.action_name


class Start(_OfferAction):
    """An offer is told of: confirm what the words suggest, else ask what kind of offer it is.

    In the middle of a check it is one more thing about the same offer.
    """

    action_name = "action_offer_start"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Begin, or go on with what was added."""
        hints = hints_of(tracker)
        under_way = tracker.get_slot("asked") == "offer"
        check = _Check(self._offers, tracker, afresh=not under_way)
        check.suggest(hints.get("flags") or ())
        kind = hints.get("kind")
        check.kind = check.kind or (kind if kind in self._offers.kinds else None)
        if not under_way and check.kind is None and not check.suggested:
            dispatcher.utter_message(json_message={"say": "offer.start", "asks": "offer_kind"})
            return check.slots(None)
        return check.go_on(dispatcher)


class Kind(_OfferAction):
    """The kind was chosen: the questions for it begin."""

    action_name = "action_offer_kind"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Set it and ask."""
        check = _Check(self._offers, tracker)
        check.kind = str(tracker.get_slot("option") or "").removeprefix("offer.")
        return check.go_on(dispatcher)


class AnswerSign(_OfferAction):
    """Yes, no or not sure, by option or in words."""

    action_name = "action_offer_answer"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> Events:
        """Note it and go on."""
        check = _Check(self._offers, tracker)
        about = str(hints_of(tracker).get("about") or "").removeprefix("flag.").removesuffix(".ask")
        said = OPTIONS.get(str(tracker.get_slot("option"))) or INTENTS.get(intent_of(tracker))
        check.answer(about or str(tracker.get_slot(LAST) or "").upper(), said)
        return check.go_on(dispatcher)


def say_verdict(dispatcher: CollectingDispatcher, verdict: Verdict) -> None:
    """The level with its reasons, what to do, what is unknown, and good habits; a person where it is grave."""
    reasons = {"reasons": [f"flag.{flag}.why" for flag in verdict.reasons]}
    dispatcher.utter_message(json_message={"say": f"offer.result.{_result(verdict)}", "texts": reasons})
    if AID_WORKER in verdict.paths:
        dispatcher.utter_message(json_message={"say": "offer.aid_path"})
    if verdict.reasons:
        todo = {"actions": [f"flag.{flag}.do" for flag in verdict.reasons]}
        dispatcher.utter_message(json_message={"say": "offer.todo", "texts": todo})
    if verdict.unknown:
        unknown = {"unknown": [f"flag.{flag}.ask" for flag in verdict.unknown]}
        dispatcher.utter_message(json_message={"say": "offer.unknown", "texts": unknown})
    dispatcher.utter_message(json_message={"say": "offer.habits.told" if verdict.critical else "offer.habits"})
    if verdict.critical:
        dispatcher.utter_message(json_message={"say": "offer.person", "asks": "person"})


def _result(verdict: Verdict) -> str:
    if verdict.level is Level.NONE:
        return "weak" if verdict.weak else "none"
    return "now" if verdict.now else str(verdict.level)


def intent_of(tracker: Tracker) -> str:
    """What the message was understood as."""
    return str(((tracker.latest_message or {}).get("intent") or {}).get("name") or "")


def hints_of(tracker: Tracker) -> Mapping[str, Any]:
    """The codes that `handoff` sent with the message: `flags`, `kind`, and `about`, the text that was answered."""
    hints = ((tracker.latest_message or {}).get("metadata") or {}).get("hints") or {}
    return hints if isinstance(hints, Mapping) else {}


def actions(offers: Offers) -> tuple[Action, ...]:
    """The actions of this capability."""
    return Start(offers), Kind(offers), AnswerSign(offers)
