"""Control words and danger words: what is looked for in every message before anything else (SAFETY §2–3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from handoff.core.content import CONTENT_DIR, BadContent
from handoff.core.danger import DangerWords, load_danger
from handoff.core.digits import read_number
from handoff.core.lexicon import Level, Lexicon
from handoff.core.normalise import CLAUSE, normalise, tokens
from handoff.core.yaml_text import read_yaml

_TELEGRAM_COMMAND = re.compile(r"/(\w+)(?:@\w+)?(?:\s.*)?", re.DOTALL)
# No channel takes more; and no control word comes near the second.
_LONGEST = 65_536
_LONGEST_WORD = 300
_SHORTEST_SLIP = 5


class Meaning(StrEnum):
    """What a control asks for. HELP is answered as the danger question."""

    STOP = "stop"
    START = "start"
    ERASE = "erase"
    LEAVE = "leave"
    PERSON = "person"
    MENU = "menu"
    BACK = "back"
    LANGUAGE = "language"
    DATA = "data"
    HELP = "help"
    DANGER = "danger"
    SELF_HARM = "self_harm"


class Certainty(StrEnum):
    """SURE is acted on; MAYBE (danger and self-harm only) is the card with "did I understand?" and no alarm yet."""

    SURE = "sure"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Control:
    """One control found. `provider_takes_it`: on this network carriers answer or block on this word themselves."""

    meaning: Meaning
    certainty: Certainty = Certainty.SURE
    provider_takes_it: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One row's word in matching form; `networks` empty: all of them."""

    form: str
    meaning: Meaning
    locale: str
    networks: frozenset[str]
    provider_takes_it: bool
    state: str

    def used_on(self, network: str) -> bool:
        """Whether it counts there."""
        return not self.networks or network in self.networks


@dataclass(frozen=True)
class ControlWords:
    """The whole table, all languages at once: people switch language, and in danger they use any."""

    words: Mapping[str, tuple[Word, ...]]
    lexicon: Lexicon
    digits: Mapping[str, Meaning]
    commands: Mapping[str, Meaning]
    padding: frozenset[str]
    slips: Mapping[str, str]
    not_slips: frozenset[str]
    reserved: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls, folder: Path = CONTENT_DIR) -> ControlWords:
        """The table with the danger words, from the folder of all content. Raises BadContent, OSError."""
        source = (folder / "control_words.yml").read_text(encoding="utf-8")
        return _parsed(source, load_danger(folder / "danger"))

    @classmethod
    def parse(cls, source: str, danger: DangerWords) -> ControlWords:
        """The table from YAML. Raises BadContent."""
        raw = read_yaml(source)
        try:
            return _table(raw, danger)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise BadContent(f"control_words.yml: {error}") from error

    def match(self, text: str, locale: str, network: str) -> Control | None:
        """The control that a message is, or the danger that it speaks of; None for everything else.

        Danger is looked for in all languages; `locale` only settles a word that two languages use differently.
        """
        number = read_number(text)
        if number is not None and number in self.digits:
            return Control(self.digits[number])
        command = self._command(text, network)
        if command:
            return command
        said = tokens(text[:_LONGEST])
        danger = self._danger(said)
        if danger and danger.certainty is Certainty.SURE:
            return danger
        if text.lstrip().startswith("/"):
            # Not a command here, and not a word that somebody would write so: "/talk_to_human" is only text.
            return danger
        return self._word(text, said, locale, network) or danger or self._slipped(said)

    def _command(self, text: str, network: str) -> Control | None:
        found = _TELEGRAM_COMMAND.fullmatch(text.strip()) if network == "telegram" else None
        meaning = self.commands.get(found.group(1).lower()) if found else None
        return Control(meaning) if meaning else None

    def _danger(self, said: Sequence[str]) -> Control | None:
        """The surest finding; danger from others comes before self-harm, since both cards lead to a person."""
        best: dict[str, Certainty] = {}
        for name, level in self.lexicon.find(said):
            if level is Level.MAYBE:
                best.setdefault(name, Certainty.MAYBE)
            else:
                best[name] = Certainty.SURE
                if name == Meaning.DANGER:
                    break
        for certainty in Certainty:
            for meaning in (Meaning.DANGER, Meaning.SELF_HARM):
                if best.get(meaning) is certainty:
                    return Control(meaning, certainty)
        return None

    def _word(self, text: str, said: Sequence[str], locale: str, network: str) -> Control | None:
        if len(text) > _LONGEST_WORD:
            return None
        bare = [token for token in said if token != CLAUSE]
        whole = normalise(text)
        for form in (whole, " ".join(bare), " ".join(_unpadded(bare, self.padding))):
            used = [word for word in self.words.get(form, ()) if word.used_on(network)]
            if used:
                word = next((word for word in used if word.locale == locale), used[0])
                taken = word.provider_takes_it and network == "sms" and form == whole
                return Control(word.meaning, provider_takes_it=taken)
        return None

    def _slipped(self, said: Sequence[str]) -> Control | None:
        """The same search after mending words one slip of the key away from a lexicon's: never more than maybe."""
        words = {token: self._mend(token) for token in set(said)}
        mended = [words[token] for token in said]
        found = self._danger(mended) if mended != list(said) else None
        return Control(found.meaning, Certainty.MAYBE) if found else None

    def _mend(self, token: str) -> str:
        if len(token) < _SHORTEST_SLIP or token in self.not_slips:
            return token
        return next((self.slips[form] for form in _deletions(token) if form in self.slips), token)


@lru_cache(maxsize=4)
def _parsed(source: str, danger: DangerWords) -> ControlWords:
    """The same table is read once, whoever asks."""
    return ControlWords.parse(source, danger)


def _table(raw: Mapping[str, Any], danger: DangerWords) -> ControlWords:
    words: dict[str, tuple[Word, ...]] = {}
    for entry in raw["words"]:
        for word in _words(entry):
            words[word.form] = (*words.get(word.form, ()), word)
    known = sorted(danger.lexicon.long_words)
    slips = {word: word for word in known}
    for known_word in known:
        for form in _deletions(known_word):
            slips.setdefault(form, known_word)
    return ControlWords(
        words=words,
        lexicon=danger.lexicon,
        digits={str(digits): Meaning(meaning) for digits, meaning in raw["digits"].items()},
        commands={str(command): Meaning(meaning) for command, meaning in raw["telegram_commands"].items()},
        padding=_forms(raw["padding"].values()),
        slips=slips,
        not_slips=danger.not_slips,
        reserved={meaning: _forms([listed]) for meaning, listed in raw["reserved"].items()},
    )


def _words(entry: Mapping[str, Any]) -> Iterable[Word]:
    for text in entry["words"]:
        yield Word(
            form=normalise(str(text)),
            meaning=Meaning(entry["meaning"]),
            locale=entry["locale"],
            networks=frozenset(entry.get("network", ())),
            provider_takes_it=bool(entry.get("provider_takes_it", False)),
            state=entry["state"],
        )


def _forms(groups: Iterable[Iterable[object]]) -> frozenset[str]:
    return frozenset(normalise(str(word)) for group in groups for word in group)


def _unpadded(said: Sequence[str], padding: frozenset[str]) -> list[str]:
    """The message without polite words at its ends, never without all of them."""
    kept = list(said)
    while len(kept) > 1 and kept[-1] in padding:
        kept.pop()
    while len(kept) > 1 and kept[0] in padding:
        kept.pop(0)
    return kept


def _deletions(word: str) -> list[str]:
    """The word and all its forms with one letter less: two words that share one are at most one slip apart."""
    return [word, *(word[:place] + word[place + 1 :] for place in range(len(word)))]
