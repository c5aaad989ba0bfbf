"""Erasing, from the phone (SAFETY §5): one question, and one answer that is the same for everybody.

Nothing said here depends on whether there is a case, a word or a code: how deep it goes is decided where it is written
down (store/erasing.py). It works in every state, also while a person answers, after STOP, and without the assistant.
"""

from __future__ import annotations

from datetime import timedelta

from handoff.core.conversation import Erase
from handoff.core.message import Kind
from handoff.core.prompts import AskAgain, Chosen, FreeText, Resolution
from handoff.services.turn import Work

QUESTIONS = frozenset({"erase.ask", "erase.word"})
NO = "no"


def ask(work: Work) -> str:
    """Erase? Yes; yes, and here is my word or code; no."""
    work.say("erase.ask")
    return "asked_erase"


def ask_word(work: Work) -> str:
    """Whatever is written next is taken for the word or code, right or wrong: the answer is the same."""
    work.say("erase.word")
    return "asked_erase"


def now(work: Work, said: str = "") -> str:
    """Done. The person is nobody here from now on."""
    work.turn.erase = Erase(said)
    work.turn.relay, work.turn.release_held = None, False
    work.turn.drafts.clear()
    work.case_id = None
    work.forget()
    work.say("erase.done")
    return "erased"


def answered(work: Work, found: Resolution, answer_after: timedelta) -> str:
    """What an answer to one of these questions does; "" for everything else. A stale one erases nothing."""
    if isinstance(found, AskAgain) and found.prompt.key in QUESTIONS:
        work.say("stale.answer")
        return ask(work)
    if isinstance(found, Chosen) and found.prompt.key in QUESTIONS:
        deed = {"erase.ask": ask, "erase.word": ask_word, "erase.now": now}.get(found.option.do)
        return deed(work) if deed else ""
    if isinstance(found, FreeText) and work.received.kind is Kind.TEXT and _word_asked(work, answer_after):
        return now(work, work.received.text)
    return ""


def _word_asked(work: Work, answer_after: timedelta) -> bool:
    """Whether the newest question on the phone is the one for the word."""
    newest = next(iter(work.conversation.prompts), None)
    if newest is None or newest.key != "erase.word":
        return False
    return newest.asked_by(work.received.received_at) and not newest.older_than(work.now - answer_after)
