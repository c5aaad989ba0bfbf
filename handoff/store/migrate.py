"""Brings the schema to what the code expects, and says whether models and migrations agree."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from handoff.store.database import sqlalchemy_url


def alembic_config(dsn: str) -> Config:
    """Alembic without an ini file: the folder beside this file, and the database that was named."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = sqlalchemy_url(dsn)
    return config


def upgrade(dsn: str) -> None:
    """Apply every migration that is missing. Safe to run from several processes: an advisory lock lets one work."""
    command.upgrade(alembic_config(dsn), "head")


def check(dsn: str) -> None:
    """Raise alembic.util.CommandError if the models say something that no migration does."""
    command.check(alembic_config(dsn))


def new_revision(dsn: str, message: str) -> None:
    """Write a migration file from the difference between models and database (for developers)."""
    command.revision(alembic_config(dsn), message, autogenerate=True)
