"""A place is found in people's own words, in any language and spelling; what is ambiguous is asked about."""

from __future__ import annotations

import pytest

from handoff.core.gazetteer_file import read_places
from handoff.core.place_names import WithPlaces
from handoff.core.places import Gazetteer, Place, Places
from handoff.directory_commands import DEMO_PLACES
from tests.console.world import texts


@pytest.fixture(scope="module")
def demo() -> Gazetteer:
    """The demo's fictional country."""
    places, faults = read_places(DEMO_PLACES)
    assert not faults
    return Gazetteer.of(places)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I am in Kelvary", "XT01"),
        ("OSMERE!!", "XT02"),
        ("je suis à Osmère", "XT02"),
        ("نحن في كلفاري", "XT01"),
        ("انا بكلفاري", "XT01"),
        ("я в Вельморе", "XT0101"),
        ("у Вельморі", "XT0101"),
        ("در کویلون هستم", "XT0201"),
        ("Kwiloon", "XT0201"),
        ("somewhere near Gué d'Ostrevar", "XT0302"),
        ("a camp near Quillon in Osmere", "XT0201"),
        ("Tamaria", "XT"),
    ],
)
def test_a_name_in_a_sentence(demo: Gazetteer, text: str, code: str) -> None:
    assert demo.find(text) == (code,)


@pytest.mark.parametrize("text", ["", "...", "I need food", "кельвин", "is it far from here"])
def test_what_is_no_place_is_none(demo: Gazetteer, text: str) -> None:
    assert demo.find(text) == ()


@pytest.mark.parametrize("text", ["kelvry", "Kellvary", "velmorra", "Talumbo", "وسمير"])
def test_one_wrong_letter_counts_only_where_a_place_was_asked_for(demo: Gazetteer, text: str) -> None:
    assert demo.find(text) == ()
    assert len(demo.find(text, guess=True)) == 1


def test_two_places_in_one_message_are_both_found(demo: Gazetteer) -> None:
    assert demo.find("from Kelvary to Osmere") == ("XT01", "XT02")


def two_of_a_name() -> Gazetteer:
    return Gazetteer.of(
        [
            Place("A", 0, "", {"en": "Aland"}),
            Place("A1", 1, "A", {"en": "North"}),
            Place("A2", 1, "A", {"en": "South"}),
            Place("A11", 2, "A1", {"en": "Milltown"}),
            Place("A21", 2, "A2", {"en": "Milltown"}),
            Place("A12", 2, "A1", {"en": "North"}),
        ]
    )


def test_places_of_one_name_are_told_apart_by_what_they_lie_in() -> None:
    gazetteer = two_of_a_name()
    assert gazetteer.find("milltown") == ("A11", "A21")
    assert gazetteer.label("A11", "en") == "Milltown, North"
    assert gazetteer.label("A2", "en") == "South"


def test_a_town_called_like_its_region_is_the_town() -> None:
    assert two_of_a_name().find("north") == ("A12",)


def test_what_lies_in_what(demo: Gazetteer) -> None:
    assert demo.chain("XT0201") == ("XT0201", "XT02", "XT")
    assert demo.within("XT02") == {"XT02", "XT0201", "XT0202"}
    assert [place.code for place in demo.choices()] == ["XT01", "XT02", "XT03", "XT04", "XT05"]


def test_a_circle_of_parents_ends() -> None:
    gazetteer = Gazetteer.of([Place("A", 1, "B", {"en": "Aa"}), Place("B", 1, "A", {"en": "Bb"})])
    assert gazetteer.chain("A") == ("A", "B")
    assert gazetteer.within("A") == {"A", "B"}


def test_a_place_is_an_option_with_a_name_in_each_language(demo: Gazetteer) -> None:
    catalogue = WithPlaces(texts(), Places(demo))
    assert catalogue.text("option.place.XT02", "ar") == "أوسمير"
    assert catalogue.text("option.place.XT02", "ti") == "Osmere"
    assert {"Osmere", "Osmère", "Ozmere"} <= set(catalogue.labels("place.XT02"))
    assert catalogue.labels("place.gone") == ()
    assert catalogue.text("option.menu", "en") == texts().text("option.menu", "en")
