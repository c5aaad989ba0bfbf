"""Texts in which places and organisations have their names: "place.XA01" is an option like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from handoff.core.places import PLACE_OPTION, Places

ORGANIZATION_OPTION = "org."
_LABEL = f"option.{PLACE_OPTION}"
_NAME = f"option.{ORGANIZATION_OPTION}"


class Catalogue(Protocol):
    """The catalogue of what is said on phones."""

    def text(self, key: str, locale: str, variant: str | None = None, /, **args: str) -> str:
        """The text of a key in a language; never empty, never the key."""

    def state(self, key: str, locale: str) -> str:
        """Its review state."""

    def labels(self, option_id: str) -> Sequence[str]:
        """What an option is called, in every offered language."""

    def entries(self, locale: str) -> Mapping[str, Any]:
        """All entries of one language."""


@dataclass(frozen=True, slots=True)
class WithPlaces:
    """A catalogue that also knows the names of the gazetteer and of the directory's organisations."""

    catalogue: Catalogue
    places: Places

    def text(self, key: str, locale: str, variant: str | None = None, /, **args: str) -> str:
        """The text of a key in a language; never empty, never the key."""
        if key.startswith(_LABEL):
            return self.places.gazetteer.label(key.removeprefix(_LABEL), locale)
        if key.startswith(_NAME):
            return self.places.organizations.get(key.removeprefix(_NAME), "?")
        return self.catalogue.text(key, locale, variant, **args)

    def state(self, key: str, locale: str) -> str:
        """Its review state."""
        return self.catalogue.state(key, locale)

    def labels(self, option_id: str) -> Sequence[str]:
        """What an option is called, in every offered language; a place also as others spell it."""
        if option_id.startswith(PLACE_OPTION):
            place = self.places.gazetteer.places.get(option_id.removeprefix(PLACE_OPTION))
            return place.written if place else ()
        if option_id.startswith(ORGANIZATION_OPTION):
            name = self.places.organizations.get(option_id.removeprefix(ORGANIZATION_OPTION))
            return (name,) if name else ()
        return self.catalogue.labels(option_id)

    def entries(self, locale: str) -> Mapping[str, Any]:
        """All entries of one language."""
        return self.catalogue.entries(locale)
