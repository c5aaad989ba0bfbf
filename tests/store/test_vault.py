"""Encryption at rest: what opens with which key, and what never does."""

from __future__ import annotations

import uuid

import pytest

from handoff.store.vault import CannotDecrypt, Vault

OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)
CANARY = "velvet canary"


def test_what_was_sealed_opens_at_its_place_only() -> None:
    key = Vault([OLD], b"index").new_key()
    sealed = key.encrypt(CANARY, "inbound.cipher")
    assert key.decrypt(sealed, "inbound.cipher") == CANARY
    with pytest.raises(CannotDecrypt):
        key.decrypt(sealed, "outbound.cipher")


def test_an_object_keeps_every_script() -> None:
    key = Vault([OLD], b"index").new_key()
    value = {"text": "مرحبا 👋", "list": [1, None]}
    assert key.decrypt_json(key.encrypt_json(value, "p"), "p") == value


def test_the_same_words_look_different_each_time_and_show_nothing() -> None:
    key = Vault([OLD], b"index").new_key()
    first, second = key.encrypt(CANARY, "p"), key.encrypt(CANARY, "p")
    assert first != second
    assert CANARY.encode() not in first
    assert "canary" not in repr(key)


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s[:5], lambda s: b"", lambda s: s[:-1] + bytes([s[-1] ^ 1])]
)
def test_what_was_changed_does_not_open(spoil: object) -> None:
    key = Vault([OLD], b"index").new_key()
    sealed = key.encrypt(CANARY, "p")
    with pytest.raises(CannotDecrypt):
        key.decrypt(spoil(sealed), "p")  # type: ignore[operator]


def test_after_rotation_old_keys_open_and_new_ones_are_wrapped_by_the_newest() -> None:
    kept = Vault([OLD], b"index").new_key()
    rotated = Vault([NEW, OLD], b"index")
    opened = rotated.open(kept.id, kept.wrapped, kept.master_id)
    assert opened.decrypt(kept.encrypt(CANARY, "p"), "p") == CANARY
    assert rotated.new_key().master_id == "new"


def test_without_its_master_key_or_under_another_id_a_key_stays_shut() -> None:
    kept = Vault([OLD], b"index").new_key()
    with pytest.raises(CannotDecrypt):
        Vault([NEW], b"index").open(kept.id, kept.wrapped, kept.master_id)
    with pytest.raises(CannotDecrypt):
        Vault([OLD], b"index").open(uuid.uuid4(), kept.wrapped, kept.master_id)
    with pytest.raises(CannotDecrypt):
        Vault([("old", b"x" * 32)], b"index").open(kept.id, kept.wrapped, kept.master_id)


def test_an_index_finds_the_same_again_and_nothing_else() -> None:
    vault = Vault([OLD], b"index")
    assert vault.index("sms", "+15550001") == Vault([NEW], b"index").index("sms", "+15550001")
    others = {vault.index("whatsapp", "+15550001"), vault.index("sms", "+15550002"), vault.index("sms+", "15550001")}
    others.add(Vault([OLD], b"other").index("sms", "+15550001"))
    assert vault.index("sms", "+15550001") not in others
    assert len(others) == 4
