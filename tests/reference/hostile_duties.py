"""Random reference tables: institutions whose parents change, and duties of every specificity (SPEC 3.2, 7.2)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from reference.hostile_cells import DAY, ERAS

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

# Parents that do not exist, parents of parents, a parent that changes, a cycle and a way into it, a row that ends, two
# rows in force for one institution, a row without a region, spaces around cells.
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to,source
H1,控股1,holding,110000,,1990-01-01,长期,test
G1,集团1,state_bank,110000,,2000-01-01,,test
G2,集团2,state_bank,440300,H1,2000-01-01,,test
B01,机构01,state_bank,110000,G1,2000-01-01,,test
B02,机构02,state_bank,440300,G1,2000-01-01,2024-01-31,test
B02,机构02,state_bank,440300,\u3000G2 ,2024-02-01,,test
B03,机构03,rural_bank,440300,G1,2000-01-01,2023-06-30,test
B03,机构03,state_bank,440300,,2023-07-01,,test
B04,机构04,city_bank,310000,B05,2000-01-01,,test
B05,机构05,city_bank,310000,B04,2000-01-01,,test
B06,机构06,state_bank,650100,G9,2000-01-01,9999-12-31,test
B07,机构07,city_bank,650100,B06,2010-01-01,,test
B07,机构07,consumer_finance,650100,B04,2010-01-01,,test
B08,机构08,consumer_finance,,G2,1900-01-01,,test
"""

COLUMNS = (
    "duty_id",
    "check_kind",
    "provider_code",
    "institution_kind",
    "region_code",
    "business_code",
    "account_type",
    "channel",
    "in_force_from",
    "in_force_to",
    "documented_to",
    "status",
    "source",
)

# check_kind, then the fields that are stated, then from, to, documented_to, status.
_Row = tuple[str, dict[str, str], str, str, str, str]
_FIXED: tuple[_Row, ...] = (
    ("invalid_card_check", {"institution_kind": "state_bank"}, "2018-04-09", "", "", "in_force"),
    ("invalid_card_check", {"institution_kind": "city_bank"}, "2018-04-09", "", "2024-01-31", "in_force"),
    ("invalid_card_check", {"institution_kind": "rural_bank"}, "2018-04-09", "2023-06-30", "2021-11-20", "in_force"),
    # an ancestor, a nearer one, and the provider itself: nearer wins
    ("invalid_card_check", {"provider_code": "H1"}, "2018-04-09", "", "", "not_in_force"),
    ("invalid_card_check", {"provider_code": "H1", "account_type": "wealth"}, "2018-04-09", "", "", "in_force"),
    ("invalid_card_check", {"provider_code": "G2"}, "2018-04-09", "", "2025-08-29", "in_force"),
    ("invalid_card_check", {"provider_code": "B01"}, "2021-11-21", "2024-02-29", "", "not_in_force"),
    ("invalid_card_check", {"provider_code": "B06", "account_type": "D1"}, "2018-04-09", "", "", "not_in_force"),
    # prefixes of one region: the longest wins
    ("invalid_card_check", {"region_code": "31"}, "2018-04-09", "", "", "not_in_force"),
    ("invalid_card_check", {"region_code": "3100"}, "2018-04-09", "", "", "in_force"),
    ("invalid_card_check", {"region_code": "310000", "channel": "online"}, "2023-01-31", "", "", "not_in_force"),
    # as many fields, the same distance: the latest in_force_from; then the smallest duty_id
    ("invalid_card_check", {"business_code": "81"}, "2018-04-09", "", "", "not_in_force"),
    ("invalid_card_check", {"business_code": "81"}, "2024-02-29", "", "", "in_force"),
    ("invalid_card_check", {"business_code": "21", "channel": "counter"}, "2018-04-09", "", "", "in_force"),
    ("invalid_card_check", {"business_code": "21", "channel": "counter"}, "2018-04-09", "", "", "not_in_force"),
    ("invalid_card_check", {"account_type": "deposit"}, "", "2026-08-31", "", "in_force"),
    ("network_check", {}, "2007-06-29", "", "", "in_force"),
    ("network_check", {"channel": "mail"}, "1900-01-01", "9999-12-31", "2024-02-28", "not_in_force"),
    ("in_person", {"channel": "counter"}, "2000-01-01", "", "", "in_force"),
    ("in_person", {"channel": "machine"}, "2000-01-01", "", "", "not_in_force"),
    ("in_person", {"channel": "agent"}, "2000-01-01", "", "2021-11-20", "in_force"),
    ("in_person", {"provider_code": "G1"}, "2018-04-09", "2025-08-29", "", "not_in_force"),
    ("face_match", {"institution_kind": "city_bank"}, "2020-01-01", "", "", "in_force"),
    ("fingerprint_match", {"account_type": "deposit"}, "2020-01-01", "", "", "not_in_force"),
)

_VALUES = {
    "provider_code": ("B01", "B02", "B03", "B04", "B05", "B07", "G1", "G2", "G9", "H1"),
    "institution_kind": ("state_bank", "rural_bank", "city_bank", "consumer_finance"),
    "region_code": ("11", "44", "4403", "440300", "65", "310000"),
    "business_code": ("11", "21", "81"),
    "account_type": ("D1", "R1", "R2", "R4", "deposit", "wealth"),
    "channel": ("counter", "machine", "online", "agent", "mail"),
}
_KINDS = ("invalid_card_check", "invalid_card_check", "network_check", "in_person", "face_match", "fingerprint_match")
_RANDOM_ROWS = 24
NO_ENDS = ("", "", "9999-12-31", "长期")


def _random_row(rng: Random) -> _Row:
    stated = {name: rng.choice(values) for name, values in _VALUES.items() if rng.random() < 0.35}
    first = rng.choice(("", "2018-04-09", *(str(era + rng.choice((-1, 0, 1)) * DAY) for era in ERAS[:4])))
    start = date.fromisoformat(first) if first else date(2000, 1, 1)
    ends = [str(era) for era in ERAS if era >= start]
    last = rng.choice(ends) if rng.random() < 0.35 else rng.choice(NO_ENDS)
    documented = rng.choice(ends) if rng.random() < 0.35 else rng.choice(NO_ENDS)
    return rng.choice(_KINDS), stated, first, last, documented, rng.choice(("in_force", "not_in_force"))


def _spelt(rng: Random, cell: str) -> str:
    """Spell a day with or without dashes, and a cell with spaces around now and then."""
    if len(cell) == 10 and cell[4] == cell[7] == "-" and rng.random() < 0.2:
        cell = cell.replace("-", "")
    return f" {cell}\u3000" if rng.random() < 0.03 else cell


def write_reference(folder: Path, rng: Random) -> None:
    """Write ``institutions.csv`` and ``duties.csv``, in any order of rows."""
    folder.mkdir(parents=True)
    (folder / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8", newline="\n")
    rows = [*_FIXED, *(_random_row(rng) for _ in range(_RANDOM_ROWS))]
    lines = []
    for number, (kind, stated, first, last, documented, status) in enumerate(rows, start=1):
        fields = [stated.get(name) or rng.choice(("*", "*", "")) for name in _VALUES]
        source = f"test doc {number}" if rng.random() < 0.9 else ""
        cells = [f"D{number:03d}", kind, *fields, first, last, documented, status, source]
        lines.append(",".join(_spelt(rng, cell) for cell in cells))
    rng.shuffle(lines)
    text = "\n".join([",".join(COLUMNS), *lines]) + "\n"
    (folder / "duties.csv").write_text(text, encoding="utf-8", newline="\n")
