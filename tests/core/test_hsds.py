"""What others send as a directory is read whole or refused with every row that is wrong."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from handoff.core.hsds import ORDER, Reading
from handoff.core.hsds_package import BadPackage, open_package

PLACES = frozenset({"XT", "XT01"})
FILES = {
    "organizations.csv": "id,name\no1,Blue Lamp (fictional)\n",
    "services.csv": "id,organization_id,name,status,assured_date\ns1,o1,Clinic,active,2025-01-15\n",
    "phones.csv": "id,service_id,number\np1,s1,+1 555 0101\n",
    "schedules.csv": "id,service_id,byday,opens_at,closes_at\nh1,s1,\"MO,TU\",08:00,16:00:00\n",
    "service_areas.csv": "id,service_id,extent,extent_type\na1,s1,XT01,pcode\n",
    "taxonomy_terms.csv": "id,code,taxonomy\nt1,need,amana\nt2,free,amana\nt3,gender_served,amana\nt9,x,other\n",
    "attributes.csv": "id,link_id,taxonomy_term_id,value\nb1,s1,t1,\"health,mental\"\nb2,s1,t2,true\nb3,s1,t3,women\n",
}  # fmt: skip


def folder(tmp_path: Path, **changed: str) -> Path:
    """A good package, with these files changed (the name without .csv)."""
    for name, content in FILES.items():
        path = tmp_path / name
        path.write_text(changed.get(path.stem, content), encoding="utf-8")
    return tmp_path


def read(path: Path) -> tuple[dict[str, list[dict[str, Any]]], list[str], list[str]]:
    """Rows by resource, the faults and the notes, as sentences."""
    reading = Reading(open_package(path), PLACES)
    rows = {name: [dict(zip(reading.columns(name), row, strict=True)) for row in reading.rows(name)] for name in ORDER}
    return rows, [str(fault) for fault in reading.faults], reading.notes


def test_a_folder_is_read(tmp_path: Path) -> None:
    rows, faults, notes = read(folder(tmp_path))
    assert faults == []
    assert notes == []
    (service,) = rows["service"]
    assert (service["needs"], service["free"], service["gender_served"]) == (["health", "mental"], True, "women")
    assert service["assured_date"] == date(2025, 1, 15)
    assert rows["schedule"][0]["closes_at"] == time(16, 0)
    assert rows["service_area"][0]["place_code"] == "XT01"
    assert rows["phone"][0]["number"] == "+1 555 0101"


@pytest.mark.parametrize("inner", ["", "export/"])
def test_a_zip_is_read_with_or_without_its_folder(tmp_path: Path, inner: str) -> None:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(inner + name, content)
    rows, faults, _ = read(path)
    assert (len(rows["service"]), faults) == (1, [])


def test_files_stand_where_the_descriptor_says(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "services.csv").rename(tmp_path / "data" / "s.csv")
    text = (tmp_path / "data" / "s.csv").read_text().replace(",", ";")
    (tmp_path / "data" / "s.csv").write_text(text)
    resources: list[dict[str, Any]] = [{"name": "service", "path": "data/s.csv", "dialect": {"delimiter": ";"}}]
    resources.append({"name": "organization", "path": "organizations.csv"})
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": resources}))
    rows, faults, _ = read(tmp_path)
    assert (len(rows["service"]), rows["phone"], len(faults)) == (1, [], 0)


@pytest.mark.parametrize(
    ("resource", "sentence"),
    [
        ({"name": "service", "path": "../services.csv"}, "not inside the package"),
        ({"name": "service", "path": "/etc/passwd"}, "not inside the package"),
        ({"name": "service", "path": "https://example.org/s.csv"}, "not inside the package"),
        ({"name": "service", "path": ["a.csv", "b.csv"]}, "needs one path"),
        ({"name": "service", "path": "services.csv", "encoding": "latin-1"}, "save it as UTF-8"),
        ({"name": "service", "path": "services.csv", "dialect": {"delimiter": ";;"}}, "one character"),
    ],
)
def test_a_descriptor_that_points_elsewhere_is_refused(tmp_path: Path, resource: dict[str, Any], sentence: str) -> None:
    folder(tmp_path)
    (tmp_path / "datapackage.json").write_text(json.dumps({"resources": [resource]}))
    with pytest.raises(BadPackage, match=sentence):
        open_package(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    _, faults, _ = read(folder(tmp_path, services="\ufeff" + FILES["services.csv"]))
    assert faults == []


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("services", "id,organization_id,name,status,assured_date\ns1,o1,Clinic,active,15/01/2025\n",
         "services.csv, row 2, assured_date: '15/01/2025' is no date: write 2026-03-31"),
        ("services", "id,organization_id,name,status,assured_date\ns1,o1,Clinic,active,2999-01-01\n",
         "services.csv, row 2, assured_date: 2999-01-01 is still to come: nothing is assured ahead of time"),
        ("services", "id,organization_id,name,status\ns1,o9,Clinic,active\n",
         "services.csv, row 2, organization_id: o9 does not exist in the package"),
        ("services", "id,organization_id,name,status\ns1,o1,Clinic,active\ns1,o1,Other,active\n",
         "services.csv, row 3, id: s1 stands twice"),
        ("services", "id,organization_id,name,status\ns1,o1,,active\n", "services.csv, row 2, name: is missing"),
        ("services", "id,organization_id,name,status\n,o1,Clinic,active\n", "services.csv, row 2, id: is missing"),
        ("services", "id,organization_id,name,status\ns1,o1,Clinic,open\n",
         "services.csv, row 2, status: 'open' is none of active, inactive, defunct, temporarily closed"),
        ("services", "id,organization_id,name,status\ns1,o1,Clinic\n",
         "services.csv, row 2: has 3 cells where the header has 4"),
        ("services", "name,status\nClinic,active\n", "services.csv, row 1, id: no such column in the header"),
        ("services", "id,id,name\ns1,s1,Clinic\n", "services.csv, row 1, id: this column stands twice"),
        ("services", "", "services.csv: is empty: not even a header"),
        ("services", 'id,organization_id,name,status\ns1,o1,"Cli"nic,active\n',
         "services.csv, row 2: cannot be read as CSV (',' expected after '\"')"),
        ("phones", "id,service_id,number\np1,s1,call us\n", "phones.csv, row 2, number: is no phone number"),
        ("phones", "id,service_id,number\np1,,+1 555 0101\n",
         "phones.csv, row 2: belongs to nothing: no service, location or organization is named"),
        ("phones", "id,service_id,number\np1,s2,+1 555 0101\n",
         "phones.csv, row 2, service_id: s2 does not exist in the package"),
        ("schedules", "id,service_id,byday\nh1,s1,Monday\n",
         "schedules.csv, row 2, byday: 'MONDAY' is no day: write MO,TU,WE,TH,FR,SA,SU"),
        ("schedules", "id,service_id,opens_at\nh1,s1,8 am\n",
         "schedules.csv, row 2, opens_at: '8 am' is no time of day: write 08:00"),
        ("schedules", "id,service_id,opens_at\nh1,s1,08:00+02:00\n",
         "schedules.csv, row 2, opens_at: '08:00+02:00': write the local time, and the zone in timezone"),
        ("schedules", "id,service_id,timezone\nh1,s1,Mars/Base\n",
         "schedules.csv, row 2, timezone: unknown time zone 'Mars/Base'"),
        ("schedules", "id,service_id\nh1,\n",
         "schedules.csv, row 2: belongs to nothing: no service, location or the like is named"),
        ("service_areas", "id,service_id,extent,extent_type\na1,s1,XT99,pcode\n",
         "service_areas.csv, row 2, extent: XT99 is no place of the gazetteer: import places first"),
        ("attributes", "id,link_id,taxonomy_term_id,value\nb1,s1,t1,gold\n",
         "attributes.csv, row 2, value: 'gold' is none of health, food, shelter, legal, cash, protection, mental, "
         "child, family, documents, work, education, asylum, return"),
        ("attributes", "id,link_id,taxonomy_term_id,value\nb1,s7,t1,health\n",
         "attributes.csv, row 2, link_id: s7 is no service of the package"),
        ("attributes", "id,link_id,taxonomy_term_id,value\nb1,s1,t2,perhaps\n",
         "attributes.csv, row 2, value: 'perhaps': free is true or false"),
        ("attributes", "id,link_id,taxonomy_term_id,value\nb1,s1,t3,girls\n",
         "attributes.csv, row 2, value: 'girls' is none of any, women, men"),
        ("taxonomy_terms", "id,code,taxonomy\nt1,colour,amana\nt2,free,amana\nt3,gender_served,amana\n",
         "attributes.csv, row 2, value: the taxonomy amana has no 'colour'"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named_with_its_field_and_the_reason(
    tmp_path: Path, file: str, content: str, fault: str
) -> None:
    _, faults, _ = read(folder(tmp_path, **{file: content}))
    assert fault in faults


def test_every_wrong_row_is_named_not_only_the_first(tmp_path: Path) -> None:
    phones = "id,service_id,number\n" + "".join(f"p{n},s1,none\n" for n in range(50))
    _, faults, _ = read(folder(tmp_path, phones=phones))
    assert len(faults) == 50


def test_another_encoding_is_named_with_its_row(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "organizations.csv").write_bytes("id,name\no1,Org\no2,Médecine\n".encode("latin-1"))
    _, faults, _ = read(tmp_path)
    assert "organizations.csv, row 3: is not UTF-8: save the file as UTF-8" in faults


def test_a_zero_byte_is_refused_before_the_database_is(tmp_path: Path) -> None:
    _, faults, _ = read(folder(tmp_path, organizations="id,name\no1,a\0b\n"))
    assert faults == ["organizations.csv, row 2, name: holds an invisible sign that no text may hold"]


def test_what_serves_no_search_is_noted(tmp_path: Path) -> None:
    _, faults, notes = read(
        folder(
            tmp_path,
            services="id,organization_id,name,status\ns1,o1,Clinic,active\n",
            attributes="id,link_id,taxonomy_term_id,value\nb1,s1,t9,x\n",
        )
    )
    assert faults == []
    assert notes == [
        "1 attributes of other taxonomies: not used",
        "1 services without a need: in nobody's search",
        "1 services without an assured_date: told to nobody",
    ]


SERVICE: dict[str, Any] = {
    "id": "s1",
    "name": "Clinic",
    "status": "active",
    "organization": {"id": "o1", "name": "Blue Lamp (fictional)"},
    "phones": [{"id": "p1", "number": "+1 555 0101", "languages": [{"id": "l1", "code": "ar"}]}],
    "attributes": [{"id": "b1", "value": "health", "taxonomy_term": {"id": "t1", "code": "need", "taxonomy": "amana"}}],
    "service_at_locations": [{"id": "x1", "location": {"id": "c1", "location_type": "redacted"}}],
}


@pytest.mark.parametrize(
    "shape",
    [
        lambda one: one,
        lambda one: [one],
        lambda one: {"contents": [one], "total_pages": 1},
        lambda one: {"services": [one]},
    ],
)
def test_json_is_read_in_each_of_its_forms(tmp_path: Path, shape: Callable[[Any], Any]) -> None:
    path = tmp_path / "services.json"
    path.write_text(json.dumps(shape(SERVICE)))
    rows, faults, _ = read(path)
    assert faults == []
    assert rows["service"][0]["needs"] == ["health"]
    assert rows["phone"][0]["service_id"] == "s1"
    assert rows["language"][0]["phone_id"] == "p1"
    assert rows["service_at_location"][0]["location_id"] == "c1"


def test_a_mistake_in_json_is_named_with_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "services.json"
    wrong = SERVICE | {"phones": [{"id": "p1", "number": "none"}, "no object"]}
    path.write_text(json.dumps([wrong]))
    _, faults, _ = read(path)
    assert "services.json, [0].phones[0], number: is no phone number" in faults
    assert "services.json, [0].phones[1]: is no object" in faults


def test_one_id_with_two_contents_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "services.json"
    other = SERVICE | {"id": "s2", "organization": {"id": "o1", "name": "Another (fictional)"}}
    path.write_text(json.dumps([SERVICE, other]))
    _, faults, _ = read(path)
    assert any("the same id stands at [0].organization with another value" in fault for fault in faults)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", b"{", "a.json, line 1: no JSON"),
        ("a.json", b"\xff\xfe{}", "a.json is not UTF-8"),
        ("a.json", b'"text"', "neither a service, nor a list"),
        ("a.txt", b"hello", "neither a folder, nor a zip, nor JSON"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadPackage, match=sentence):
        open_package(path)


def test_a_folder_without_services_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match=r"no organizations\.csv"):
        open_package(tmp_path)
    with pytest.raises(BadPackage, match="does not exist"):
        open_package(tmp_path / "gone")
