"""What a message is taken for end to end: by the control and danger words if they decide, else by the assistant.

Words of danger always bring their card. What the message is about besides, the model may say (`told_apart`): a ransom,
or violence that is not happening now, is understood as that, and the card goes out all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from handoff.core.control import Certainty, ControlWords, Meaning

# Where a network would matter: words that only carriers act on are none here.
NETWORK = "whatsapp"
SURE, MAYBE = 1.0, 0.5
# What words of danger are often part of, and how likely the model must find it.
TOPICS = frozenset(
    {"report_ransom", "sexual_violence", "child_alone", "forced_marriage", "report_aid_worker", "self_harm"}
)
LEAST = 0.5
CARDS = frozenset({Meaning.DANGER, Meaning.HELP, Meaning.SELF_HARM})
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
    """An intent and how sure it is, 0 to 1. Of words: 1 is acted on, 0.5 is the card that asks first.

    `card` is the intent whose card goes out at once, whatever else the message is about; "" when none does.
    """

    intent: str
    confidence: float
    card: str = ""


def by_words(control: ControlWords, text: str, locale: str) -> Understood | None:
    """The intent that our own words decide on before anything else; None leaves it to the assistant."""
    found = control.match(text, locale, NETWORK)
    if found is None:
        return None
    intent = INTENTS[found.meaning]
    sure = SURE if found.certainty is Certainty.SURE else MAYBE
    return Understood(intent, sure, intent if found.meaning in CARDS else "")


def topic_of(ranking: Sequence[tuple[str, float]]) -> str:
    """What the model hears in a message with words of danger, if it is one of the topics; else ""."""
    name, chance = ranking[0]
    return name if name in TOPICS and chance >= LEAST else ""


def told_apart(found: Understood, ranking: Sequence[tuple[str, float]]) -> Understood:
    """What our words found, named by its topic where the model hears one. The card stays."""
    topic = topic_of(ranking) if found.card else ""
    return replace(found, intent=topic, confidence=ranking[0][1]) if topic else found
