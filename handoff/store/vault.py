"""Encryption at rest: AES-256-GCM under data keys, data keys wrapped by a rotatable list of master keys.

A ciphertext is `nonce (12 bytes) + AES-GCM output`; the associated data is the name of the place where it is stored, so
that a ciphertext moved to another column does not open. Destroying a data key erases everything under it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


class CannotDecrypt(Exception):
    """The key is missing, destroyed or not the right one."""


def seal(cipher: AESGCM, plain: bytes, place: str) -> bytes:
    """Encrypt under a fresh random nonce."""
    nonce = os.urandom(NONCE)
    return nonce + cipher.encrypt(nonce, plain, place.encode())


def unseal(cipher: AESGCM, sealed: bytes, place: str) -> bytes:
    """Decrypt. Raises CannotDecrypt."""
    try:
        return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt(place) from error


@dataclass(frozen=True, slots=True)
class Key:
    """An opened data key. `wrapped` and `master_id` are what the database keeps of it."""

    id: uuid.UUID
    wrapped: bytes
    master_id: str
    cipher: AESGCM = field(repr=False)

    def encrypt(self, text: str, place: str) -> bytes:
        """A text, sealed for the place (table.column) where it will be stored."""
        return seal(self.cipher, text.encode(), place)

    def decrypt(self, sealed: bytes, place: str) -> str:
        """The text again. Raises CannotDecrypt."""
        return unseal(self.cipher, sealed, place).decode()

    def encrypt_json(self, value: Mapping[str, Any], place: str) -> bytes:
        """A small object, sealed."""
        return self.encrypt(json.dumps(value, ensure_ascii=False, separators=(",", ":")), place)

    def decrypt_json(self, sealed: bytes, place: str) -> dict[str, Any]:
        """The object again. Raises CannotDecrypt."""
        value: dict[str, Any] = json.loads(self.decrypt(sealed, place))
        return value


class Vault:
    """Opens and makes data keys with the master keys (newest first), and computes lookup indexes.

    The index of a phone number can be guessed by whoever holds the index key: docs/threat-model.md says so.
    """

    def __init__(self, master_keys: Sequence[tuple[str, bytes]], index_key: bytes) -> None:
        self._masters = {name: AESGCM(key) for name, key in master_keys}
        self._newest = master_keys[0][0]
        self._index_key = index_key

    def new_key(self) -> Key:
        """A fresh data key, wrapped by the newest master key."""
        raw = AESGCM.generate_key(256)
        key_id = uuid.uuid4()
        wrapped = seal(self._masters[self._newest], raw, f"vault.{key_id}")
        return Key(key_id, wrapped, self._newest, AESGCM(raw))

    @property
    def newest(self) -> str:
        """The name of the master key that wraps new data keys."""
        return self._newest

    def rewrap(self, key_id: uuid.UUID, wrapped: bytes, master_id: str) -> bytes:
        """The same data key, wrapped by the newest master key. Raises CannotDecrypt."""
        master = self._masters.get(master_id)
        if master is None:
            raise CannotDecrypt("vault: unknown master key")
        return seal(self._masters[self._newest], unseal(master, wrapped, f"vault.{key_id}"), f"vault.{key_id}")

    def open(self, key_id: uuid.UUID, wrapped: bytes, master_id: str) -> Key:
        """A stored data key, ready to use. Raises CannotDecrypt when its master key is not in the list."""
        master = self._masters.get(master_id)
        if master is None:
            raise CannotDecrypt("vault: unknown master key")
        return Key(key_id, wrapped, master_id, AESGCM(unseal(master, wrapped, f"vault.{key_id}")))

    def index(self, *parts: str) -> bytes:
        """A keyed hash by which a row is found without storing what it is about."""
        return hmac.digest(self._index_key, "\x1f".join(parts).encode(), hashlib.sha256)
