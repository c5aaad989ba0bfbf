"""Who is writing now (SAFETY §1): the same greeting for everybody who comes back, and the way back to one's case.

Nothing said here proves that a case exists. After some silence, words wait sealed until the person says their word, or,
where they have none, chooses to go on. Whoever does anything else is served as anyone is, and the case is set aside.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from handoff.core.conversation import Conversation, Draft, Owner, Relay
from handoff.core.message import Kind
from handoff.core.normalise import CLAUSE, tokens
from handoff.core.presence import Known, in_doubt, matches_word, without_word
from handoff.core.prompts import Chosen, FreeText, Resolution
from handoff.services import commands
from handoff.services.return_code import ReturnCodes
from handoff.services.say import Voice, remember
from handoff.services.turn import Work

GREETING = "greet.again"
HERE = "greet.here"
LATER = "control.left"
# There the word is asked for to erase with.
ERASING = "erase.word"
COME_BACK = "come_back"
KNOCK, KNOCK_GATE = "knock.hello", "knock.gate"
# Questions that only somebody with a case is asked: nobody else may answer them, nor see that they were asked.
OF_A_CASE = ("plan.", "word.", "code.", "handoff.", "sign.")
# What is obeyed without settling who it is that writes.
NEUTRAL = frozenset({"stop", "leave"})
# Three messages within a minute are one: they are greeted once.
GREET_AGAIN = timedelta(minutes=1)
WORD_AWAITED = timedelta(minutes=60)
LONGEST_TRY = 3
LONGEST_HELD = 2000

type Answer = Callable[[Work], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Presence:
    """`after`: how long somebody may be silent and still be taken for the one who wrote before."""

    after: timedelta = timedelta(minutes=60)
    codes: ReturnCodes | None = None

    def begin(self, work: Work) -> None:
        """Look at who it may be, before anything else is decided."""
        talk = work.conversation
        work.doubt = in_doubt(talk.person_seen_at, work.now, self.after, has_case=talk.with_people)
        if work.doubt:
            # A digit meant for a hidden question answers nothing, least of all the one before it.
            hidden = bool(talk.prompts) and talk.prompts[0].key.startswith(OF_A_CASE)
            asked = () if hidden else talk.prompts
            kept = tuple(prompt for prompt in asked if not prompt.key.startswith(OF_A_CASE))
            work.conversation = replace(talk, prompts=kept)

    def recognise(self, work: Work, meaning: str) -> str | None:
        """The word of somebody known here, anywhere in the message: it is them. An outcome ends the turn."""
        if work.conversation.prompts[:1] and work.conversation.prompts[0].key == ERASING:
            return None
        known = _recognised(work)
        if known is None:
            _count_a_try(work)
            return None
        here = work.conversation.case_id == known.case_id
        if here and not work.doubt:
            return None
        rest = without_word(work.received.text, known.word)
        welcome(work, known, said=rest)
        if meaning and not known.word.isdecimal():
            return None
        return "returned"

    def settle(self, work: Work, meaning: str, found: Resolution, *, over: bool) -> str | None:
        """What a message in doubt means for who it is. An outcome ends the turn; None: go on, as for anyone."""
        if not work.doubt or work.present or meaning in NEUTRAL:
            return None
        if meaning or not isinstance(found, FreeText):
            set_aside(work)
            return None
        if work.received.kind is not Kind.TEXT or work.conversation.contact.stopped:
            work.case_id = None
            return None
        return hold(work, over=over)


def hold(work: Work, *, over: bool) -> str:
    """Words of we do not know whom: sealed, and the greeting that everybody gets."""
    talk = work.conversation
    kept = "\n".join(filter(None, (talk.held, work.received.text.strip())))[-LONGEST_HELD:]
    work.turn.hold = kept
    work.case_id = None
    just_greeted = bool(talk.held) and talk.held_at is not None and work.now - talk.held_at < GREET_AGAIN
    if not over and not just_greeted:
        asked = talk.state.get("asked") == talk.prompt_count
        work.say(GREETING)
        if asked:
            # What was asked before is still asked: whoever goes on answers that, and not the greeting.
            work.change(state={**talk.state, "asked": work.prompt_count})
    return "held"


def set_aside(work: Work) -> None:
    """Whoever this is, they are served as anyone is. The case stays open, and nobody of it speaks here meanwhile."""
    work.present = True
    if work.conversation.held:
        work.turn.hold = ""
    if work.conversation.case_id is None:
        return
    work.turn.set_aside = True
    work.case_id = None
    work.change(owner=Owner.ASSISTANT.value, case_id=None, person_id=None, state={})
    work.conversation = replace(work.conversation, owner=Owner.ASSISTANT, case_id=None, person_id=None, state={})


def welcome(work: Work, known: Known, *, said: str) -> None:
    """It is them: what waited here reaches their case, and what waited for them is sent."""
    work.present = True
    work.change(word_due_at=None, prompts=[])
    work.turn.hold = ""
    if known.open:
        work.turn.return_to = known
        work.case_id = known.case_id
        words = "\n".join(filter(None, (work.conversation.held, said.strip())))
        if words:
            work.turn.relay = Relay(Kind.TEXT.value, words)
        work.turn.release_held = True
    else:
        work.change(person_id=known.person_id)
    work.say(HERE)


async def come_back(work: Work, as_new: Answer) -> str:
    """ "Go on": to the case of somebody without a word; else the held words are answered as if just written.

    With a word set, nothing that is said here differs from what is said where there is no case at all.
    """
    talk = work.conversation
    known = _whose(work)
    if known and not known.guarded:
        welcome(work, known, said="")
        return "returned"
    guarded = any(each.guarded for each in talk.known)
    held = talk.held
    set_aside(work)
    work.say(HERE)
    if guarded:
        work.change(word_due_at=work.now)
        work.turn.hold = None
    if not held:
        return "went_on"
    rest = tuple(prompt for prompt in talk.prompts if prompt.key != GREETING)
    work.conversation = replace(work.conversation, prompts=rest)
    work.change(prompts=[prompt.to_json() for prompt in rest])
    work.received = replace(work.received, kind=Kind.TEXT, text=held, payload="")
    return await as_new(work)


async def choose(work: Work, found: Resolution, as_new: Answer) -> str | None:
    """An answer to one of our own questions about who it is; None for every other."""
    deed = found.option.do if isinstance(found, Chosen) else ""
    if deed == COME_BACK:
        if work.case_id and not work.doubt:
            commands.with_person(work)
            return "with_person"
        return await come_back(work, as_new)
    if deed == "knock.talk":
        work.case_id = None
        work.say(KNOCK_GATE)
        return "knock_answered"
    if deed == "knock.later":
        work.case_id = None
        work.say(LATER)
        return "later"
    if deed == "knock.open":
        known = _whose(work)
        if known and work.case_id == known.case_id and not work.doubt:
            welcome(work, known, said="")
            return "returned"
        return await come_back(work, as_new)
    return None


def knock(
    voice: Voice, talk: Conversation, now: datetime, case_id: uuid.UUID | None
) -> tuple[Sequence[Draft], Mapping[str, Any]]:
    """What we say first to a phone that may be in other hands, and how the conversation remembers that it was asked."""
    number = talk.prompt_count + 1
    locale = voice.locale_of(talk)
    said = voice.compose(talk, KNOCK, {}, locale=locale, now=now, number=number, kind="proactive", case_id=case_id)
    return said.drafts, remember(talk, said.prompt, number)


def _whose(work: Work) -> Known | None:
    """Whose case it is that "go on" means: the one that this conversation is of, else the newest."""
    people = [each for each in work.conversation.known if each.open]
    return next((each for each in people if each.case_id == work.conversation.case_id), next(iter(people), None))


def _recognised(work: Work) -> Known | None:
    if work.received.kind is not Kind.TEXT:
        return None
    return next((each for each in work.conversation.known if matches_word(work.received.text, each.word)), None)


def _count_a_try(work: Work) -> None:
    """A short message where a word is awaited, and is not it."""
    due = work.conversation.word_due_at
    if due is None or work.now - due > WORD_AWAITED or work.received.kind is not Kind.TEXT:
        return
    words = [token for token in tokens(work.received.text) if token != CLAUSE]
    guarded = next((each for each in work.conversation.known if each.word and each.open), None)
    if guarded and 0 < len(words) <= LONGEST_TRY:
        work.turn.wrong_word = guarded.person_id
