"""Questions that wait for an answer, and which of them an answer belongs to (SAFETY §3, §8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handoff.core.content import GUESS_OPTION, OPEN_CASE, AnswerWords, PromptOption, PromptSpec, Weight
from handoff.core.digits import read_number
from handoff.core.normalise import CLAUSE, normalise, normalise_label, tokens

__all__ = ["AskAgain", "Chosen", "FreeText", "Gone", "Prompt", "PromptOption", "Resolution", "UnknownOption", "resolve"]

CONTROL_NUMBERS = frozenset({"0", "9", "00", "88", "99"})
# What a person must never be taken to have said by accident: asked again when stale, whatever prompt it stands in.
HEAVY_DEEDS = OPEN_CASE | {"stop", "not_danger", "erase.now"}
ASKED_AGAIN = frozenset({Weight.CONSENT, Weight.STOP, Weight.GATE})
SEPARATOR = ":"
DANGER_MARK = "d"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question as it was asked. Holds no text: it may be stored in the clear.

    `asked_at` is when the provider was called with it, None until then: nobody answers what was not shown to them.
    `texts` are the keys of the texts that stood in it, so that it can be asked again and its answer be told apart.
    """

    id: str
    key: str
    options: tuple[PromptOption, ...]
    weight: Weight
    asked_at: datetime | None = None
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A form for a JSON column."""
        return {
            "id": self.id,
            "key": self.key,
            "options": [{"id": o.id, "send": o.send, "do": o.do, "says": o.says} for o in self.options],
            "weight": str(self.weight),
            "asked_at": self.asked_at.isoformat() if self.asked_at else None,
            "texts": {name: list(keys) for name, keys in self.texts.items()},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Prompt:
        """The way back. Raises KeyError, TypeError, ValueError on what `to_json` has not made."""
        return cls(
            raw["id"],
            raw["key"],
            tuple(PromptOption(**option) for option in raw["options"]),
            Weight(raw["weight"]),
            datetime.fromisoformat(raw["asked_at"]) if raw["asked_at"] else None,
            {name: tuple(keys) for name, keys in raw.get("texts", {}).items()},
        )

    @classmethod
    def ask(
        cls,
        spec: PromptSpec,
        *,
        prompt_id: str,
        asked_at: datetime | None = None,
        texts: Mapping[str, Sequence[str]] | None = None,
    ) -> Prompt:
        """The question of this entry."""
        kept = {name: tuple(keys) for name, keys in (texts or {}).items()}
        return cls(prompt_id, spec.key, spec.options, spec.weight, asked_at, kept)

    @property
    def guesses(self) -> tuple[str, ...]:
        """The intents that it offers as guesses, to ask it again."""
        offered = (option.id for option in self.options)
        return tuple(name.removeprefix(GUESS_OPTION) for name in offered if name.startswith(GUESS_OPTION))

    def asked_by(self, moment: datetime) -> bool:
        """Whether it had been asked at that moment."""
        return self.asked_at is not None and self.asked_at <= moment

    def older_than(self, moment: datetime) -> bool:
        """Whether it was asked before that moment."""
        return self.asked_at is not None and self.asked_at < moment


def prompt_id(number: int, weight: Weight) -> str:
    """Names the conversation's n-th question; a danger card's name says that it is one, for as long as it is tapped."""
    return f"{DANGER_MARK if weight is Weight.DANGER else 'q'}{number}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The person chose this option; `index` is its digit."""

    prompt: Prompt
    option: PromptOption
    index: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """It belongs to a question that is too old for it to count: say `stale.answer` and ask that question anew."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class UnknownOption:
    """A number that this question has no option for: say `prompt.unknown_option` and ask it again."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Gone:
    """A tap on a question that is no longer known: say `stale.answer` and show the menu.

    `danger`: that question was a danger card. Then it is shown again, whatever was tapped on the old one.
    """

    danger: bool = False


@dataclass(frozen=True, slots=True)
class FreeText:
    """No answer to a question: for the assistant to understand.

    `stale_consent` is True when the open question is a consent too old to be answered, or not yet shown when this was
    written: then no understanding of this text may count as a yes to it.
    """

    stale_consent: bool = False


type Resolution = Chosen | AskAgain | UnknownOption | Gone | FreeText
type Labels = Callable[[str], Sequence[str]]


def resolve(
    *,
    text: str = "",
    token: str = "",
    prompts: Sequence[Prompt],
    received_at: datetime,
    now: datetime,
    answer_after: timedelta,
    words: AnswerWords,
    labels: Labels,
) -> Resolution:
    """What a message or a tap answers.

    `prompts` are the open ones, newest first. `received_at` is when we took the message in (a provider's own time
    has whole seconds and would misplace quick answers); `now` when it is worked. `labels` gives an option id's labels
    in every offered language. Typed answers belong to the newest prompt asked before they came; a tap names its own.
    """
    if token:
        return _resolve_tap(token, prompts, now - answer_after)
    asked = next((prompt for prompt in prompts if prompt.asked_by(received_at)), None)
    unread_consent = bool(prompts) and prompts[0] is not asked and prompts[0].weight is Weight.CONSENT
    if asked is None:
        return FreeText(unread_consent)
    stale = asked is not prompts[0] or asked.older_than(now - answer_after)
    answer = _resolve_typed(text, asked, stale=stale, words=words, labels=labels)
    return FreeText(True) if unread_consent and isinstance(answer, FreeText) else answer


def _resolve_typed(text: str, asked: Prompt, *, stale: bool, words: AnswerWords, labels: Labels) -> Resolution:
    number = _number(text, words)
    if number in CONTROL_NUMBERS:
        return FreeText(stale and asked.weight is Weight.CONSENT)
    if number is not None:
        return _resolve_number(number, asked, stale)
    return _resolve_words(text, asked, stale=stale, words=words, labels=labels)


def _resolve_tap(token: str, prompts: Sequence[Prompt], oldest: datetime) -> Resolution:
    name, _, index = token.rpartition(SEPARATOR)
    prompt = next((prompt for prompt in prompts if prompt.id == name), None)
    if prompt is None or not index.isascii() or not index.isdecimal():
        return Gone(danger=name.startswith(DANGER_MARK))
    stale = prompt is not prompts[0] or prompt.older_than(oldest)
    return _choose(prompt, int(index), stale) or Gone()


def _resolve_number(number: str, asked: Prompt, stale: bool) -> Resolution:
    if not asked.options or len(number) > 2:
        return FreeText(stale and asked.weight is Weight.CONSENT)
    return _choose(asked, int(number), stale) or UnknownOption(asked)


def _resolve_words(text: str, asked: Prompt, *, stale: bool, words: AnswerWords, labels: Labels) -> Resolution:
    said = normalise(text)
    bare = _unpadded(text, words.padding)
    for index, option in enumerate(asked.options, start=1):
        forms = {normalise_label(label) for label in labels(option.id)}
        if said in forms or (bare and bare in forms):
            return _choose(asked, index, stale) or FreeText()
    meaning = _meaning({said, bare}, words)
    for index, option in enumerate(asked.options, start=1):
        if meaning and option.says == meaning:
            return _choose(asked, index, stale) or FreeText()
    return FreeText(stale and asked.weight is Weight.CONSENT)


def _choose(prompt: Prompt, index: int, stale: bool) -> Resolution | None:
    if not 1 <= index <= len(prompt.options):
        return None
    option = prompt.options[index - 1]
    if stale and option.do != "danger" and (prompt.weight in ASKED_AGAIN or option.do in HEAVY_DEEDS):
        return AskAgain(prompt)
    return Chosen(prompt, option, index)


def _number(text: str, words: AnswerWords) -> str | None:
    digits = read_number(text)
    if digits is not None:
        return digits
    bare = _unpadded(text, words.padding)
    if bare in words.numbers:
        return str(words.numbers[bare])
    return bare if bare.isascii() and bare.isdecimal() else None


def _meaning(forms: set[str], words: AnswerWords) -> str:
    if forms & words.affirm:
        return "affirm"
    return "deny" if forms & words.deny else ""


def _unpadded(text: str, padding: frozenset[str]) -> str:
    """The message without polite words at its ends ("yes please" → "yes"), never without all of them."""
    said = [token for token in tokens(text) if token != CLAUSE]
    while len(said) > 1 and said[-1] in padding:
        said.pop()
    while len(said) > 1 and said[0] in padding:
        said.pop(0)
    return " ".join(said)
