"""How well messages were understood: the figures of `make nlu-report`, from what was meant and what was understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

FALLBACK = "nlu_fallback"
OUT = "out_of_scope"
ALARMS = frozenset({"in_danger", "self_harm"})
BINS = 10


@dataclass(frozen=True, slots=True)
class Heard:
    """One utterance: what was meant, what the model alone makes of it (likeliest first), and what the product does.

    `card` is the intent whose card our words send at once, also where `product` names what the message is about.
    """

    locale: str
    text: str
    meant: str
    ranking: tuple[tuple[str, float], ...]
    product: str
    card: str = ""

    @property
    def alarm(self) -> str:
        """What is alarmed for: the card's intent, else what was understood."""
        return self.card or self.product

    @property
    def model(self) -> str:
        """The model's intent, its threshold included."""
        return self.ranking[0][0]

    @property
    def likeliest(self) -> tuple[str, float]:
        """The likeliest intent and its probability, whether it passed the threshold or not."""
        ranked = [one for one in self.ranking if one[0] != FALLBACK]
        return ranked[0] if ranked else (FALLBACK, 0.0)


def accuracy(pairs: Sequence[tuple[str, str]]) -> float:
    """The share of (meant, understood) that agree; 0 of none."""
    return sum(meant == found for meant, found in pairs) / len(pairs) if pairs else 0.0


def macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    """The mean over intents of F1; a guess of an intent that was never meant counts against the meant one."""
    right = Counter(meant for meant, found in pairs if meant == found)
    meant = Counter(meant for meant, _ in pairs)
    found = Counter(found for _, found in pairs)
    scores = [2 * right[intent] / (meant[intent] + found[intent]) for intent in meant]
    return sum(scores) / len(scores) if scores else 0.0


def recall(pairs: Iterable[tuple[str, str]], intents: Collection[str]) -> float:
    """The share of what meant one of these intents and was understood as that one."""
    wanted = [(meant, found) for meant, found in pairs if meant in intents]
    return accuracy(wanted)


def alarms_per_thousand(understood: Sequence[str]) -> float:
    """How many of 1,000 messages without danger are taken for danger or for self-harm."""
    return 1000 * sum(intent in ALARMS for intent in understood) / len(understood) if understood else 0.0


def rejected(pairs: Iterable[tuple[str, str]]) -> float:
    """The share of what is out of scope that is not taken for something else."""
    outside = [found for meant, found in pairs if meant == OUT]
    return sum(found in (OUT, FALLBACK) for found in outside) / len(outside) if outside else 0.0


def reliability(sure: Sequence[tuple[float, bool]]) -> list[tuple[float, float, int]]:
    """Of (probability, right) pairs, in ten bins: mean probability, share that was right, how many; none is empty."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for probability, right in sure:
        bins[min(BINS - 1, int(probability * BINS))].append((probability, right))
    return [
        (sum(p for p, _ in found) / len(found), sum(right for _, right in found) / len(found), len(found))
        for found in bins
        if found
    ]


def calibration_error(sure: Sequence[tuple[float, bool]]) -> float:
    """ECE: how far on average a probability is from the share that was right at such a probability."""
    return sum(count * abs(mean - right) for mean, right, count in reliability(sure)) / len(sure) if sure else 0.0


def reached(heard: Sequence[Heard], first: Collection[str]) -> float:
    """The share that was understood, or whose meaning is one of the two guesses that are offered (`first` go first).

    Of those in `first` also what got the card with the numbers to call: "they hold my son for money" may well.
    """
    hits = sum(_reached(each, first) for each in heard)
    return hits / len(heard) if heard else 0.0


def _reached(each: Heard, first: Collection[str]) -> bool:
    carded = each.alarm in ALARMS and each.meant in first
    return each.meant == each.product or carded or each.meant in guesses(each, first)


def guesses(each: Heard, first: Collection[str]) -> list[str]:
    """The two intents offered of a message that was not understood."""
    names = [name for name, _ in each.ranking[1:]] if each.product == FALLBACK else []
    return sorted(names, key=lambda name: name not in first)[:2]
