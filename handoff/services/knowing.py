"""By what a person and we know each other again: their word, our sign, and the code from another phone (SAFETY §4)."""

from __future__ import annotations

from handoff.core.control import ControlWords
from handoff.core.message import Kind
from handoff.core.prompts import Chosen, FreeText, Resolution
from handoff.core.words import may_be_chosen, offered, sign
from handoff.services.return_code import ReturnCodes
from handoff.services.turn import Work, written_at

ASKED = "word.ask"


async def met(
    work: Work, meaning: str, found: Resolution, control: ControlWords, codes: ReturnCodes | None
) -> str | None:
    """A code, a word or an answer about them; None for everything else."""
    coming = await come_with_code(work, codes)
    return coming or take_word(work, meaning, found, control) or await choose(work, found, codes)


async def choose(work: Work, found: Resolution, codes: ReturnCodes | None) -> str | None:
    """An answer about word or code, by somebody who is known to be the one; None for everything else."""
    deed = found.option.do if isinstance(found, Chosen) else ""
    if deed == "word.ours":
        return keep_word(work, offered(work.locale), show=True)
    if deed == "word.none":
        return _then_code(work, "no_word")
    if deed == "code.send" and codes and work.case_id:
        code, code_hash = await codes.draw()
        work.turn.code = (code.digits, code_hash)
        work.say("code.show", {"code": code.written()})
        work.change(prompts=[])
        return "code"
    if deed in {"code.none", "code.send"}:
        work.change(prompts=[])
        work.say("greet.here")
        return "no_code"
    return None


def take_word(work: Work, meaning: str, found: Resolution, control: ControlWords) -> str | None:
    """What is written where a word was asked for is the word, if it can be one; else it is for the humans."""
    newest = next(iter(work.conversation.prompts), None)
    if newest is None or newest.key != ASKED or not newest.asked_by(written_at(work.received)):
        return None
    if meaning or work.doubt or not work.case_id or not isinstance(found, FreeText):
        return None
    said = work.received.text.strip()
    if work.received.kind is not Kind.TEXT:
        return None
    if not may_be_chosen(said, control, work.voice.prompts.words, work.locale, work.conversation.network):
        return None
    return keep_word(work, said, show=False)


def keep_word(work: Work, word: str, *, show: bool) -> str:
    """Their word from now on. One of their own is never echoed."""
    work.turn.word = word
    work.say("word.set", {"word": word.upper() if show else ""})
    return _then_code(work, "word")


def _then_code(work: Work, outcome: str) -> str:
    """What we say first when we write or call, and the offer of a code."""
    ours = sign(work.locale)
    work.turn.sign = ours
    work.say("sign.show", {"sign": ours})
    work.say("code.ask")
    return outcome


async def come_with_code(work: Work, codes: ReturnCodes | None) -> str | None:
    """A right code, from any phone: we write to this one from now on, and nothing earlier is shown. A wrong one is
    answered as any other digits are."""
    if codes is None or work.received.kind is not Kind.TEXT:
        return None
    person = await codes.verify(work.received.text, sender=str(work.conversation.id))
    if person is None:
        return None
    work.present = True
    work.turn.came_with_code = person
    work.turn.hold = ""
    work.case_id = None
    work.change(prompts=[], state={}, word_due_at=None)
    work.say("greet.here")
    return "came_with_code"
