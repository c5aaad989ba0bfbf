"""Which language to answer in, until the person chooses; and the one question when they write another (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from handoff.core.content import KEEP_LANGUAGE, LANGUAGE_OPTION, Weight
from handoff.core.language import Detector
from handoff.core.prompts import Prompt
from handoff.services import commands
from handoff.services.turn import LANGUAGES_ASKED, Work

# Fewer words never change what somebody is answered in: a greeting, a name, "ok thanks".
MIN_WORDS = 3
SUGGEST = "language.suggest."
CHOOSE = "language.choose"
# What a chosen language is followed by anyway: nobody needs to get it first in one that they may not read.
MENUS = frozenset({"greet.hello", "menu.main"})


def begin(work: Work, detector: Detector) -> None:
    """Who has written nothing yet that shows a language is answered in the one that this message shows."""
    if work.conversation.locale is None and work.received.text:
        found = detector.detect(work.received.text)
        if found:
            work.answer_in(found)


def suggest(work: Work, detector: Detector, session: timedelta) -> None:
    """After the answer, ask once whether to go on in the language they write now; in that language.

    Not after a question that must not be mistaken: a consent, danger, the gate, a stop.
    """
    text = work.received.text
    if "locale" in work.turn.changes or _must_not_be_mistaken(work):
        return
    if work.conversation.locale is None:
        _ask_which(work, detector.written_like(text))
        return
    found = detector.detect(text) if len(text.split()) >= MIN_WORDS else None
    if found and found != work.locale and not _asked_lately(work, found, session):
        _ask(work, found)


def answered(work: Work, choice: str) -> str:
    """Yes: in that language from now on. Either way, the question that stood before it is asked again."""
    if choice != KEEP_LANGUAGE:
        work.choose_locale(choice)
        work.say("language.set")
    before = next((each for each in work.conversation.prompts if not each.key.startswith(LANGUAGE_OPTION)), None)
    if work.case_id:
        commands.with_person(work)
    elif before:
        work.ask_again(before)
    else:
        work.say("menu.main")
    return "language"


def _must_not_be_mistaken(work: Work) -> bool:
    """Whether this turn's last question is one that no other may stand before."""
    asked = work.turn.changes.get("prompts")
    newest = Prompt.from_json(asked[0]) if asked else None
    return newest is not None and (newest.weight is not Weight.PLAIN or newest.key.startswith(LANGUAGE_OPTION))


def _ask_which(work: Work, possible: Sequence[str]) -> None:
    """Their letters are of several languages, and none that we answer in: "سلام" is Dari, Pashto and Arabic.

    Asked by the names of these languages, each time until one shows or is chosen.
    """
    if len(possible) < 2 or work.locale in possible:
        return
    if all(draft.key in MENUS for draft in work.turn.drafts):
        work.turn.drafts.clear()
    options = work.voice.prompts.whole[CHOOSE].options
    kept, work.locale = work.locale, possible[0]
    work.say(CHOOSE, choices=[each for each in options if each.id.removeprefix(LANGUAGE_OPTION) in possible])
    work.locale = kept


def _ask(work: Work, locale: str) -> None:
    """The dialogue stays as it is: words that come next are for the assistant, as if this had not been asked."""
    kept, work.locale = work.locale, locale
    work.say(f"{SUGGEST}{locale}", {"language": work.voice.texts.text(f"option.{LANGUAGE_OPTION}{locale}", locale)})
    work.locale = kept
    state = _state(work)
    asked = {**state.get(LANGUAGES_ASKED, {}), locale: work.now.isoformat()}
    fresh = {"at": work.now.isoformat(), "carried": {}}
    went_on = {"asked": work.prompt_count} if "state" in work.turn.changes else {}
    work.change(state={**fresh, **state, **went_on, LANGUAGES_ASKED: asked})


def _asked_lately(work: Work, locale: str, session: timedelta) -> bool:
    at = _state(work).get(LANGUAGES_ASKED, {}).get(locale)
    return at is not None and work.now - datetime.fromisoformat(at) <= session


def _state(work: Work) -> Mapping[str, Any]:
    """The dialogue as this turn leaves it, and what was asked before it."""
    kept = {name: value for name, value in work.conversation.state.items() if name == LANGUAGES_ASKED}
    return {**kept, **work.turn.changes.get("state", work.conversation.state)}
