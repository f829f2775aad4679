"""Whose a row is (SPEC 10.1, 12)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.book.addressed import addressed, name_regions
from unit.kit import NIGHT, institutions

if TYPE_CHECKING:
    from creditaudit.engines import Engine

TEXT = pa.string()
WHO = (
    ("all", "pboc_liaison", None, None),
    ("star", "pboc_liaison", None, "*"),
    ("south", "pboc_liaison", None, "44"),
    ("city", "pboc_liaison", None, "4403"),
    ("head", "institution", "B01", None),
    ("branch", "institution", "B01-1", None),
    ("group", "institution", "G", None),
)
# A branch has a parent; an institution moved within the south; one ended; one is unknown.
HOUSES = (
    {"provider_code": "B01", "region_code": "110000", "parent_code": "G"},
    {"provider_code": "B01-1", "region_code": "440300", "parent_code": "B01"},
    {"provider_code": "B02", "region_code": "310000", "valid_from": date(2020, 1, 1)},
    {"provider_code": "B02", "region_code": "440100", "valid_from": date(2025, 1, 1)},
    {"provider_code": "B02", "region_code": "440300", "valid_from": date(2027, 1, 1)},
    {"provider_code": "B03", "region_code": "440300", "valid_to": date(2020, 1, 1)},
    {"provider_code": "G"},
)


def who_gets(engine: Engine, *rows: tuple[str | None, str | None]) -> list[set[str]]:
    engine.load("institutions", institutions(HOUSES))
    columns = ("recipient", "kind", "provider_code", "region_prefix")
    schema = pa.schema([(name, TEXT) for name in columns])
    engine.load("recipients", pa.Table.from_pylist([dict(zip(columns, w, strict=True)) for w in WHO], schema=schema))
    schema = pa.schema([("place", pa.int64()), ("provider_code", TEXT), ("region_code", TEXT)])
    placed = [{"place": n, "provider_code": p, "region_code": r} for n, (p, r) in enumerate(rows)]
    engine.load("placed", pa.Table.from_pylist(placed, schema=schema))
    name_regions(engine, NIGHT)
    found = engine.fetch(addressed("placed", "place")).to_pylist()
    assert len({tuple(row.values()) for row in found}) == len(found)
    everyone = {"all", "star"}
    assert all({row["recipient"] for row in found if row["place"] == n} >= everyone for n in range(len(rows)))
    return [{row["recipient"] for row in found if row["place"] == n} - everyone for n in range(len(rows))]


def test_an_institution_gets_its_own_rows_and_neither_its_branches_nor_its_groups(engine: Engine) -> None:
    assert who_gets(engine, ("B01", None), ("B01-1", "110000"), ("G", None)) == [{"head"}, {"branch"}, {"group"}]


def test_a_liaison_gets_its_region_by_the_rows_own_else_by_its_institutions(engine: Engine) -> None:
    assert who_gets(engine, ("B01-1", None), ("B01", "440300"), ("B01-1", "110000"), (None, "4401"), (None, None)) == [
        {"branch", "south", "city"},
        {"head", "south", "city"},
        {"branch"},
        {"south"},
        set(),
    ]


def test_the_region_of_an_institution_is_that_in_force_tonight(engine: Engine) -> None:
    assert who_gets(engine, ("B02", None), ("B03", None), ("B09", None)) == [{"south"}, set(), set()]
