"""A person, with consent (C1): the prompt, what follows from the answer, and nothing without the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

if TYPE_CHECKING:
    from handoff.assistant.actions import Facts

STAFFED = "consent.contact"
UNSTAFFED = "consent.contact.unstaffed"
KEY_SLOT = "consent_key"
AGAIN_SLOT = "consent_asked_again"
CALL = "consent.call"


def ask(dispatcher: CollectingDispatcher, facts: Facts, *, again: bool) -> list[dict[str, Any]]:
    """Ask for consent with the text that is true about staffing now, and remember which text it was."""
    key = STAFFED if facts.staffed_now() else UNSTAFFED
    dispatcher.utter_message(json_message={"say": key, "asks": "consent"})
    return [SlotSet(KEY_SLOT, key), SlotSet(AGAIN_SLOT, again)]


def forget() -> list[dict[str, Any]]:
    """The question is closed: no later answer can belong to it."""
    return [SlotSet(KEY_SLOT, None), SlotSet(AGAIN_SLOT, None)]


class OfferPerson(Action):
    """Asks whether a person may contact them."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def name(self) -> str:
        """The name in the domain."""
        return "action_offer_person"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Ask."""
        return ask(dispatcher, self._facts, again=False)


class Consent(Action):
    """Opens a case when the answer is to a consent prompt that was just shown, else asks."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def name(self) -> str:
        """The name in the domain."""
        return "action_consent"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Read the option; a yes in words means writing."""
        key = tracker.get_slot(KEY_SLOT)
        if tracker.get_slot("asked") != "consent" or key not in (STAFFED, UNSTAFFED):
            return ask(dispatcher, self._facts, again=False)
        modality = "call" if tracker.get_slot("option") == CALL else "write"
        dispatcher.utter_message(json_message={"do": "open_case", "modality": modality, "consent_key": key})
        return forget()


class ConsentUnclear(Action):
    """An answer that is neither yes nor no is asked once more; after that, the menu."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def name(self) -> str:
        """The name in the domain."""
        return "action_consent_unclear"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Ask again or let go."""
        if not tracker.get_slot(AGAIN_SLOT):
            return ask(dispatcher, self._facts, again=True)
        dispatcher.utter_message(json_message={"say": "menu.main"})
        return forget()


def actions(facts: Facts) -> tuple[Action, ...]:
    """The actions of this capability."""
    return OfferPerson(facts), Consent(facts), ConsentUnclear(facts)
