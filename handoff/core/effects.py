"""What the assistant wants done: Rasa and its actions answer with these, the worker applies them in its transaction.

On the wire an effect is one `custom` object: `{"say": key, "args": {…}, "guesses": […]}` or `{"do": verb, …}`.
No human text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class BadEffect(ValueError):
    """The assistant answered something that is no effect. The turn counts as failed."""


@dataclass(frozen=True, slots=True)
class Say:
    """Send the content of `key`, with its options from content/prompts.yml.

    `guesses` are intents, likeliest first, that a message which was not understood may have meant. `texts` are
    arguments that are texts themselves: each names the keys that stand in its place, one a line.
    """

    key: str
    args: Mapping[str, str] = field(default_factory=dict)
    guesses: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetLocale:
    """The person chose a language: the next texts are in it."""

    locale: str


@dataclass(frozen=True, slots=True)
class OpenCase:
    """The person consented (C1) that someone of the deployment's organisation contacts them.

    `modality` is "write" or "call"; `consent_key` is the key of the text they said yes to; `level` is P0–P3.
    """

    modality: str
    consent_key: str
    level: str = "P3"
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Find:
    """The person looks for help: need and place are looked up in what they wrote."""


@dataclass(frozen=True, slots=True)
class Tell:
    """What the person's words, or their answers so far, suggest for a report: codes of core/questions.py."""

    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """All closed questions of the report are answered: the rest is `handoff`'s to ask."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The person asked for silence (SAFETY §3)."""


type Effect = Say | SetLocale | OpenCase | Find | Tell | Told | Stop

MODALITIES = ("write", "call")
LEVELS = ("P0", "P1", "P2", "P3")
# What a report may hold: no word of a person has this form by accident, and only we make them.
CODE = re.compile(r"[a-z]{1,12}\.[A-Za-z0-9_]{1,24}")


def parse_effect(message: Mapping[str, object]) -> Effect:
    """One effect from its wire form. Raises BadEffect."""
    match message:
        case {"say": str(key)}:
            args = message.get("args") or {}
            if not isinstance(args, Mapping):
                raise BadEffect("args is no object")
            return Say(key, {str(k): str(v) for k, v in args.items()}, _guesses(message), _texts(message))
        case {"do": "set_locale", "locale": str(locale)}:
            return SetLocale(locale)
        case {"do": "open_case", "modality": str(modality), "consent_key": str(key)} if modality in MODALITIES:
            return OpenCase(modality, key)
        case {"do": "find"}:
            return Find()
        case {"do": "report", "said": [*codes]} if all(
            isinstance(code, str) and CODE.fullmatch(code) for code in codes
        ):
            return Tell(tuple(map(str, codes)))
        case {"do": "report_told"}:
            return Told()
        case {"do": "stop"}:
            return Stop()
    raise BadEffect("unknown effect")


def _guesses(message: Mapping[str, object]) -> tuple[str, ...]:
    guesses = message.get("guesses", ())
    if not isinstance(guesses, list | tuple) or not all(isinstance(guess, str) for guess in guesses):
        raise BadEffect("guesses is no list of intents")
    return tuple(guesses)


def _texts(message: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    texts = message.get("texts") or {}
    if not isinstance(texts, Mapping) or not all(isinstance(keys, list | tuple) for keys in texts.values()):
        raise BadEffect("texts is no object of lists")
    return {str(name): tuple(map(str, keys)) for name, keys in texts.items()}


def parse_effects(messages: Sequence[Mapping[str, object]]) -> tuple[Effect, ...]:
    """All effects of a turn, in order. Raises BadEffect if any is unknown or if nothing at all is said or done."""
    effects = tuple(parse_effect(message) for message in messages)
    if not effects:
        raise BadEffect("nothing to say")
    return effects
