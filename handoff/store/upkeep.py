"""What periodic jobs ask of the database: gauges, a sweep that should find nothing, purges, catch-up marks."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

DEAD_LETTERS_LIVE = timedelta(hours=24)
SWEEP = text("""
    UPDATE conversations SET due_at = now(), due_count = due_count + 1
    WHERE due_at IS NULL AND id IN (
        SELECT conversation_id FROM inbound WHERE worked_at IS NULL AND received_at < now() - interval '30 seconds'
        UNION
        SELECT conversation_id FROM outbound WHERE state IN ('queued', 'sending')
            AND created_at < now() - interval '30 seconds'
    ) RETURNING id
""")
# Conversation before message, as everybody locks them.
OPEN_WINDOWS = text("""
    WITH due AS (
        SELECT id FROM conversations WHERE id IN (
            SELECT conversation_id FROM outbound WHERE state = 'held' AND next_at <= now()
        ) ORDER BY id FOR NO KEY UPDATE
    ), freed AS (
        UPDATE outbound SET state = 'queued', next_at = NULL FROM due
        WHERE conversation_id = due.id AND state = 'held' AND next_at <= now() RETURNING conversation_id
    )
    UPDATE conversations SET due_at = LEAST(due_at, now()), due_count = due_count + 1
    FROM due WHERE conversations.id = due.id AND due.id IN (SELECT conversation_id FROM freed) RETURNING due.id
""")
PURGE_HELD = text("""
    UPDATE conversations SET held_cipher = NULL, held_at = NULL
    WHERE held_at IS NOT NULL AND held_at < now() - interval '24 hours'
""")
PURGE_WORDS = text("""
    UPDATE dead_letters SET cipher = NULL WHERE cipher IS NOT NULL AND created_at < now() - CAST(:age AS interval)
""")
PURGE_KEYS = text("""
    WITH gone AS (
        UPDATE dead_letters d SET key_id = NULL
        WHERE d.cipher IS NULL AND d.key_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM addresses a WHERE a.key_id = d.key_id)
        RETURNING (SELECT key_id FROM dead_letters o WHERE o.id = d.id) AS key_id
    )
    DELETE FROM vault.data_keys WHERE id IN (SELECT key_id FROM gone)
""")
GAUGES = text("""
    SELECT (SELECT count(*) FROM conversations WHERE due_at <= now()) AS depth,
           (SELECT COALESCE(EXTRACT(epoch FROM now() - min(due_at)), 0) FROM conversations
            WHERE due_at <= now()) AS age,
           (SELECT count(*) FROM dead_letters WHERE redriven_at IS NULL) AS dead
""")
ADD_SEGMENTS = text("""
    INSERT INTO channel_days (channel, day, segments)
    VALUES (:channel, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), :n)
    ON CONFLICT (channel, day) DO UPDATE SET segments = channel_days.segments + :n
    RETURNING segments, alarmed_at
""")
MARK_ALARMED = text("""
    UPDATE channel_days SET alarmed_at = now()
    WHERE channel = :channel AND day = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')
""")
CATCH_UP_LOCK = 7_220_002


class Upkeep:
    """One instance a process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ready(self) -> None:
        """Raises when the database does not answer or the schema is missing."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1 FROM alembic_version"))

    async def sweep(self) -> int:
        """Make conversations due that have work but are not due. Anything found is a bug, and is counted as one."""
        async with self._engine.begin() as connection:
            return len((await connection.execute(SWEEP)).all())

    async def open_windows(self) -> int:
        """Send what waited for the hours that people chose, where these have begun; how many conversations."""
        async with self._engine.begin() as connection:
            return len((await connection.execute(OPEN_WINDOWS)).all())

    async def purge_held_words(self) -> None:
        """Words that wait until it is clear whose they are live at most 24 h."""
        async with self._engine.begin() as connection:
            await connection.execute(PURGE_HELD)

    async def purge_dead_letters(self) -> None:
        """Words of dead letters live at most 24 h (SAFETY §5); their codes stay."""
        async with self._engine.begin() as connection:
            await connection.execute(PURGE_WORDS, {"age": DEAD_LETTERS_LIVE})
            await connection.execute(PURGE_KEYS)

    async def gauges(self) -> tuple[int, float, int]:
        """(conversations that wait, age of the oldest in seconds, dead letters)."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(GAUGES)).one()
        return row.depth, float(row.age), row.dead

    async def spend(self, channel: str, segments: int, budget: int) -> bool:
        """Add segments to today's count of a channel; True when this is what first passes the budget."""
        async with self._engine.begin() as connection:
            row = (await connection.execute(ADD_SEGMENTS, {"channel": channel, "n": segments})).one()
            passed = row.segments > budget and row.alarmed_at is None
            if passed:
                await connection.execute(MARK_ALARMED, {"channel": channel})
        return passed

    async def caught_up_until(self, channel: str) -> datetime | None:
        """Until when the provider has been asked for messages."""
        async with self._engine.connect() as connection:
            query = text("SELECT until FROM catch_up WHERE channel = :channel")
            until: datetime | None = (await connection.execute(query, {"channel": channel})).scalar()
        return until

    async def set_caught_up(self, channel: str, until: datetime) -> None:
        """Remember it."""
        async with self._engine.begin() as connection:
            await connection.execute(
                text("""
                    INSERT INTO catch_up (channel, until) VALUES (:channel, :until)
                    ON CONFLICT (channel) DO UPDATE SET until = GREATEST(catch_up.until, EXCLUDED.until)
                """),
                {"channel": channel, "until": until},
            )
