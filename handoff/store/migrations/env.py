"""Alembic's entry: runs migrations on the database named in the config, one process at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from handoff.store import case_tables, directory_tables, erasure_tables, staff_tables
from handoff.store.tables import Base

LOCK = 7_220_001
# All tables: a model counts once its module is loaded.
MODULES = (case_tables, directory_tables, erasure_tables, staff_tables)
METADATA = Base.metadata


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Everything but the job queue, whose tables its own library keeps."""
    if kind == "schema":
        return name in {None, "vault"}
    return not (name or "").startswith("procrastinate_")


def run() -> None:
    """Migrate inside one transaction, with a lock time-out so that a busy table does not queue everybody behind us."""
    engine = create_engine(context.config.attributes["url"], hide_parameters=True)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        connection.execute(text("SET lock_timeout = '10s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=METADATA,
            include_schemas=True,
            include_name=ours,
            compare_type=True,
            compare_server_default=False,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
