"""What a caseworker writes to the person: kept in the case, sent in the person's channel."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import MAX_REPLY, Line
from handoff.core.contact import kind_of_reply
from handoff.core.staff import User
from handoff.services.access import Desk, deed
from handoff.services.claim import held_case, renew


class CannotSend(Exception):
    """The reply was not taken. `code` says why: "empty", "too_long", "stopped" or "no_address"."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    """What the form sent. `after` is the id of the last line that the page showed ("" if there was none)."""

    text: str = field(repr=False)
    after: str = ""


async def reply(
    desk: Desk, connection: AsyncConnection, user: User, case_id: uuid.UUID, *, form: Reply, now: datetime
) -> None:
    """Send the holder's words. The same form sent twice is one message: on a bad line people click again.

    Raises NotFound, Taken, NotOpen or CannotSend.
    """
    text = form.text.replace("\r\n", "\n").strip()
    case = await held_case(desk, connection, user, case_id)
    if not text or len(text) > MAX_REPLY:
        raise CannotSend("too_long" if text else "empty")
    if case.stopped:
        raise CannotSend("stopped")
    if case.conversation_id is None or not desk.reaches(case):
        raise CannotSend("no_address")
    if _sent_before(await desk.cases.lines(connection, case_id), text, form.after):
        return
    kind = kind_of_reply(case.contact.last_inbound_at, now)
    sent = await desk.voice.say_text(connection, case.conversation_id, text, kind=kind, case_id=case_id)
    await desk.cases.add_line(connection, case_id, text, staff_id=user.id, outbound=sent)
    await desk.journal.record(connection, deed(user, "case.reply", case, kind=kind))
    await renew(desk, connection, user, case_id, now)
    await desk.cases.tell_desk(connection, case_id)


def _sent_before(lines: Sequence[Line], text: str, after: str) -> bool:
    """Whether the same words were already sent since the page was shown."""
    newer = takewhile(lambda line: line.id != after, reversed(lines))
    return any(line.speaker == "human" and line.text == text for line in newer)
