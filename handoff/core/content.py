"""What can be said and asked: content/prompts.yml as a checked table. The words themselves are in locales/."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from handoff.core.normalise import normalise
from handoff.core.yaml_text import read_yaml

CONTENT_DIR = Path(__file__).resolve().parents[2] / "content"
MAX_OPTIONS = 5
MAX_GUESSES = 2
LANGUAGE_OPTION = "language."
KEEP_LANGUAGE = "keep"
GUESS_OPTION = "guess."


class BadContent(ValueError):
    """A content file breaks its own rules; the sentence says which entry and how."""


class Speaker(StrEnum):
    """Whose voice it is. System messages may be sent in every state (SAFETY §2)."""

    ASSISTANT = "assistant"
    SYSTEM = "system"


class Weight(StrEnum):
    """How a stale answer to it is treated (SAFETY §3)."""

    PLAIN = "plain"
    GATE = "gate"
    CONSENT = "consent"
    DANGER = "danger"
    STOP = "stop"


SENDS = frozenset(
    {
        *("talk_to_human", "change_language", "ask_identity", "ask_privacy", "show_menu", "affirm", "deny", "choose"),
        *("check_offer", "learn_warning_signs", "travel_safely", "ask_rights", "ask_documents"),
        *("find_help", "find_family", "report_exploitation", "report_for_other", "report_aid_worker", "report_ransom"),
        *("sexual_violence", "forced_marriage", "child_alone", "not_safe_now"),
        *("erase_data", "show_my_data", "give_feedback"),
    }
)
OPEN_CASE = frozenset({"open_case.write", "open_case.call"})
DOES = OPEN_CASE | {
    *("menu", "person", "language", "stop", "start", "leave", "go_on"),
    *("take_back.ask", "take_back.contact", "take_back.share", "take_back.numbers", "take_back.alerts"),
    *("erase.ask", "erase.word", "erase.now", "keep.yes"),
    *("danger", "not_danger", "self_harm"),
    *("plan.self", "plan.any", "plan.hours", "come_back", "knock.talk", "knock.open", "knock.later"),
    *("word.ours", "word.none", "code.send", "code.none"),
    *("find", "feedback.good", "feedback.bad"),
}
# Deeds that carry what they are about: show.<key> says that entry; find.<step> is a step of looking for help,
# report.<answer> one of telling what happens; plan.times.<name> are hours of core/plan.py.
SHOW = "show."
FIND = "find."
REPORT = "report."
PLAN_TIMES = "plan.times."
DOES_WITH = (SHOW, FIND, REPORT, PLAN_TIMES)
FIELDS = frozenset(
    {
        *("options", "pages", "guesses", "speaker", "weight", "budget", "marked", "without_people"),
        *("text", "args", "lists"),
    }
)


@dataclass(frozen=True, slots=True)
class PromptOption:
    """One answer. Exactly one of `send` (an intent for the assistant) and `do` (ours to do) is set.

    `says` is "affirm" or "deny" when a plain yes or no means this option.
    """

    id: str
    send: str = ""
    do: str = ""
    says: str = ""

    @property
    def payload(self) -> str:
        """What the assistant is sent for it, "" when it is ours to do. Only we make payloads (DESIGN §5)."""
        if self.send == "choose":
            return "/choose" + json.dumps({"option": self.id})
        return f"/{self.send}" if self.send else ""


@dataclass(frozen=True, slots=True)
class Guesses:
    """The intents that a prompt may offer as its first options, each as an option with the id "guess.<intent>".

    Those in `first` go before those in `then`, however unlikely (SAFETY §9). `otherwise` is said when there are none.
    """

    first: tuple[PromptOption, ...]
    then: tuple[PromptOption, ...]
    otherwise: str

    def of(self, intents: Sequence[str]) -> tuple[PromptOption, ...]:
        """The options for the likeliest intents, given best first; at most two."""
        known = {option.id: option for option in (*self.first, *self.then)}
        ranked = [known[GUESS_OPTION + name] for name in intents if GUESS_OPTION + name in known]
        return tuple(sorted(ranked, key=lambda option: option not in self.first)[:MAX_GUESSES])


@dataclass(frozen=True, slots=True)
class PromptSpec:
    """One thing that can be said. `budget` is in SMS segments; `args` are the placeholders its texts may use.

    `text` is the key of its words where that is not `key`. `lists` are the arguments that are lists of other texts,
    one a line. `marked`: a system message says that it is automatic (SAFETY §2); a few are too neutral for it.
    `without_people` is the entry that is said instead where there is no caseworker to lead to.
    """

    key: str
    options: tuple[PromptOption, ...] = ()
    speaker: Speaker = Speaker.ASSISTANT
    weight: Weight = Weight.PLAIN
    budget: int = 2
    args: tuple[str, ...] = ()
    marked: bool = False
    guesses: Guesses | None = None
    text: str = ""
    lists: tuple[str, ...] = ()
    without_people: str = ""

    @property
    def text_key(self) -> str:
        """The catalogue's key of its words."""
        return self.text or self.key

    def offering(self, guessed: Sequence[PromptOption]) -> PromptSpec:
        """The same with these options first, and without its own that would say the same."""
        sent = {option.send for option in guessed if option.send}
        return replace(self, options=(*guessed, *(option for option in self.options if option.send not in sent)))


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """Words of all languages that answer a prompt, in matching form: yes, no, the numbers, and what surrounds them."""

    affirm: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()
    numbers: Mapping[str, int] = field(default_factory=dict)
    padding: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PromptTable:
    """All of content/prompts.yml.

    `plain_letters` are the letters each language may lose on SMS to save a segment. `texts_for` names the text that
    stands for an argument nobody gave: a notice must not fall out of a consent. `specs` are what can be said: an entry
    with more options than there are answers is in it as pages ("learn.signs", "learn.signs.2"), made from `whole`.
    """

    whole: Mapping[str, PromptSpec]
    words: AnswerWords = AnswerWords()
    plain_letters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts_for: Mapping[str, str] = field(default_factory=dict)
    specs: Mapping[str, PromptSpec] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "specs", {page.key: page for spec in self.whole.values() for page in _pages(spec)})

    def __getitem__(self, key: str) -> PromptSpec:
        """The entry of this key. Raises KeyError."""
        return self.specs[key]

    def get(self, key: str) -> PromptSpec | None:
        """The entry of this key, or None when it has none."""
        return self.specs.get(key)

    def __contains__(self, key: object) -> bool:
        return key in self.specs

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def guessing(self, key: str, intents: Sequence[str]) -> PromptSpec:
        """The entry of this key as it is said of a message taken for these intents, best first. Raises KeyError."""
        spec = self.specs[key]
        if spec.guesses is None:
            return spec
        guessed = spec.guesses.of(intents)
        return spec.offering(guessed) if guessed else self.specs[spec.guesses.otherwise]

    def offering(self, locales: Iterable[str]) -> PromptTable:
        """The same table where language choices are only those that this deployment offers."""
        offered = {LANGUAGE_OPTION + locale for locale in (*locales, KEEP_LANGUAGE)}
        return self._keeping(lambda option: not option.id.startswith(LANGUAGE_OPTION) or option.id in offered)

    def without_people(self) -> PromptTable:
        """The same table where nothing leads to a caseworker: for a deployment that only informs."""
        stand_ins = {
            key: replace(self.whole[spec.without_people], key=key, text=self.whole[spec.without_people].text_key)
            for key, spec in self.whole.items()
            if spec.without_people
        }
        table = PromptTable({**self.whole, **stand_ins}, self.words, self.plain_letters, self.texts_for)
        return table._keeping(
            lambda o: o.send != "talk_to_human" and o.do not in {"person", *OPEN_CASE} and not o.do.startswith(REPORT)
        )

    def adding(self, whole: Mapping[str, PromptSpec]) -> PromptTable:
        """The table with these entries too. Raises BadContent when an option shows what does not exist."""
        found = PromptTable({**self.whole, **whole}, self.words, self.plain_letters, self.texts_for)
        for key in found:
            for option in found[key].options:
                if option.do.startswith(SHOW) and option.do.removeprefix(SHOW) not in found:
                    raise BadContent(f"{key}: option {option.id} shows {option.do.removeprefix(SHOW)}: no such entry")
        return found

    def _keeping(self, wanted: Callable[[PromptOption], bool]) -> PromptTable:
        whole = {key: replace(spec, options=tuple(filter(wanted, spec.options))) for key, spec in self.whole.items()}
        return PromptTable(whole, self.words, self.plain_letters, self.texts_for)


def _pages(spec: PromptSpec) -> Iterator[PromptSpec]:
    """An entry as it is asked: four options and "more" a page, where they are more than the answers 1 to 5."""
    if len(spec.options) <= MAX_OPTIONS:
        yield spec
        return
    size = MAX_OPTIONS - 1
    count = -(-len(spec.options) // size)
    for number in range(count):
        own = spec.options[number * size : (number + 1) * size]
        following = f"{spec.key}.{(number + 1) % count + 1}".removesuffix(".1")
        more = PromptOption(id="more", do=f"{SHOW}{following}")
        key = spec.key if number == 0 else f"{spec.key}.{number + 1}"
        yield replace(spec, key=key, text=spec.text_key, options=(*own, more))


def parse_prompts(source: str) -> PromptTable:
    """The table from YAML. Raises BadContent."""
    raw = read_yaml(source)
    if not isinstance(raw, dict) or not isinstance(raw.get("prompts"), dict):
        raise BadContent("prompts.yml has no section 'prompts'")
    specs = {str(key): _spec(str(key), entry or {}) for key, entry in raw["prompts"].items()}
    for key, spec in specs.items():
        if spec.guesses and spec.guesses.otherwise not in specs:
            raise BadContent(f"{key}: guesses: otherwise is no entry")
        if spec.without_people and spec.without_people not in specs:
            raise BadContent(f"{key}: without_people: {spec.without_people} is no entry")
    return PromptTable(
        specs, _words(raw.get("answers") or {}), raw.get("plain_letters") or {}, raw.get("texts_for") or {}
    )


def _spec(key: str, entry: Mapping[str, Any]) -> PromptSpec:
    unknown = set(entry) - FIELDS
    if unknown:
        raise BadContent(f"{key}: unknown field {sorted(unknown)[0]}")
    options = tuple(_option(key, option) for option in entry.get("options", ()))
    if len(options) > MAX_OPTIONS and not entry.get("pages"):
        raise BadContent(f"{key}: answers are 1 to {MAX_OPTIONS}")
    if len({option.id for option in options}) < len(options):
        raise BadContent(f"{key}: an option appears twice")
    guesses = _guesses(key, entry["guesses"]) if "guesses" in entry else None
    if guesses and len(options) + MAX_GUESSES > MAX_OPTIONS:
        raise BadContent(f"{key}: with two guesses, answers are 1 to {MAX_OPTIONS}")
    try:
        speaker = Speaker(entry.get("speaker", Speaker.ASSISTANT))
        return PromptSpec(
            key,
            options,
            speaker,
            Weight(entry.get("weight", Weight.PLAIN)),
            int(entry.get("budget", 2)),
            tuple(entry.get("args", ())),
            bool(entry.get("marked", speaker is Speaker.SYSTEM)),
            guesses,
            str(entry.get("text", "")),
            tuple(entry.get("lists", ())),
            str(entry.get("without_people", "")),
        )
    except ValueError as error:
        raise BadContent(f"{key}: {error}") from error


def _guesses(key: str, entry: Mapping[str, Any]) -> Guesses:
    first, then = (tuple(_option(key, option) for option in entry.get(part, ())) for part in ("first", "then"))
    names = [option.id for option in (*first, *then)]
    if len(set(names)) < len(names) or not all(name.startswith(GUESS_OPTION) for name in names):
        raise BadContent(f"{key}: guesses have ids of their own, as guess.<intent>")
    return Guesses(first, then, str(entry.get("otherwise", "")))


def _option(key: str, entry: Mapping[str, Any]) -> PromptOption:
    option = PromptOption(**{name: str(value) for name, value in entry.items()})
    if bool(option.send) == bool(option.do):
        raise BadContent(f"{key}: option {option.id} needs one of send and do")
    if option.send and option.send not in SENDS:
        raise BadContent(f"{key}: option {option.id} sends an unknown intent")
    if option.do and option.do not in DOES and not option.do.startswith(DOES_WITH):
        raise BadContent(f"{key}: option {option.id} does an unknown thing")
    if option.says not in ("", "affirm", "deny"):
        raise BadContent(f"{key}: option {option.id} says neither affirm nor deny")
    return option


def _words(entry: Mapping[str, Any]) -> AnswerWords:
    numbers = {
        normalise(word): index
        for row in (entry.get("numbers") or {}).values()
        for index, words in enumerate(row, start=1)
        for word in str(words).split("|")
    }
    return AnswerWords(
        affirm=_forms(entry.get("affirm")),
        deny=_forms(entry.get("deny")),
        numbers=numbers,
        padding=_forms(entry.get("padding")),
    )


def _forms(by_language: Mapping[str, Sequence[str]] | None) -> frozenset[str]:
    return frozenset(normalise(str(word)) for words in (by_language or {}).values() for word in words)
