"""Reads every text as an editor would and says what is wrong with it: `amana content check`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from handoff.core.channel import Limits
from handoff.core.content import (
    CONTENT_DIR,
    GUESS_OPTION,
    AnswerWords,
    PromptOption,
    PromptSpec,
    PromptTable,
    Weight,
)
from handoff.core.control import ControlWords, Word
from handoff.core.hours import parse_hours
from handoff.core.normalise import CLAUSE, normalise, tokens
from handoff.core.offers import Offers
from handoff.core.prompt_table import load_prompts
from handoff.core.render import LIST_BUTTON, MARK, RTL, render, say_staffing
from handoff.core.sms import count_segments
from handoff.core.words_check import check_all_words
from handoff.core.yaml_text import read_yaml
from handoff.i18n import LAST_RESORT, LOCALES_DIR, STATES, Catalogue, Text, day_and_time

MAX_LABEL = 20
MAX_WORDS = 15
SMS = "sms"
OVER_BUDGET = "SMS segments over budget"
# What a text may cost at most, whatever its entry says (SAFETY §2, §6); for ransom as for danger.
CEILING = {Weight.CONSENT: 4, Weight.DANGER: 3}
CEILING_ELSE = 2
AS_DANGER = frozenset({"report.ransom"})
# A warning sign is asked about, given as a reason, and answered with what to do; and where these stand.
SIGN_TEXTS = ("ask", "why", "do")
TEXTS_IN = {"question": "ask", "reasons": "why", "actions": "do", "unknown": "ask"}
# An option that the code adds to the places of the gazetteer.
_ADDED = ("option.find.any_place",)
_ALWAYS_NEEDED = (*_ADDED, LIST_BUTTON, MARK, f"{MARK}#sms", LAST_RESORT)
_LONG_NUMBER = re.compile(r"\d(?:[\s().-]?\d){4,}")
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_SENTENCE = re.compile(r"[.!?؟:\n]+")
_WORDISH = re.compile(r"[^\W_]+")
_ARABIC_ARTICLE = re.compile(r"^[وفبلك]?(?:ال|لل)(?=\w{3})")
_SMS_LIMITS = Limits(SMS, 1600, 0, 0, 0, 0, 1.0, 1.0, timedelta(hours=72), timedelta(hours=12))
_LONG_HOURS = "Mon-Fri 08:00-18:00, Sat 09:00-12:00"
_LONG_DATE = datetime(2025, 9, 24, 14, 5, tzinfo=UTC)
_LONG_ORG = "Demo Aid (fictional) Org"
_LONG_HOTLINE = "+15550100100123"
_LONG_SERVICE = "Open Door Law, Eastern Office (fictional)"
_LONG_CODE = "WWWWWW"
_LONG_LINE = "Osmere Line (fictional) +15550100100123"
_LONG_BODY = "Child Court (fictional)"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend: which language ("" for a table), which key, which rule, and what was found."""

    locale: str
    key: str
    rule: str
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.locale or "content", self.key, self.rule, self.detail) if part)


@dataclass(frozen=True, slots=True)
class Rules:
    """content/lint.yml and the carriers' words: what no text may say, in matching form."""

    phrases: Mapping[str, Mapping[str, tuple[str, ...]]]
    reserved: frozenset[str]
    send_verbs: frozenset[str]


def check(*, content_dir: Path = CONTENT_DIR, locales_dir: Path = LOCALES_DIR) -> list[Problem]:
    """Every problem of the texts and tables in all languages, sorted; empty when all is fine.

    Raises BadContent, OSError.
    """
    locales = sorted(path.parent.parent.name for path in locales_dir.glob("*/LC_MESSAGES/messages.po"))
    prompts = load_prompts(content_dir)
    controls = ControlWords.load(content_dir)
    rules = load_rules(content_dir / "lint.yml", controls)
    catalogue = Catalogue(locales, root=locales_dir, default_locale=locales[0])
    found = chain(
        check_catalogue(catalogue, prompts),
        check_words(controls, prompts.words),
        check_ceilings(prompts),
        check_lists(rules, locales),
        (Problem(*found) for found in check_all_words(content_dir, locales)),
        *(check_language(catalogue, prompts, rules, locale) for locale in catalogue.locales),
    )
    return sorted(set(found))


def load_rules(path: Path, controls: ControlWords) -> Rules:
    """The rules from their file. Raises OSError, KeyError."""
    raw: Mapping[str, Any] = read_yaml(path.read_text(encoding="utf-8"))
    phrases = {
        rule: {locale: tuple(normalise(str(phrase)) for phrase in listed) for locale, listed in raw[rule].items()}
        for rule in ("over_promising", "authorities", "labels")
    }
    reserved = frozenset(chain.from_iterable(controls.reserved.values()))
    return Rules(phrases, reserved - set(raw["reserved_allowed"]), frozenset(map(normalise, raw["send_verbs"])))


def check_catalogue(catalogue: Catalogue, prompts: PromptTable) -> Iterator[Problem]:
    """Every key in every language, nothing unknown, and the same placeholders everywhere."""
    needed = needed_keys(prompts)
    saying = {prompts[key].text_key: prompts[key] for key in prompts}
    for locale in catalogue.locales:
        entries = catalogue.entries(locale)
        yield from (Problem(locale, key, "missing") for key in needed if key not in entries)
        for key, entry in entries.items():
            plain = key.partition("#")[0]
            if plain not in needed and key not in needed:
                yield Problem(locale, key, "unknown key")
            if entry.state not in STATES:
                yield Problem(locale, key, "unknown review state", entry.state)
            spec = saying.get(plain)
            yield from _placeholders(locale, key, entry, spec, entries.get(plain))


def needed_keys(prompts: PromptTable) -> frozenset[str]:
    """All keys that each language must have: what can be said, the labels of options, and the renderer's own."""
    said = {prompts[key].text_key for key in prompts}
    labels = {f"option.{option.id}" for key in prompts for option in (*prompts[key].options, *_guesses(prompts[key]))}
    signs = {f"flag.{flag}.{part}" for flag in Offers.load().flags for part in SIGN_TEXTS}
    return frozenset({*said, *labels, *signs, *prompts.texts_for.values(), *_ALWAYS_NEEDED})


def check_language(catalogue: Catalogue, prompts: PromptTable, rules: Rules, locale: str) -> Iterator[Problem]:
    """The words of one language: what they must not say, how long they are, what they cost on SMS."""
    entries = catalogue.entries(locale)
    for key, entry in entries.items():
        yield from (Problem(locale, key, rule, detail) for rule, detail in faults_of(key, entry.words, locale, rules))
        if key.startswith("option.") and len(entry.words) > MAX_LABEL:
            yield Problem(locale, key, f"label longer than {MAX_LABEL}", str(len(entry.words)))
    args, texts = worst_arguments(catalogue, locale), _longest_texts(entries)
    for key in prompts:
        if prompts[key].text_key in entries:
            yield from _budget(catalogue, prompts, key, locale, args, texts)


def check_ceilings(prompts: PromptTable) -> Iterator[Problem]:
    """No entry allows itself more segments than its weight does: a long danger card is one that arrives in pieces."""
    for key in prompts:
        spec = prompts[key]
        most = CEILING.get(Weight.DANGER if key in AS_DANGER else spec.weight, CEILING_ELSE)
        if spec.budget > most:
            yield Problem("", key, "budget over what its weight allows", f"{spec.budget} > {most}")


def check_lists(rules: Rules, locales: Iterable[str]) -> Iterator[Problem]:
    """Each language has its own list of what no text may say: without one nothing would be found in it."""
    for locale in locales:
        for rule, phrases in rules.phrases.items():
            if not phrases.get(locale):
                yield Problem(locale, rule, "no words listed in lint.yml")


def check_words(controls: ControlWords, answers: AnswerWords) -> Iterator[Problem]:
    """The control words: no clash with carriers, between meanings or languages, or with words that answer a prompt."""
    meaning_of = {word: meaning for meaning, listed in controls.reserved.items() for word in listed}
    for form, uses in controls.words.items():
        yield from _clashes(form, uses)
        for word in uses:
            taken = meaning_of.get(form)
            if taken and (taken != word.meaning or not word.provider_takes_it) and word.used_on(SMS):
                yield Problem(word.locale, form, "carriers act on this word", taken)
        if form in answers.affirm | answers.deny or form in answers.numbers:
            yield Problem(uses[0].locale, form, "also answers a prompt", uses[0].meaning)


def worst_arguments(catalogue: Catalogue, locale: str) -> dict[str, str]:
    """The longest values that a deployment is likely to put into texts of this language."""
    hours = parse_hours(_LONG_HOURS, "UTC").describe(locale)
    staffing = (
        say_staffing(catalogue, on_duty=on_duty, org=_LONG_ORG, hours=hours, locale=locale, limits=_SMS_LIMITS)
        for on_duty in (True, False)
    )
    return {
        "org": _LONG_ORG,
        "operator": _LONG_ORG,
        "second": _LONG_LINE,
        "told": "12",
        "closed": catalogue.text("consent.closed", locale, SMS, hours=hours),
        "body": _LONG_BODY,
        "hotline": _LONG_HOTLINE,
        "code": _LONG_CODE,
        "language": max((catalogue.text(f"option.language.{each}", each) for each in catalogue.locales), key=len),
        "hours": hours,
        "date": day_and_time(_LONG_DATE, locale, UTC),
        "service": _LONG_SERVICE,
        "phones": _LONG_HOTLINE,
        "staffing": max(staffing, key=len),
    }


def _placeholders(locale: str, key: str, entry: Text, spec: PromptSpec | None, plain: Text | None) -> Iterator[Problem]:
    used, allowed = entry.placeholders, frozenset(spec.args if spec else ())
    yield from (Problem(locale, key, "unknown placeholder", name) for name in sorted(used - allowed))
    if "#" not in key:
        yield from (Problem(locale, key, "missing placeholder", name) for name in sorted(allowed - used))
    elif plain and spec and spec.weight in (Weight.CONSENT, Weight.DANGER):
        missing = sorted(plain.placeholders - used)
        yield from (Problem(locale, key, "the short form leaves out", name) for name in missing)


def faults_of(key: str, words: str, locale: str, rules: Rules) -> Iterator[tuple[str, str]]:
    """What is wrong with these words, whatever language and key: (rule, what was found)."""
    said = _PLACEHOLDER.sub(" ", words)
    forms = _forms(said, locale)
    for rule, phrases in rules.phrases.items():
        yield from ((rule.replace("_", " "), phrase) for phrase in phrases.get(locale, ()) if _stands_in(forms, phrase))
    yield from (("tells to send a carrier's word", word) for word in _carrier_words(said, rules))
    if _LONG_NUMBER.search(said):
        yield "looks like a phone number", ""
    if any(unicodedata.category(character) in ("So", "Cf", "Co") for character in words):
        yield "holds an emoji or an invisible sign", ""
    if words != words.strip() and not key.startswith(MARK):
        yield "space at an end", ""
    longest = max((len(_WORDISH.findall(sentence)) for sentence in _SENTENCE.split(words)), default=0)
    if longest > MAX_WORDS:
        yield f"sentence longer than {MAX_WORDS} words", str(longest)


def _forms(said: str, locale: str) -> frozenset[str]:
    """A text as it is searched: its words, Arabic also without the article and what is written with it; and whole."""
    spoken = [token for token in tokens(said) if token != CLAUSE]
    bare = [_ARABIC_ARTICLE.sub("", token) for token in spoken] if locale in RTL else spoken
    return frozenset(f" {form} " for form in (" ".join(spoken), " ".join(bare), normalise(said)))


def _stands_in(forms: Iterable[str], phrase: str) -> bool:
    """Whether a phrase stands there on word borders."""
    wanted = f" {phrase} "
    return any(wanted in form for form in forms)


def _carrier_words(said: str, rules: Rules) -> Iterator[str]:
    """Carriers' words in capitals, or after a verb that asks to send something."""
    shouted = {normalise(word) for word in _WORDISH.findall(said) if word.isupper() and len(word) > 1}
    spoken = [token for token in tokens(said) if token != CLAUSE]
    asked = {word for verb, word in pairwise(spoken) if verb in rules.send_verbs}
    return iter(sorted((shouted | asked) & rules.reserved))


def _budget(
    catalogue: Catalogue,
    prompts: PromptTable,
    key: str,
    locale: str,
    args: Mapping[str, str],
    texts: Mapping[str, list[str]],
) -> Iterator[Problem]:
    messages = render(
        catalogue,
        prompts,
        key,
        args=args,
        locale=locale,
        limits=_SMS_LIMITS,
        prompt_id="p",
        guesses=_longest_guesses(catalogue, prompts[key], locale),
        texts={name: longest for name, longest in texts.items() if name in prompts[key].args},
    )
    segments = sum(message.segments for message in messages)
    if segments > prompts[key].budget:
        yield Problem(locale, key, OVER_BUDGET, f"{segments} > {prompts[key].budget}")
    if sum(count_segments(_without_accents(message.text)).parts for message in messages) < segments:
        costly = {sign for message in messages for sign in message.text if _without_accents(sign) != sign}
        yield Problem(locale, key, "accents cost an SMS segment: plain_letters", " ".join(sorted(costly)))


def _without_accents(text: str) -> str:
    """The text with the letters that short messages have, where a letter is one of them with a mark (ã, ő, ș)."""
    return text if text.isascii() else "".join(map(_plain, text))


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str:
    if count_segments(sign).encoding == "gsm7":
        return sign
    bare = unicodedata.normalize("NFKD", sign)[0]
    return bare if bare.isascii() else sign


def _longest_texts(entries: Mapping[str, Text]) -> dict[str, list[str]]:
    """The longest text for each argument that is one: a list may lose lines, but never its first."""
    found = {}
    for name, part in TEXTS_IN.items():
        keys = [key for key in entries if key.startswith("flag.") and key.endswith(f".{part}")]
        if keys:
            found[name] = [max(keys, key=lambda key: len(entries[key].words))]
    return found


def _guesses(spec: PromptSpec) -> tuple[PromptOption, ...]:
    return (*spec.guesses.first, *spec.guesses.then) if spec.guesses else ()


def _longest_guesses(catalogue: Catalogue, spec: PromptSpec, locale: str) -> list[str]:
    """The guesses that cost most on SMS."""
    offered = sorted(_guesses(spec), key=lambda option: -len(catalogue.text(f"option.{option.id}", locale, SMS)))
    return [option.id.removeprefix(GUESS_OPTION) for option in offered if option.send != "talk_to_human"]


def _clashes(form: str, uses: Sequence[Word]) -> Iterator[Problem]:
    for place, word in enumerate(uses):
        for other in uses[place + 1 :]:
            together = not word.networks or not other.networks or word.networks & other.networks
            if together and word.meaning != other.meaning:
                yield Problem(word.locale, form, "two meanings", f"{word.meaning} and {other.meaning}")
