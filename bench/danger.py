"""What the danger words alone catch, and whom they alarm for nothing: `python -m bench.danger`.

Recall on `tests/nlu/{dev,test}`, false alarms on `tests/nlu/ordinary`. With `--missed` it lists what dev misses and the
false alarms, to widen content/danger by; test is never listed, so that nobody writes for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass

from bench.nlu_data import held_apart, ordinary
from handoff.core.control import Certainty, Control, ControlWords, Meaning

MEANT = {"in_danger": Meaning.DANGER, "self_harm": Meaning.SELF_HARM}
# A bare cry for help is answered with the danger question and the number to call.
ALARMS = frozenset({Meaning.DANGER, Meaning.SELF_HARM, Meaning.HELP})
SETS = ("dev", "test")
# Nobody's own: the words must be heard whatever language somebody has chosen.
LOCALE, NETWORK = "", "whatsapp"


@dataclass(frozen=True, slots=True)
class Caught:
    """One message that means danger or self-harm, or an ordinary one (`intent` ""), and what was heard in it."""

    locale: str
    intent: str
    text: str
    heard: Control | None

    @property
    def alarms(self) -> bool:
        """Whether the person gets the card or its question. Which of the two cards is the same to them."""
        return self.heard is not None and self.heard.meaning in ALARMS

    @property
    def sure(self) -> bool:
        """Whether the desk is alarmed at once."""
        return self.alarms and self.heard is not None and self.heard.certainty is Certainty.SURE


def dangerous(words: ControlWords, name: str) -> list[Caught]:
    """The messages of one set that mean danger or self-harm."""
    return [
        Caught(each.locale, each.intent, each.text, words.match(each.text, LOCALE, NETWORK))
        for each in held_apart(name)
        if each.intent in MEANT
    ]


def harmless(words: ControlWords) -> list[Caught]:
    """The ordinary messages."""
    return [Caught(locale, "", text, words.match(text, LOCALE, NETWORK)) for locale, text in ordinary()]


def share(caught: Iterable[Caught]) -> float:
    """How many of them alarm, 0 to 1."""
    found = [each.alarms for each in caught]
    return sum(found) / len(found) if found else 0.0


def table(words: ControlWords) -> str:
    """One row a language: recall by set and intent, how much of it is sure, false alarms of 1,000."""
    sets = {name: dangerous(words, name) for name in SETS}
    quiet = harmless(words)
    locales = sorted({each.locale for each in quiet})
    head = ["", *(f"{intent} ({name})" for name in SETS for intent in MEANT), "sure", "false alarms of 1,000"]
    rows = [_row(locale, sets, quiet) for locale in (*locales, "")]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _row(locale: str, sets: dict[str, list[Caught]], quiet: list[Caught]) -> list[str]:
    def of(found: Iterable[Caught], intent: str = "") -> list[Caught]:
        return [each for each in found if locale in ("", each.locale) and intent in ("", each.intent)]

    recalls = [f"{share(of(sets[name], intent)):.2f}" for name in SETS for intent in MEANT]
    known = [each for name in SETS for each in of(sets[name]) if each.alarms]
    sure = sum(each.sure for each in known) / max(1, len(known))
    return [locale or "all", *recalls, f"{sure:.2f}", f"{share(of(quiet)) * 1000:.0f}"]


def main() -> None:
    """Print the table, and what to work on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missed", action="store_true", help="list what dev misses, and the false alarms")
    parser.add_argument("--locale", default="", help="only this language")
    chosen = parser.parse_args()
    words = ControlWords.load()
    print(table(words))
    if chosen.missed:
        wrong = [each for each in dangerous(words, "dev") if not each.alarms]
        wrong += [each for each in harmless(words) if each.alarms]
        for each in wrong:
            if chosen.locale in ("", each.locale):
                print(f"{each.locale} {each.intent or 'ordinary'}: {each.text}")


if __name__ == "__main__":
    main()
