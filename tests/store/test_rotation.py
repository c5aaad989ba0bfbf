"""A new master key: wrapped anew while both are there, resumed where it stopped, and the old one is needed no more."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.doctor import about_keys
from handoff.settings import Settings
from handoff.store import rotation
from handoff.store.keys import add_key, load_key
from handoff.store.rotation import keys_by_master, rotate
from handoff.store.vault import CannotDecrypt, Vault

OLD, NEW = ("k1", b"1" * 32), ("k2", b"2" * 32)


def vault_of(*keys: tuple[str, bytes]) -> Vault:
    return Vault(list(keys), b"index")


async def test_keys_are_wrapped_anew_and_what_they_locked_still_opens(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    running, both = vault_of(OLD), vault_of(NEW, OLD)
    async with engine.begin() as connection:
        keys = [await add_key(connection, running) for _ in range(5)]
    sealed = [key.encrypt("velvet", "p") for key in keys]
    heard: list[int] = []
    assert await rotate(engine, both, heard.append) == (5, 0)
    assert heard == [2, 4, 5]
    assert await keys_by_master(engine) == {"k2": 5}
    async with engine.connect() as connection:
        for key, cipher in zip(keys, sealed, strict=True):
            assert (await load_key(connection, vault_of(NEW), key.id)).decrypt(cipher, "p") == "velvet"
            with pytest.raises(CannotDecrypt):
                await load_key(connection, running, key.id)


async def test_a_process_with_both_keys_opens_before_and_after(engine: AsyncEngine) -> None:
    both = vault_of(NEW, OLD)
    async with engine.begin() as connection:
        key = await add_key(connection, vault_of(OLD))
    for _ in range(2):
        async with engine.connect() as connection:
            assert (await load_key(connection, both, key.id)).id == key.id
        await rotate(engine, both, lambda _: None)


async def test_it_goes_on_where_it_was_stopped(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    async with engine.begin() as connection:
        for _ in range(5):
            await add_key(connection, vault_of(OLD))

    def stop(_: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        await rotate(engine, vault_of(NEW, OLD), stop)
    assert await keys_by_master(engine) == {"k1": 3, "k2": 2}
    assert await rotate(engine, vault_of(NEW, OLD), lambda _: None) == (3, 0)


async def test_a_key_of_a_master_that_is_gone_is_counted_and_left_alone(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await add_key(connection, vault_of(("lost", b"3" * 32)))
        await connection.execute(text("UPDATE vault.data_keys SET wrapped = wrapped"))
    assert await rotate(engine, vault_of(NEW, OLD), lambda _: None) == (0, 1)
    assert await keys_by_master(engine) == {"lost": 1}


def test_the_doctor_tells_old_keys_and_lost_ones(settings: Settings) -> None:
    found = list(about_keys("test", {"test": 3, "lost": 1}, settings))
    assert [(each.stop, "lost" in each.sentence) for each in found] == [(True, True)]
    rotated = settings.model_copy(update={"master_keys": settings.master_keys})
    found = list(about_keys("k2", {"test": 3}, rotated))
    assert [(each.stop, "amana keys rotate" in each.sentence) for each in found] == [(False, True)]
