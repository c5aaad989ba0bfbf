"""Contract tests read the providers' official specifications, which are not part of this project.

They are collected only where AMANA_SPECS_DIR names the folder that holds them; all else stands without.
"""

from __future__ import annotations

import os

import pytest

from tests.contract.specs import Provider, meta, telegram, twilio

collect_ignore_glob = [] if os.environ.get("AMANA_SPECS_DIR") else ["test_*.py"]


@pytest.fixture(scope="session")
def providers() -> dict[str, Provider]:
    """The checker of each channel's provider."""
    return {"sms-twilio": twilio(), "whatsapp-twilio": twilio(), "whatsapp-cloud": meta(), "telegram": telegram()}
