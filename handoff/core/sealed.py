"""Sealing for who knows a word or holds a code: keys that only their own secret gives (SAFETY §5).

A secret is stretched by Argon2id with a salt of its own, after a keyed hash with the deployment's index key: who has
the database alone cannot even try words. For a return code, which is nowhere kept, a public key is there to seal with.
"""

from __future__ import annotations

import hashlib
import hmac

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# As for the desk's passwords: a tenth of a second and 46 MiB for each try.
TIME, MEMORY_KIB, LANES, BYTES = 1, 47_104, 1, 32
# Each key seals once: it is never used again, so a fixed nonce repeats nothing.
NONCE = bytes(12)
RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class WrongSecret(Exception):
    """This word or code does not open it."""


def stretch(secret: str, salt: bytes, pepper: bytes) -> bytes:
    """A key of 32 bytes from a normalised word or the digits of a code. Slow on purpose: call it in a thread."""
    peppered = hmac.digest(pepper, b"sealed\x1f" + secret.encode(), hashlib.sha256)
    return hash_secret_raw(peppered, salt, TIME, MEMORY_KIB, LANES, BYTES, Type.ID)


def seal_once(key: bytes, plain: bytes) -> bytes:
    """Encrypt under a key that seals nothing else."""
    return AESGCM(key).encrypt(NONCE, plain, b"sealed")


def open_once(key: bytes, sealed: bytes) -> bytes:
    """Decrypt. Raises WrongSecret."""
    try:
        return AESGCM(key).decrypt(NONCE, sealed, b"sealed")
    except InvalidTag as error:
        raise WrongSecret from error


def public_half(stretched: bytes) -> bytes:
    """What is kept of a code, so that something can be sealed for it later."""
    return X25519PrivateKey.from_private_bytes(stretched).public_key().public_bytes(*RAW)


def seal_for(public: bytes, plain: bytes) -> bytes:
    """Encrypt for whoever holds the code behind this public key: a one-time public key, then the sealed bytes."""
    own = X25519PrivateKey.generate()
    shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    return own.public_key().public_bytes(*RAW) + seal_once(_agreed(shared), plain)


def open_for(stretched: bytes, sealed: bytes) -> bytes:
    """Decrypt with the stretched code. Raises WrongSecret."""
    private = X25519PrivateKey.from_private_bytes(stretched)
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(sealed[:BYTES]))
    except ValueError as error:
        raise WrongSecret from error
    return open_once(_agreed(shared), sealed[BYTES:])


def _agreed(shared: bytes) -> bytes:
    return hashlib.sha256(b"amana sealed summary" + shared).digest()
