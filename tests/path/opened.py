"""Everything that whoever holds the present master keys can read in a database: its texts, and what its keys open."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import psycopg

from handoff.store.database import libpq_dsn
from handoff.store.vault import CannotDecrypt, Key, Vault

COLUMNS = """
    SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema IN ('public', 'vault') AND table_name NOT LIKE 'procrastinate%'
"""
# Ciphers that are bound to another place than the one where they stand.
PLACES = ("inbound.cipher", "outbound.cipher", "dead_letters.cipher", "addresses.cipher", "case_messages.cipher")


def keys_of(dsn: str, vault: Vault) -> list[Key]:
    """Every data key that the master keys still open."""
    with psycopg.connect(libpq_dsn(dsn)) as connection:
        rows = connection.execute("SELECT id, wrapped, master_id FROM vault.data_keys").fetchall()
    return list(_opened(rows, vault))


def _opened(rows: list[Any], vault: Vault) -> Iterator[Key]:
    for key_id, wrapped, master in rows:
        try:
            yield vault.open(key_id, bytes(wrapped), master)
        except CannotDecrypt:
            continue


def readable(dsn: str, keys: list[Key]) -> str:
    """All texts of all rows, and everything that any of the keys opens, wherever it stands."""
    found: list[str] = []
    with psycopg.connect(libpq_dsn(dsn)) as connection:
        for schema, table, column, kind in connection.execute(COLUMNS).fetchall():
            query = f'SELECT "{column}" FROM "{schema}"."{table}"'  # noqa: S608 (names of our own tables)
            values = [row[0] for row in connection.execute(query).fetchall()]
            if kind == "bytea":
                places = {f"{table}.{column}", *PLACES}
                sealed = [bytes(value) for value in values if value is not None]
                found += [text for pair in product(sealed, keys) for text in _texts(*pair, places)]
                found += [value.hex() + value.decode("utf-8", "replace") for value in sealed]
            else:
                found += [str(value) for value in values if value is not None]
    return "\n".join(found)


def _texts(sealed: bytes, key: Key, places: set[str]) -> Iterator[str]:
    for place in places:
        try:
            yield key.decrypt(sealed, place)
        except (CannotDecrypt, UnicodeDecodeError):
            continue


def dump(program: Path, dsn: str, target: Path, *options: str) -> str:
    """A dump as `make backup` makes it, also as a text."""
    url = libpq_dsn(dsn)
    subprocess.run([str(program / "pg_dump"), "-Fc", "-f", str(target), *options, "-d", url], check=True)
    plain = subprocess.run(
        [str(program / "pg_dump"), "--inserts", *options, "-d", url], check=True, capture_output=True
    )
    return plain.stdout.decode("utf-8", "replace")


def restore(program: Path, source: Path, dsn: str) -> None:
    """Into an empty database."""
    subprocess.run([str(program / "pg_restore"), "--no-owner", "-d", libpq_dsn(dsn), str(source)], check=True)
