"""Writing what one turn decided: the message is worked, the conversation moves on, a case opens or ends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from sqlalchemy import case, exists, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from handoff.core.conversation import Turn
from handoff.core.ports import Lease, LeaseLost
from handoff.core.return_code import Code
from handoff.store.case_opening import open_case
from handoff.store.case_tables import CaseMessage
from handoff.store.directory import add_report
from handoff.store.door import notify_desk, set_stopped
from handoff.store.known import UNPROVEN_DANGER, come_back, count_wrong_word
from handoff.store.outbox import draft_values
from handoff.store.return_codes import keep_code, move
from handoff.store.sealing import seal_key
from handoff.store.tables import Conversation, DeadLetter, Inbound, Person
from handoff.store.taking_back import keep, take_back
from handoff.store.together import Together
from handoff.store.vault import Key, Vault

WORKED = text("""
    UPDATE inbound SET worked_at = now(), cipher = NULL, outcome = :outcome, intent = :intent WHERE id = :id
""")
BURY_OUTBOUND = text("""
    INSERT INTO dead_letters (direction, channel, code, outbound_id) VALUES ('out', :channel, :code, :id)
""")
RAISE_CASE = text("""
    UPDATE cases SET level = 'P0', alarm_at = now(), reasons = reasons || '["danger"]'::jsonb
    WHERE id = :id AND state IN ('waiting', 'claimed')
""")
FLAG_CARRIER = text("UPDATE cases SET carrier_blocked = true WHERE id = :id AND state IN ('waiting', 'claimed')")
RELEASE_HELD = text("""
    WITH freed AS (
        UPDATE outbound SET state = 'queued', next_at = NULL
        WHERE conversation_id = :id AND state = 'held' AND case_id = :case_id RETURNING id
    )
    UPDATE conversations SET due_count = due_count + 1 WHERE id = :id AND EXISTS (SELECT FROM freed)
""")
CANCEL_HELD = text("""
    UPDATE outbound SET state = 'cancelled', cipher = NULL, error_code = 'closed'
    WHERE conversation_id = :id AND case_id = :case_id AND state = 'held'
""")


WRONG_WORDS = 3
LOCKED_FOR = timedelta(hours=24)


async def mark_worked(connection: AsyncConnection, lease: Lease, turn: Turn) -> None:
    """Move the conversation on and empty the message. Raises LeaseLost if we no longer have the conversation, or if
    somebody changed its owner since it was leased (a caseworker claimed: the assistant must not speak any more)."""
    if (await connection.execute(_move(lease, turn))).first() is None:
        raise LeaseLost
    if lease.received:
        await connection.execute(WORKED, {"id": lease.received.id, "outcome": turn.outcome, "intent": turn.intent})


def _move(lease: Lease, turn: Turn) -> ReturningUpdate[tuple[uuid.UUID]]:
    before, changes = lease.conversation, dict(turn.changes)
    if "last_inbound_at" in changes and lease.received:
        # Leaving is about what came before it: whoever wrote again since is here.
        newer = (Inbound.conversation_id == before.id, Inbound.worked_at.is_(None), Inbound.id > lease.received.id)
        changes["last_inbound_at"] = case((exists().where(*newer), Conversation.last_inbound_at), else_=None)
    return (
        update(Conversation)
        .where(
            Conversation.id == before.id, Conversation.fence == lease.fence, Conversation.owner == before.owner.value
        )
        .values(fence=Conversation.fence, **changes)
        .returning(Conversation.id)
    )


USUAL = frozenset(
    {
        *("state", "prompts", "prompt_count", "locale", "minute_start", "minute_count", "day_start", "day_count"),
        "person_seen_at",
    }
)
# For many conversations at once; `store/door.py` says why they are locked first.
ANSWER = """
    WITH given AS (
        SELECT * FROM json_to_recordset(%(rows)s::json) AS row (n int, conversation_id uuid, fence bigint, owner text,
            state jsonb, prompts jsonb, prompt_count int, locale text, minute_start timestamptz, minute_count int,
            day_start timestamptz, day_count int, person_seen_at timestamptz,
            inbound_id bigint, outcome text, intent text, case_id uuid,
            channel text, account text, kind text, speaker text, key text, cipher bytea, segments smallint,
            send_state text, attempts smallint)
    ), ours AS (
        SELECT c.id, n FROM conversations c JOIN given ON c.id = conversation_id
        WHERE c.fence = given.fence AND c.owner = given.owner ORDER BY c.id FOR NO KEY UPDATE OF c
    ), moved AS (
        UPDATE conversations c SET state = given.state, prompts = given.prompts, prompt_count = given.prompt_count,
            locale = given.locale, minute_start = given.minute_start, minute_count = given.minute_count,
            day_start = given.day_start, day_count = given.day_count, person_seen_at = given.person_seen_at
        FROM given JOIN ours USING (n) WHERE c.id = ours.id RETURNING n
    ), worked AS (
        UPDATE inbound SET worked_at = now(), cipher = NULL, outcome = given.outcome, intent = given.intent
        FROM given JOIN moved USING (n) WHERE id = inbound_id
    ), said AS (
        INSERT INTO outbound (conversation_id, inbound_id, case_id, channel, account, kind, speaker, key, cipher,
            segments, state, attempts)
        SELECT conversation_id, inbound_id, case_id, channel, account, kind, speaker, key, cipher,
            segments, send_state, attempts
        FROM given JOIN moved USING (n) RETURNING id, inbound_id
    )
    SELECT n, said.id FROM said JOIN given USING (inbound_id)
"""


def only_answers(turn: Turn) -> bool:
    """True when a turn does nothing beside giving one answer and moving its conversation on."""
    special = (turn.new_case, turn.relay, turn.plan, turn.dead_code, turn.case_flags, turn.reports, turn.erase)
    person = (turn.set_aside, turn.return_to, turn.wrong_word, turn.unproven_danger, turn.take_back, turn.keep)
    known_by = (turn.word, turn.sign, turn.code, turn.came_with_code)
    quiet = turn.stop is None and turn.hold is None and not (turn.release_held or turn.off_notice)
    return (
        quiet
        and not any(special)
        and not any((*person, *known_by))
        and len(turn.drafts) == 1
        and turn.changes.keys() <= USUAL
    )


async def answer(answers: Together, lease: Lease, turn: Turn, *, state: str) -> list[int]:
    """`mark_worked` and the one reply, as a single statement: most turns are like this. Raises LeaseLost."""
    before, received, (draft,) = lease.conversation, lease.received, turn.drafts
    if received is None:
        raise AssertionError("a turn answers a message")
    reply = draft_values(lease.handle.key, before, draft, inbound_id=received.id, state=state)
    changes = {name: turn.changes.get(name, getattr(before, name)) for name in USUAL}
    changes["prompts"] = [p if isinstance(p, dict) else p.to_json() for p in changes["prompts"]]
    values = reply | changes | {"fence": lease.fence, "owner": before.owner.value, "send_state": state}
    rows = await answers.run(before.id, values | {"outcome": turn.outcome, "intent": turn.intent})
    if not rows:
        raise LeaseLost
    return [row.id for row in rows]


async def apply(connection: AsyncConnection, vault: Vault, lease: Lease, turn: Turn, organisation: str) -> None:
    """Everything that a turn may do beside answering, in the order in which one needs the other."""
    conversation, handle = lease.conversation, lease.handle
    if turn.dead_code and lease.received:
        await bury_inbound(connection, conversation.channel, lease, turn.dead_code)
    if turn.stop is not None:
        await set_stopped(connection, handle.address_id, stopped=turn.stop)
    if turn.off_notice:
        await connection.execute(
            text("UPDATE addresses SET off_notice_at = now() WHERE id = :id"), {"id": handle.address_id}
        )
    case_id = await apply_presence(connection, lease, turn)
    if turn.release_held and case_id:
        await connection.execute(RELEASE_HELD, {"id": conversation.id, "case_id": case_id})
    if case_id and "case_id" in turn.changes:
        # The case is over. Who writes from here next may be somebody else: what was held for it is never shown.
        await connection.execute(CANCEL_HELD, {"id": conversation.id, "case_id": case_id})
    for report in turn.reports:
        await add_report(connection, report)
    if turn.new_case:
        await open_case(connection, vault, lease, turn, organisation)
    if conversation.person_id and not turn.set_aside:
        await keep_choices(connection, vault, lease, turn)
    if turn.take_back:
        await take_back(connection, lease, turn)
    if turn.keep:
        await keep(connection, conversation.id)
    if case_id:
        await change_case(connection, case_id, lease, turn)


async def apply_presence(connection: AsyncConnection, lease: Lease, turn: Turn) -> uuid.UUID | None:
    """Who is writing now, and what waits until that is clear. Returns the case that the turn is about."""
    conversation = lease.conversation
    if turn.hold is not None:
        sealed = lease.handle.key.encrypt(turn.hold, "conversations.held_cipher") if turn.hold else None
        held_at = (conversation.held_at or lease.now) if sealed else None
        await connection.execute(
            update(Conversation).where(Conversation.id == conversation.id).values(held_cipher=sealed, held_at=held_at)
        )
    for case_id in turn.unproven_danger:
        await connection.execute(UNPROVEN_DANGER, {"id": case_id})
        await notify_desk(connection, str(case_id))
    if turn.wrong_word:
        for case_id in await count_wrong_word(connection, turn.wrong_word, most=WRONG_WORDS, locked=LOCKED_FOR):
            await notify_desk(connection, str(case_id))
    if turn.came_with_code:
        moved = await move(connection, conversation.id, turn.came_with_code)
        if moved:
            await notify_desk(connection, str(moved))
        return None
    if turn.return_to:
        back = await come_back(connection, conversation.id, turn.return_to)
        return turn.return_to.case_id if back else None
    return None if turn.set_aside else conversation.case_id


async def keep_choices(connection: AsyncConnection, vault: Vault, lease: Lease, turn: Turn) -> None:
    """When we may write, and by what the person and we know each other."""
    person_id, key = lease.conversation.person_id, lease.handle.person_key
    if person_id is None or key is None:
        return
    chosen: dict[str, Any] = {}
    if turn.plan:
        chosen |= {"contact_plan": turn.plan, "plan_hours": list(turn.plan_hours)}
    if turn.word:
        chosen["word_cipher"] = key.encrypt(turn.word, "persons.word_cipher")
    if turn.sign:
        chosen["sign_cipher"] = key.encrypt(turn.sign, "persons.sign_cipher")
    if chosen:
        await connection.execute(update(Person).where(Person.id == person_id).values(chosen))
    if turn.code:
        code, code_hash = Code(turn.code[0]), turn.code[1]
        lock = await seal_key(vault, code)
        await keep_code(connection, person_id, code.selector, code_hash, seal_key=lock)


async def change_case(connection: AsyncConnection, case_id: uuid.UUID, lease: Lease, turn: Turn) -> None:
    """Relay, raise, flag or withdraw the case that the turn is about, and tell the desk."""
    person_key: Key | None = lease.handle.known_keys.get(case_id) or lease.handle.person_key
    if turn.relay and person_key:
        await connection.execute(
            insert(CaseMessage).values(
                case_id=case_id,
                speaker="person",
                kind=turn.relay.kind,
                cipher=person_key.encrypt(turn.relay.text, "case_messages.cipher"),
            )
        )
    if "danger" in turn.case_flags:
        await connection.execute(RAISE_CASE, {"id": case_id})
    if "carrier_blocked" in turn.case_flags:
        await connection.execute(FLAG_CARRIER, {"id": case_id})
    if turn.relay or turn.case_flags or turn.return_to or turn.stop is not None:
        await notify_desk(connection, str(case_id))


async def bury_inbound(connection: AsyncConnection, channel: str, lease: Lease, code: str) -> None:
    """A message that could not be worked: codes for staff, the words sealed and purged within 24 h (SAFETY §5)."""
    key: Key = lease.handle.key
    message = lease.received
    sealed = key.encrypt(message.text, "dead_letters.cipher") if message else None
    await connection.execute(
        insert(DeadLetter).values(
            direction="in",
            channel=channel,
            code=code,
            inbound_id=message.id if message else None,
            key_id=key.id,
            cipher=sealed,
        )
    )


async def bury_outbound(connection: AsyncConnection, channel: str, outbound_id: int, code: str) -> None:
    """A message that could not be sent and that a person may re-drive."""
    parameters: dict[str, Any] = {"channel": channel, "code": code, "id": outbound_id}
    await connection.execute(BURY_OUTBOUND, parameters)
