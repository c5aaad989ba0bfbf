"""Settings that an adapter cannot do without."""

from __future__ import annotations

from handoff.settings import Settings


def required(settings: Settings, name: str) -> str:
    """A plain setting. Raises ValueError naming the variable when it is empty."""
    value = str(getattr(settings, name)).strip()
    if not value:
        raise ValueError(f"AMANA_{name.upper()} is not set")
    return value
