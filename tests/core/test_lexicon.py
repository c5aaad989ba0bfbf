"""Phrases, as they are written and as they are found; and that no message makes the look for them slow."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.core.content import BadContent
from handoff.core.control import ControlWords
from handoff.core.danger import DANGER_DIR, load_danger
from handoff.core.lexicon import Block, Level, Lexicon
from handoff.core.normalise import tokens

NOT = frozenset({"not", "never"})
SETS = {"they": "he|she|(my|his) [old] (boss|uncle)", "hurt": "(kill|beat)(s|ing)?|cut up"}


def lexicon(lines: str, level: Level = Level.SURE) -> Lexicon:
    return Lexicon([Block("danger", level, lines, NOT, SETS)])


def found(lines: str, said: str, level: Level = Level.SURE) -> Level | None:
    """The strongest level at which a message says one of the lines."""
    levels = {each for _, each in lexicon(lines, level).find(tokens(said))}
    return next((each for each in Level if each in levels), None)


@pytest.mark.parametrize(
    ("line", "said", "here"),
    [
        ("in danger", "we are in danger here", True),
        ("in danger", "indanger", False),
        ("in danger", "in. danger", False),
        ("(a|b c) d", "x b c d", True),
        ("(a|b c) d", "b d", False),
        ("a [b|c d] e", "a e", True),
        ("a [b|c d] e", "a c d e", True),
        ("a [b|c d] e", "a c e", False),
        ("kill%", "killing", True),
        ("kill%", "skilled", False),
        ("%kill", "overkill", True),
        ("k%l%d", "killed", True),
        ("k%l%d", "killer", False),
        ("tu(é|ée)?", "tuee", True),
        ("tuée?", "tué", True),
        ("ma?", "m", True),
        ("a ~ b", "a b", True),
        ("a ~ b", "a 1 2 3 b", True),
        ("a ~ b", "a 1 2 3 4 b", False),
        ("a ~ b", "a 1. b", False),
        ("a ~ b", "a not b", False),
        ("a % b", "a x b", True),
        ("a % b", "a b", False),
        ("^ come", "please. come", True),
        ("^ come", "please come", False),
        ("gone (.)", "he is gone", True),
        ("gone (.)", "gone, all", True),
        ("gone (.)", "gone home", False),
        ("hit !at", "hit me", True),
        ("hit !at", "hit at me", False),
        ("hit !(the ball|by)", "hit the ball", False),
        ("hit !(the ball|by)", "hit the wall", True),
        ("@they @hurt me", "his old uncle beats me", True),
        ("@they @hurt me", "my boss cut up me", True),
        ("@they @hurt me", "boss beats me", False),
        ("(un)?(tie|set free)s", "unset frees", True),
        ("(un)?(tie|set free)s", "ties", True),
        ("(un)?(tie|set free)s", "free", False),
        ("خطر", "والخطر", True),
        ("خطر", "مخطر", False),
        ("don't", "dont", True),
        ("heeelp", "help", True),
    ],
)
def test_phrases_mean_what_is_written_about_them(line: str, said: str, here: bool) -> None:
    assert (found(line, said) is not None) == here


@pytest.mark.parametrize(
    ("said", "grave", "sure"),
    [
        ("he kills me", Level.GRAVE, Level.SURE),
        ("not he kills me", Level.MAYBE, None),
        ("never 1 he kills me", Level.MAYBE, None),
        ("not 1 2 he kills me", Level.GRAVE, Level.SURE),
        ("not. he kills me", Level.GRAVE, Level.SURE),
        ("he not kills me", Level.MAYBE, None),
        ("he not kills me. he kills me", Level.GRAVE, Level.SURE),
    ],
)
def test_a_not_takes_back_or_lowers(said: str, grave: Level, sure: Level | None) -> None:
    assert found("he ~ kills me", said, Level.GRAVE) == grave
    assert found("he ~ kills me", said, Level.SURE) == sure


def test_what_a_taken_back_phrase_holds_is_taken_back_too() -> None:
    assert found("wants ~ kill me\nkill me", "not wants to kill me", Level.GRAVE) == Level.MAYBE
    assert found("wants ~ kill me\nkill me", "not wants to kill me, they kill me", Level.GRAVE) == Level.GRAVE


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("danger (now", r"danger \(now: \( without its closing"),
        ("danger) now", r"\) without its opening"),
        ("@nobody here", "@nobody is no set"),
        ("[a] ~", "no word of it must be there"),
        ("self-harm", "self-harm is never one word"),
        ("a* b", r"a\* is never one word"),
        ("(a|) b", "makes no sense|empty"),
    ],
)
def test_a_line_of_no_sense_is_named(lines: str, says: str) -> None:
    with pytest.raises(BadContent, match=says):
        lexicon(lines)


def test_sets_that_hold_each_other_are_no_sets() -> None:
    with pytest.raises(BadContent, match="is no set"):
        Lexicon([Block("danger", Level.SURE, "@a", NOT, {"a": "x y|@b z", "b": "u v|@a w"})])


def test_places_are_word_numbers_and_the_longest() -> None:
    places = list(lexicon("in [great] danger [now]").places(tokens("I am in great danger now, not in danger")))
    assert places == [("danger", 2, 6)]


@given(st.lists(st.sampled_from(["he", "kills", "me", "not", ".", "x", "in", "danger"]), max_size=40))
def test_more_words_in_another_clause_never_hide_what_was_found(words: list[str]) -> None:
    lines = "he ~ kills me\nin danger !x"
    alone = found(lines, "he kills me")
    assert found(lines, " ".join([*words, ".", "he kills me"])) == alone
    assert found(lines, "he kills me. " + " ".join(words)) == alone


# --- speed -----------------------------------------------------------------------------------------------------------

WORDS = ControlWords.load()
ORDINARY = {
    "en": "they told me to wait at the office for two days",
    "ar": "قالوا لي أن أنتظر في المكتب يومين مع أختي",
    "uk": "вони сказали мені чекати в офісі два дні з сестрою",
    "fa_AF": "به من گفتند که دو روز در دفتر منتظر باشم خواهرم",
    "sw": "waliniambia nisubiri ofisini siku mbili pamoja na dada yangu mdogo",
}


def milliseconds(text: str, times: int) -> float:
    """The fastest of some looks at a message, in time of this thread: what it costs when nothing else runs."""
    taken = []
    for _ in range(times):
        began = time.thread_time()
        WORDS.match(text, "en", "whatsapp")
        taken.append(time.thread_time() - began)
    return min(taken) * 1000


@pytest.mark.parametrize("locale", ORDINARY)
def test_ten_languages_cost_an_ordinary_message_a_third_of_a_millisecond(locale: str) -> None:
    assert milliseconds(ORDINARY[locale], 50) < 0.3


@pytest.mark.parametrize("locale", ORDINARY)
def test_four_thousand_letters_cost_three_milliseconds(locale: str) -> None:
    assert milliseconds((ORDINARY[locale] + ". ") * 100, 10) * 4000 / (len(ORDINARY[locale]) + 2) / 100 < 3


def hostile(locale: str) -> list[str]:
    """Messages of a language's own danger words, in every disorder: what a slow search would be slowest on."""
    source = (DANGER_DIR / f"{locale}.yml").read_text(encoding="utf-8")
    words = sorted({word for word in tokens(source) if word != "."})
    lots = random.Random(4)
    shuffled = [lots.choice(words) for _ in range(20_000)]
    pairs = [word for pair in pairwise(words) for word in pair * 3]
    return [" ".join(mix)[:65_000] for mix in (words * 9, shuffled, pairs, [words[len(words) // 2]] * 20_000)]


@pytest.mark.parametrize("locale", load_danger().locales)
def test_no_message_takes_long_whatever_it_says(locale: str) -> None:
    for text in hostile(locale):
        assert milliseconds(text, 1) < 1000
        assert milliseconds(text[:4000], 1) < 100


@pytest.mark.parametrize("before", ["word " * 12_000, "قال لي " * 8_000, "not in danger " * 4_000])
def test_danger_at_the_end_of_the_longest_message_is_heard(before: str) -> None:
    control = WORDS.match(f"{before}. he is going to kill me", "en", "whatsapp")
    assert control is not None
    assert control.meaning == "danger"
