"""The one place where a key becomes messages: words of a language, options, and what the channel can show.

SMS gets numbered lines within its segments; WhatsApp buttons or a list; Telegram a keyboard.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from handoff.core.channel import Limits
from handoff.core.content import PromptOption, PromptSpec, PromptTable, Speaker
from handoff.core.message import Option
from handoff.core.prompts import SEPARATOR
from handoff.core.sms import Segments, count_segments, spare_letters, split_text

NO_SEGMENTS = 0
LIST_BUTTON = "option.list"
MARK = "system.mark"
DRAFT = "draft"
NUMBER_ONLY = "danger.number_only"
RTL = frozenset({"ar", "fa", "fa_AF", "ps", "ur", "ckb", "he", "rhg"})
_LTR_ISOLATE, _POP_ISOLATE = "\u2066", "\u2069"
# Numbers, hours and Latin words that would be reordered inside right-to-left text.
_LEFT_TO_RIGHT = re.compile(r"[+#A-Za-z0-9][A-Za-z0-9+:.\-–()/' ]*[A-Za-z0-9)]")
_PART_LABEL = len("99/99 ")


class Catalogue(Protocol):
    """The texts, as the renderer needs them."""

    def text(self, key: str, locale: str, variant: str | None = None, /, **args: str) -> str:
        """The text of a key in a language; never empty, never the key."""

    def state(self, key: str, locale: str) -> str:
        """Its review state."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One message, as one channel shows it. `segments` is what it costs on SMS, 0 elsewhere."""

    text: str
    options: tuple[Option, ...] = ()
    list_button: str = ""
    segments: int = NO_SEGMENTS


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the options of one prompt are shown here: as numbered lines, or as buttons (a list if it has a button)."""

    numbered: bool
    options: tuple[Option, ...] = ()
    list_button: str = ""


def render(
    catalogue: Catalogue,
    prompts: PromptTable,
    key: str,
    *,
    args: Mapping[str, str],
    locale: str,
    limits: Limits,
    prompt_id: str,
    guesses: Sequence[str] = (),
    texts: Mapping[str, Sequence[str]] | None = None,
    choices: Sequence[PromptOption] | None = None,
) -> tuple[Rendered, ...]:
    """The messages that say this key; the options are on the last. Option tokens are "<prompt_id>:<digit>".

    `guesses` are the intents that an entry with guesses may offer, best first; `texts` the arguments that are texts
    themselves, by their keys; `choices` its options, where they are not those of the table. On SMS a list loses its
    last lines before it goes over the entry's budget. A key without an entry has no options of its own. Never raises
    for missing arguments: their lines are left out.
    """
    sms = limits.style == "sms"
    variant = "sms" if sms else None
    spec = prompts.guessing(key, guesses) if key in prompts else None
    key, own = (spec.key, spec.options) if spec else (key, ())
    offered = own if choices is None else tuple(choices)
    labels = [catalogue.text(f"option.{option.id}", locale, variant) for option in offered]
    shape = _shape(offered, labels, prompt_id, limits)
    lines = {name: _lines(catalogue, keys, locale, variant) for name, keys in (texts or {}).items()}
    numbered = [f"{index} {label}" for index, label in enumerate(labels, start=1)] if shape.numbered else []

    def say() -> str:
        filled = {**args, **{name: _as_list(spec, name, said) for name, said in lines.items()}}
        return "\n".join([_body(catalogue, prompts, key, args=filled, locale=locale, variant=variant), *numbered])

    text = say()
    if sms:
        letters = prompts.plain_letters.get(locale, {})
        while spec and _cost(_sms(text, limits, letters)) > spec.budget and any(map(_spare, lines.values())):
            max(lines.values(), key=len).pop()
            text = say()
        return _sms(text, limits, letters)
    if shape.list_button:
        shape = _Shape(False, shape.options, catalogue.text(LIST_BUTTON, locale)[: limits.max_button_label])
    return _chat(isolate(text, locale), limits, shape)


def say_staffing(catalogue: Catalogue, *, on_duty: bool, org: str, hours: str, locale: str, limits: Limits) -> str:
    """What is true about people on duty now: the `staffing` argument of the cards."""
    key = "staffing.now" if on_duty else "staffing.later"
    return catalogue.text(key, locale, "sms" if limits.style == "sms" else None, org=org, hours=hours)


def render_plain(text: str, limits: Limits) -> tuple[Rendered, ...]:
    """A caseworker's own words, cut to what the channel takes; on SMS with part numbers, since order can be lost."""
    if limits.style != "sms":
        return tuple(Rendered(piece) for piece in split_text(text, limits.max_text))
    return tuple(Rendered(piece, segments=count_segments(piece).parts) for piece in _sms_pieces(text, limits))


def sendable_key(catalogue: Catalogue, prompts: PromptTable, key: str, *, locale: str, must_be_reviewed: bool) -> str:
    """The key to send instead when this text is not reviewed and must be: a card becomes the number-only card.

    Refusing an unreviewed text never means silence (SAFETY §2). Other texts keep their key; a production deployment
    offers only languages whose safety set is reviewed.
    """
    text_key = prompts[key].text_key if key in prompts else key
    if not must_be_reviewed or key == NUMBER_ONLY or catalogue.state(text_key, locale) != DRAFT:
        return key
    card = key in prompts and prompts[key].speaker is Speaker.SYSTEM and "hotline" in prompts[key].args
    return NUMBER_ONLY if card else key


def isolate(text: str, locale: str) -> str:
    """Numbers and Latin words wrapped in direction isolates, in right-to-left languages. For chat apps only."""
    if locale not in RTL:
        return text
    return _LEFT_TO_RIGHT.sub(lambda found: f"{_LTR_ISOLATE}{found.group()}{_POP_ISOLATE}", text)


def _lines(catalogue: Catalogue, keys: Sequence[str], locale: str, variant: str | None) -> list[str]:
    """The texts of these keys, each once: two signs may ask for the same thing to be done."""
    return list(dict.fromkeys(catalogue.text(key, locale, variant) for key in keys))


def _as_list(spec: PromptSpec | None, name: str, lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) if spec and name in spec.lists else "\n".join(lines)


def _spare(lines: Sequence[str]) -> bool:
    """Whether a list can lose a line and still say something."""
    return len(lines) > 1


def _cost(messages: Sequence[Rendered]) -> int:
    return sum(message.segments for message in messages)


def _body(
    catalogue: Catalogue, prompts: PromptTable, key: str, *, args: Mapping[str, str], locale: str, variant: str | None
) -> str:
    """The words of a key, with the texts that stand for missing arguments and the mark of automatic messages."""
    spec = prompts.get(key)
    wanted = spec.args if spec else ()
    given = dict(args)
    for name, stand_in in prompts.texts_for.items():
        if name in wanted and not given.get(name):
            given[name] = catalogue.text(stand_in, locale, variant)
    text = catalogue.text(spec.text_key if spec else key, locale, variant, **given)
    return catalogue.text(MARK, locale, variant) + text if spec and spec.marked else text


def _shape(choices: tuple[PromptOption, ...], labels: list[str], prompt_id: str, limits: Limits) -> _Shape:
    if not choices:
        return _Shape(numbered=False)
    options = tuple(Option(f"{prompt_id}{SEPARATOR}{index}", label) for index, label in enumerate(labels, start=1))
    longest = max(map(len, labels))
    if len(options) <= limits.max_buttons and longest <= limits.max_button_label:
        return _Shape(False, options)
    if len(options) <= limits.max_rows and longest <= limits.max_row_label:
        return _Shape(False, options, LIST_BUTTON)
    return _Shape(numbered=True)


def _chat(text: str, limits: Limits, shape: _Shape) -> tuple[Rendered, ...]:
    *before, last = split_text(text, limits.max_text)
    return (*(Rendered(piece) for piece in before), Rendered(last, shape.options, shape.list_button))


def _sms(text: str, limits: Limits, plain_letters: Mapping[str, str]) -> tuple[Rendered, ...]:
    spare = _spared(text, tuple(plain_letters.items()))
    if len(spare) <= limits.max_text:
        return (Rendered(spare, segments=_counted(spare).parts),)
    return tuple(Rendered(piece, segments=_counted(piece).parts) for piece in _sms_pieces(spare, limits))


def _sms_pieces(text: str, limits: Limits) -> tuple[str, ...]:
    if len(text) <= limits.max_text:
        return (text,) if text.strip() else ()
    pieces = split_text(text, limits.max_text - _PART_LABEL)
    return tuple(f"{number}/{len(pieces)} {piece}" for number, piece in enumerate(pieces, start=1))


@lru_cache(maxsize=1024)
def _spared(text: str, letters: tuple[tuple[str, str], ...]) -> str:
    """Remembered: our own texts repeat. Never called with a person's words."""
    return spare_letters(text, dict(letters))


@lru_cache(maxsize=1024)
def _counted(text: str) -> Segments:
    """Remembered: our own texts repeat. Never called with a person's words."""
    return count_segments(text)
