"""What a message is taken for end to end: by the control and danger words if they decide, else by the assistant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handoff.core.control import Certainty, ControlWords, Meaning

# Where a network would matter: words that only carriers act on are none here.
NETWORK = "whatsapp"
SURE, MAYBE = 1.0, 0.5
INTENTS: Mapping[Meaning, str] = {
    Meaning.DANGER: "in_danger",
    Meaning.HELP: "in_danger",
    Meaning.SELF_HARM: "self_harm",
    Meaning.STOP: "stop",
    Meaning.START: "start",
    Meaning.PERSON: "talk_to_human",
    Meaning.MENU: "show_menu",
    Meaning.BACK: "show_menu",
    Meaning.LEAVE: "not_safe_now",
    Meaning.LANGUAGE: "change_language",
    Meaning.DATA: "show_my_data",
    Meaning.ERASE: "erase_data",
}


@dataclass(frozen=True, slots=True)
class Understood:
    """An intent and how sure it is, 0 to 1. Of words: 1 is acted on, 0.5 is the card that asks first."""

    intent: str
    confidence: float


def by_words(control: ControlWords, text: str, locale: str) -> Understood | None:
    """The intent that our own words decide on before anything else; None leaves it to the assistant."""
    found = control.match(text, locale, NETWORK)
    if found is None:
        return None
    return Understood(INTENTS[found.meaning], SURE if found.certainty is Certainty.SURE else MAYBE)
