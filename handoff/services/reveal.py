"""Showing a number or a word: to who holds the case or supervises it, for a reason, once, on record (SAFETY §5)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import REVEAL_REASONS, REVEALS
from handoff.core.staff import User
from handoff.services.access import Desk, access_case, deed


class CannotReveal(Exception):
    """Nothing is shown. `code` says why: "not_yours", "no_consent", "no_reason" or "nothing_there"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Revealed:
    """What is shown once. `sign` are the words by which the person knows us; "" where there are none."""

    what: str
    number: str = field(default="", repr=False)
    word: str = field(default="", repr=False)
    sign: str = field(default="", repr=False)


async def reveal(
    desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, *, what: str, reason: str
) -> Revealed:
    """The person's number, or their word and ours. No role can have it without a live consent to contact.

    The audit keeps who, what of the two, and the reason's code. Raises NotFound or CannotReveal.
    """
    case = await access_case(desk, connection, user, case_id, lock=True)
    if what not in REVEALS or reason not in REVEAL_REASONS:
        raise CannotReveal("no_reason")
    if not case.open or (case.claimed_by != user.id and not user.supervises(case.organisation_id)):
        raise CannotReveal("not_yours")
    if not case.contact.consent_live:
        raise CannotReveal("no_consent")
    if what == "number":
        shown = Revealed(what, number=await desk.cases.number_of(connection, case_id))
    else:
        word, sign = await desk.cases.words_of(connection, case_id)
        shown = Revealed(what, word=word, sign=sign)
    if not (shown.number or shown.word or shown.sign):
        raise CannotReveal("nothing_there")
    await desk.journal.record(connection, deed(user, "case.reveal", case, what=what, reason=reason))
    return shown
