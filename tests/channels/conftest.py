"""Loopback providers for the adapters under test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.channels.fake_server import FakeProvider


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider().running() as server:
        yield server
