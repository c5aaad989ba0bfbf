"""A gazetteer is read whole or refused with every row that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.core.gazetteer_file import read_places
from handoff.core.hsds_package import BadPackage

HEAD = "code,level,parent,name_en,name_ar,spellings\n"
GOOD = HEAD + "XT,0,,Tamaria,,\nXT01,1,XT,Kelvary,كلفاري,Kelvery|Kalvary\n"


def read(tmp_path: Path, content: str | bytes) -> tuple[list[str], list[str]]:
    """Codes, and faults as sentences."""
    path = tmp_path / "places.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    places, faults = read_places(path)
    return [place.code for place in places], [str(fault) for fault in faults]


def test_names_by_language_and_other_spellings(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(GOOD, encoding="utf-8-sig")
    places, faults = read_places(path)
    assert faults == []
    assert places[1].written == ("Kelvary", "كلفاري", "Kelvery", "Kalvary")
    assert (places[0].parent, places[1].parent) == ("", "XT")


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("XT01,1,XT,Again,,", "places.csv, row 4, code: XT01 stands twice"),
        ("XT 2,1,XT,Two,,", "places.csv, row 4, code: 'XT 2' is no P-code: letters and digits"),
        ("XT02,9,XT,Two,,", "places.csv, row 4, level: '9' is none of 0, 1, 2"),
        ("XT02,1,XT,,,", "places.csv, row 4, name_en: it has no name in any language"),
        ("XT02,1,XZ,Two,,", "places.csv, row 4, parent: XZ is no place of this file"),
        ("XT02,1,,Two,,", "places.csv, row 4, parent: nothing is no place of this file"),
        ("XT02,2,XT,Two,,", "places.csv, row 4, parent: XT is not one level above"),
        ("XZ,0,XT,Land,,", "places.csv, row 4, parent: a country lies in nothing"),
        ("XT02,1,XT", "places.csv, row 4: has more or fewer cells than the header"),
        ("XT02,1,XT,Two,,,,", "places.csv, row 4: has more or fewer cells than the header"),
        ('XT02,1,XT,"Tw"o,,', "places.csv, row 4: cannot be read as CSV (',' expected after '\"')"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, fault: str) -> None:
    assert fault in read(tmp_path, f"{GOOD}{row}\n")[1]


def test_what_is_no_gazetteer_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match="no column level, parent"):
        read(tmp_path, "code,name\nXT,Tamaria\n")
    with pytest.raises(BadPackage, match="not UTF-8"):
        read(tmp_path, GOOD.encode("utf-16"))
