"""What the demo refuses, and what it keeps. The demo as a whole is run by the browser tests."""

import contextlib
import socket
import stat
from pathlib import Path

import pytest

from handoff.demo import Demo
from handoff.demo_secrets import demo_environment, kept_secrets
from handoff.settings import Settings
from handoff.supervisor import CannotRun


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    first = kept_secrets(path)
    assert kept_secrets(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept_secrets(tmp_path / "other.env")["AMANA_MASTER_KEYS"] != first["AMANA_MASTER_KEYS"]


def test_a_secret_that_is_missing_is_added_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "demo.env"
    path.write_text("AMANA_RASA_TOKEN=kept\n")
    assert kept_secrets(path)["AMANA_RASA_TOKEN"] == "kept"
    assert "AMANA_MASTER_KEYS=" in path.read_text()


def test_the_generated_settings_are_valid_and_point_at_the_simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in demo_environment(settings(simulator_port=9999), tmp_path).items():
        monkeypatch.setenv(name, value)
    made = settings()
    assert made.development
    assert len(made.master_key_list()) == 1
    assert {made.twilio_api_url, made.meta_api_url, made.telegram_api_url} == {"http://127.0.0.1:9999"}


def test_the_assistant_gets_no_key_and_no_database(tmp_path: Path) -> None:
    env = {**demo_environment(settings(), tmp_path), "AMANA_DATABASE_URL": "postgresql://somewhere"}
    given = Demo(settings(data_dir=str(tmp_path)), print).assistant(env).env
    assert {name for name in given if name.startswith("AMANA_")} <= {
        "AMANA_RASA_TOKEN",
        "AMANA_INTERNAL_TOKEN",
        "AMANA_ACTIONS_URL",
        "AMANA_LOG_LEVEL",
    }


def test_it_does_not_run_where_production_was_said(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="AMANA_ENVIRONMENT says production"):
        Demo(settings(environment="production", data_dir=str(tmp_path)), print).check()


def test_a_taken_port_stops_it_before_anything_is_started(tmp_path: Path) -> None:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(5)]
        for taken in sockets:
            taken.bind(("127.0.0.1", 0))
        names = ("port", "internal_port", "worker_metrics_port", "rasa_url", "simulator_port")
        ports = dict(zip(names, (found.getsockname()[1] for found in sockets), strict=True))
        for free in sockets[:4]:
            free.close()
        chosen = {**ports, "rasa_url": f"http://127.0.0.1:{ports['rasa_url']}", "data_dir": str(tmp_path / "data")}
        with pytest.raises(CannotRun, match=f"Port {ports['simulator_port']} .*AMANA_SIMULATOR_PORT"):
            Demo(settings(**chosen), print).check()
    assert not (tmp_path / "data").exists()
