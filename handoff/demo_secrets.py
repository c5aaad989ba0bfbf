"""The demo's settings: generated secrets, kept in a 0600 file; the providers' addresses are the simulator's."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from handoff.settings import Settings

STAFF = (
    ("mina", "Mina (fictional)", "caseworker"),
    ("tariq", "Tariq (fictional)", "caseworker"),
    ("sol", "Sol (fictional)", "supervisor"),
    ("nia", "Nia (fictional)", "caseworker"),
)
# Reports against aid workers go around the organisation that runs this: to a network of several.
PSEA_NETWORK = ("psea-network", "PSEA network (fictional)")
# Who is whose focal point: nobody else sees such cases.
FOCAL = {"mina": ("gbv", "cp", "male_survivors", "vot"), "tariq": ("vot",), "nia": ("psea",)}


def demo_environment(settings: Settings, folder: Path) -> dict[str, str]:
    """The environment of the demo's programs. What the person set in the environment goes before what is generated."""
    return {**fixed(settings), **kept_secrets(folder / "demo.env"), **os.environ, "AMANA_ENVIRONMENT": "development"}


def password_of(env: Mapping[str, str], login: str) -> str:
    """The generated password of a demo account."""
    return env[f"AMANA_DEMO_PASSWORD_{login.upper()}"]


def kept_secrets(path: Path) -> dict[str, str]:
    """The demo's secrets, made on the first run; one that a later version added is made then."""
    kept: dict[str, str] = {}
    if path.exists():
        lines = path.read_text().splitlines()
        kept = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    complete = {**generated(), **kept}
    if complete != kept:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        lines = [f"{name}={value}" for name, value in complete.items()]
        path.write_text(
            "\n".join(["# Secrets of the demo only. Delete this file and the folder to start afresh.", *lines, ""])
        )
    return complete


def generated() -> dict[str, str]:
    """Fresh secrets, in the forms that the providers give theirs."""
    made = {
        "AMANA_MASTER_KEYS": f"demo1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "AMANA_INDEX_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AMANA_CODE_PEPPER": base64.b64encode(secrets.token_bytes(32)).decode(),
        "AMANA_INTERNAL_TOKEN": secrets.token_urlsafe(32),
        "AMANA_RASA_TOKEN": secrets.token_urlsafe(32),
        "AMANA_TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "AMANA_TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "AMANA_META_ACCESS_TOKEN": f"EAA{secrets.token_hex(48)}",
        "AMANA_META_APP_SECRET": secrets.token_hex(16),
        "AMANA_META_VERIFY_TOKEN": secrets.token_urlsafe(16),
        "AMANA_TELEGRAM_TOKEN": f"{10**9 + secrets.randbelow(10**9)}:AA{secrets.token_hex(16)}x",
        "AMANA_TELEGRAM_SECRET": secrets.token_urlsafe(24),
    }
    return made | {f"AMANA_DEMO_PASSWORD_{login.upper()}": secrets.token_urlsafe(9) for login, *_ in STAFF}


def fixed(settings: Settings) -> dict[str, str]:
    """What follows from the ports. Fictional numbers only; the three providers' paths do not overlap on one host."""
    simulator = f"http://{settings.simulator_host}:{settings.simulator_port}"
    return {
        "AMANA_PUBLIC_BASE_URL": f"http://{settings.host}:{settings.port}",
        "AMANA_ACTIONS_URL": f"http://{settings.internal_host}:{settings.internal_port}/internal/actions",
        "AMANA_CHANNELS": "sms-twilio,whatsapp-twilio,whatsapp-cloud,telegram",
        "AMANA_TWILIO_API_URL": simulator,
        "AMANA_META_API_URL": simulator,
        "AMANA_TELEGRAM_API_URL": simulator,
        "AMANA_TWILIO_SMS_FROM": "+15550190002",
        "AMANA_TWILIO_WHATSAPP_FROM": "+15550190003",
        "AMANA_META_PHONE_NUMBER_ID": "100000000000001",
        "AMANA_HOTLINE": "+15550190009",
        "AMANA_STAFFED_HOURS": "24/7",
    }
