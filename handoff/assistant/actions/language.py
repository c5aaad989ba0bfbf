"""The language that a person chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

if TYPE_CHECKING:
    from handoff.assistant.actions import Facts

PREFIX = "language."


class SetLanguage(Action):
    """Sets the chosen language if this deployment offers it, else shows the languages again."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def name(self) -> str:
        """The name in the domain."""
        return "action_set_language"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[dict[str, Any]]:
        """Answer the tapped option."""
        locale = str(tracker.get_slot("option") or "").removeprefix(PREFIX)
        if locale not in self._facts.locales:
            dispatcher.utter_message(json_message={"say": "language.choose", "asks": "language"})
            return []
        dispatcher.utter_message(json_message={"do": "set_locale", "locale": locale})
        dispatcher.utter_message(json_message={"say": "language.set"})
        dispatcher.utter_message(json_message={"say": "menu.main"})
        return []


def actions(facts: Facts) -> tuple[Action, ...]:
    """The actions of this capability."""
    return (SetLanguage(facts),)
