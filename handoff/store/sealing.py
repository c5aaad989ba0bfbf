"""What is left for some days of a live case whose phone was erased by somebody who did not say the word: codes only,
without any address, sealed so that nothing but the word or the return code opens it (SAFETY §5)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.core.normalise import normalise
from handoff.core.presence import matches_word
from handoff.core.return_code import Code, read_code
from handoff.core.sealed import WrongSecret, open_for, open_once, public_half, seal_for, seal_once, stretch
from handoff.store.vault import Key, Vault

WORD = "persons.word_cipher"
SEAL = text("""
    INSERT INTO sealed_summaries (id, case_number, selector, by_code, by_word, salt, cipher, expires_at)
    VALUES (:id, :number, :selector, :by_code, :by_word, :salt, :cipher, now() + :kept)
""")
CODES = (
    *("organisation_id", "level", "reasons", "modality", "locale", "sop_version", "for_whom", "age_band", "place_code"),
    *("concerns", "flags", "skipped", "owner", "joint", "excluded", "worker_gender", "created_at"),
    *("text_key", "text_version", "consent_kind", "given_at", "expires_at", "consent_channel", "consent_locale"),
    "consent_modality",
)


def pepper(vault: Vault) -> bytes:
    """What a thief of the database alone does not have."""
    return vault.index("sealed summaries")


async def stretched(vault: Vault, secret: str, salt: bytes) -> bytes:
    """The slow part, off the loop."""
    return await asyncio.to_thread(stretch, secret, salt, pepper(vault))


async def seal_key(vault: Vault, code: Code) -> bytes:
    """The public key of a return code (`return_codes.seal_key`), made when the code is given out."""
    return public_half(await _stretched_code(vault, code))


async def _stretched_code(vault: Vault, code: Code) -> bytes:
    salt = hashlib.sha256(b"return code" + code.selector.encode()).digest()[:16]
    return await stretched(vault, code.digits, salt)


async def proves(vault: Vault, person: Any, said: str) -> bool:
    """Whether this is the person's word or return code."""
    if not said:
        return False
    if person.word_cipher:
        word = _key(vault, person).decrypt(person.word_cipher, WORD)
        if matches_word(said, word):
            return True
    code = read_code(said)
    if code is None or not person.seal_key or code.selector != person.selector:
        return False
    return await seal_key(vault, code) == bytes(person.seal_key)


async def seal_case(connection: AsyncConnection, vault: Vault, person: Any, case: Any, *, kept: timedelta) -> bool:
    """Keep the codes of a case for who knows the word or the code. False where nothing is kept, or could be opened."""
    if not kept or not (person.word_cipher or person.seal_key):
        return False
    summary, salt = os.urandom(32), os.urandom(16)
    codes = {name: _plain(getattr(case, name)) for name in CODES}
    by_word = None
    if person.word_cipher:
        word = normalise(_key(vault, person).decrypt(person.word_cipher, WORD))
        by_word = seal_once(await stretched(vault, word, salt), summary)
    values = {
        "id": uuid.uuid4(),
        "number": case.number,
        "selector": person.selector,
        "by_code": seal_for(bytes(person.seal_key), summary) if person.seal_key else None,
        "by_word": by_word,
        "salt": salt,
        "cipher": seal_once(summary, json.dumps(codes).encode()),
        "kept": kept,
    }
    await connection.execute(SEAL, values)
    return by_word is not None


async def open_summary(vault: Vault, sealed: Any, said: str) -> dict[str, Any] | None:
    """The codes of a sealed summary for who says the word or the code; None for anything else."""
    code, key = read_code(said), None
    with suppress(WrongSecret):
        if code and sealed.by_code and code.selector == sealed.selector:
            key = open_for(await _stretched_code(vault, code), bytes(sealed.by_code))
        elif sealed.by_word:
            word = await stretched(vault, normalise(said), bytes(sealed.salt))
            key = open_once(word, bytes(sealed.by_word))
    if key is None:
        return None
    codes: dict[str, Any] = json.loads(open_once(key, bytes(sealed.cipher)))
    return codes


async def take_as_long(vault: Vault) -> None:
    """As slow as sealing: how long the answer takes tells nobody whether there was a case."""
    await stretched(vault, "", os.urandom(16))


def _key(vault: Vault, person: Any) -> Key:
    return vault.open(person.key_id, person.wrapped, person.master_id)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return None if value is None else str(value)
