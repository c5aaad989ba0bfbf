"""Every command says in a sentence what is missing, and does what it says."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.settings import Settings
from handoff.store.database import libpq_dsn
from tests.canary.deployment import environment_of
from tests.commands import AMANA, amana
from tests.ports import free_port

SERVERS = ["serve", "worker"]


def value(settings: Settings, query: str) -> object:
    with psycopg.connect(libpq_dsn(settings.database_url)) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


@pytest.mark.parametrize("command", [*SERVERS, "migrate", "simulator"])
def test_a_placeholder_stops_every_process_with_one_sentence(tmp_path: Path, settings: Settings, command: str) -> None:
    done = amana(tmp_path, settings, command, index_key="changeme")
    assert done.code == 1
    assert "AMANA_INDEX_KEY still has its placeholder" in done.err
    assert "Traceback" not in done.err


def test_production_without_a_database_says_so(tmp_path: Path, settings: Settings) -> None:
    done = amana(tmp_path, settings, "worker", environment="production", database_url="")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "AMANA_DATABASE_URL is empty" in done.err


def test_a_wrong_value_is_named_and_not_shown(tmp_path: Path, settings: Settings) -> None:
    done = amana(tmp_path, settings, "worker", port="velvet-canary")
    assert done.code == 1
    assert "AMANA_PORT" in done.err
    assert "canary" not in done.err


def test_the_simulator_runs_in_development_only(tmp_path: Path, settings: Settings) -> None:
    done = amana(tmp_path, settings, "simulator", environment="production")
    assert done.code == 1
    assert "development" in done.err


def test_migrate_brings_the_organisation_and_may_run_twice(tmp_path: Path, settings: Settings) -> None:
    for _ in range(2):
        assert amana(tmp_path, settings, "migrate").code == 0
    assert value(settings, "SELECT string_agg(slug, ',') FROM organisations") == "demo-aid"


def test_staff_are_added_with_a_password_from_stdin(tmp_path: Path, settings: Settings) -> None:
    arguments = ("staff", "add", "--login", "casey", "--name", "Casey (fictional)", "--password-stdin")
    assert amana(tmp_path, settings, *arguments, given="correct horse battery\n").code == 0
    kept = str(value(settings, "SELECT password_hash FROM staff WHERE login = 'casey'"))
    assert kept.startswith("$argon2id$")
    weak = amana(tmp_path, settings, *arguments, given="x\n")
    assert weak.code == 1
    assert "Traceback" not in weak.err


def test_dead_letters_are_listed_and_what_cannot_be_redriven_is_said(tmp_path: Path, settings: Settings) -> None:
    with psycopg.connect(libpq_dsn(settings.database_url)) as connection:
        connection.execute("INSERT INTO dead_letters (direction, channel, code) VALUES ('in', 'telegram', 'bad_json')")
    listed = amana(tmp_path, settings, "dead-letters", "list")
    assert listed.out.split("\t")[:4] == ["1", "in", "telegram", "bad_json"]
    refused = amana(tmp_path, settings, "dead-letters", "redrive", "1")
    assert refused.code == 1
    assert "nobody we can name" in refused.err


def test_content_is_checked(tmp_path: Path) -> None:
    done = amana(tmp_path, None, "content", "check")
    assert (done.code, done.out.splitlines()[-1]) == (0, "0 problems")


def test_without_channels_there_is_nothing_to_connect(tmp_path: Path, settings: Settings) -> None:
    done = amana(tmp_path, settings, "channels", "connect")
    assert (done.code, done.out) == (0, "")


def test_what_a_provider_needs_by_hand_is_said_once(tmp_path: Path, settings: Settings) -> None:
    twilio = {
        "twilio_account_sid": "AC" + "0" * 32,
        "twilio_auth_token": "0" * 32,
        "twilio_whatsapp_from": "+15550190003",
    }
    done = amana(tmp_path, settings, "channels", "connect", channels="whatsapp-twilio", **twilio)
    where = f"{settings.public_base_url}/webhooks/whatsapp-twilio#rc=5&rp=all"
    said = f"whatsapp-twilio: set in Twilio's console, POST: incoming messages {where}\n"
    assert (done.code, done.out) == (0, said)


async def test_gateway_and_worker_start_answer_and_end_on_sigterm(
    tmp_path: Path, settings: Settings, engine: AsyncEngine
) -> None:
    ports = {name: str(free_port()) for name in ("AMANA_PORT", "AMANA_INTERNAL_PORT", "AMANA_WORKER_METRICS_PORT")}
    env = environment_of(settings, settings.database_url) | ports
    started = [
        subprocess.Popen([AMANA, name], env=env, cwd=tmp_path)  # noqa: ASYNC220 (it returns at once)
        for name in SERVERS
    ]
    async with httpx.AsyncClient() as client, asyncio.timeout(30):
        for port in ports.values():
            await answers(client, f"http://127.0.0.1:{port}/readyz")
        metrics = await client.get(f"http://127.0.0.1:{ports['AMANA_WORKER_METRICS_PORT']}/metrics")
        assert "amana_queue_depth 0.0" in metrics.text
        assert (await client.get(f"http://127.0.0.1:{ports['AMANA_PORT']}/metrics")).status_code == 404
        assert (await client.get(f"http://127.0.0.1:{ports['AMANA_PORT']}/internal/actions")).status_code == 404
    for process in started:
        process.send_signal(signal.SIGTERM)
    ended = [await asyncio.to_thread(process.wait, 15) for process in started]
    assert [code in (0, -signal.SIGTERM) for code in ended] == [True, True]


async def answers(client: httpx.AsyncClient, url: str) -> None:
    while True:
        with contextlib.suppress(httpx.TransportError):
            if (await client.get(url)).status_code == 200:
                return
        await asyncio.sleep(0.05)
