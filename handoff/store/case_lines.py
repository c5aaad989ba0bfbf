"""The chat of a case: what both sides wrote, and the automatic messages that were sent about it."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.case import Line
from handoff.core.message import RANK, SendState
from handoff.store.case_tables import Case, CaseMessage
from handoff.store.keys import load_key
from handoff.store.staff_tables import Staff
from handoff.store.tables import Outbound, Person
from handoff.store.vault import CannotDecrypt, Key, Vault

WRITTEN = (
    select(
        CaseMessage.id,
        CaseMessage.speaker,
        CaseMessage.kind,
        CaseMessage.cipher,
        CaseMessage.created_at,
        Staff.name.label("author"),
        Outbound.state,
        Outbound.error_code,
        Outbound.possible_duplicate,
    )
    .outerjoin(Staff, Staff.id == CaseMessage.staff_id)
    .outerjoin(Outbound, Outbound.id == CaseMessage.outbound_id)
    .order_by(CaseMessage.id)
)
AUTOMATIC = select(
    Outbound.id, Outbound.key, Outbound.created_at, Outbound.state, Outbound.error_code, Outbound.possible_duplicate
).where(Outbound.speaker != "human")


async def read_lines(connection: AsyncConnection, vault: Vault, case_id: uuid.UUID) -> list[Line]:
    """All lines in the order in which they were written. Text under a destroyed key is None."""
    key = await _person_key(connection, vault, case_id)
    lines: list[Line] = []
    for row in await connection.execute(WRITTEN.where(CaseMessage.case_id == case_id)):
        if row.kind == "part" and lines:
            lines[-1] = _worse(lines[-1], _written(row, key))
        else:
            lines.append(_written(row, key))
    kept = select(CaseMessage.outbound_id).where(CaseMessage.case_id == case_id, CaseMessage.outbound_id.is_not(None))
    automatic = AUTOMATIC.where(Outbound.case_id == case_id, Outbound.id.not_in(kept))
    lines += [_automatic(row) for row in await connection.execute(automatic)]
    return sorted(lines, key=lambda line: line.at)


async def _person_key(connection: AsyncConnection, vault: Vault, case_id: uuid.UUID) -> Key | None:
    query = select(Person.key_id).join(Case, Case.person_id == Person.id).where(Case.id == case_id)
    try:
        return await load_key(connection, vault, (await connection.execute(query)).scalar_one())
    except CannotDecrypt:
        return None


def _written(row: Any, key: Key | None) -> Line:
    return Line(
        id=f"m{row.id}",
        speaker=row.speaker,
        kind=row.kind,
        at=row.created_at,
        text=_open(row.cipher, key),
        author=row.author or "",
        send_state=row.state or "",
        error_code=row.error_code or "",
        possible_duplicate=bool(row.possible_duplicate),
    )


def _open(cipher: bytes | None, key: Key | None) -> str | None:
    if cipher is None or key is None:
        return None
    try:
        return key.decrypt(cipher, "case_messages.cipher")
    except CannotDecrypt:
        return None


def _automatic(row: Any) -> Line:
    return Line(
        id=f"o{row.id}",
        speaker="system",
        kind="notice",
        at=row.created_at,
        text=None,
        key=row.key,
        send_state=row.state,
        error_code=row.error_code or "",
        possible_duplicate=row.possible_duplicate,
    )


def _worse(whole: Line, part: Line) -> Line:
    """A message in several parts is as far as its slowest part, and failed if one has failed."""
    states = [SendState(line.send_state) for line in (whole, part) if line.send_state]
    failed = [state for state in states if RANK[state] > RANK[SendState.READ]]
    shown = failed[0] if failed else min(states, key=lambda state: RANK[state])
    return Line(
        id=whole.id,
        speaker=whole.speaker,
        kind=whole.kind,
        at=whole.at,
        text=whole.text,
        author=whole.author,
        send_state=shown.value,
        error_code=whole.error_code or part.error_code,
        possible_duplicate=whole.possible_duplicate or part.possible_duplicate,
    )
