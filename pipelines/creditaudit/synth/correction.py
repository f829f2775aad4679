"""One matter to its end: a stolen account is deleted after an answer, and comes back under another code.

A small run of six nights or more tells it: on two nights the institution delivers everything it has, without that
account; on the last it delivers the debt anew. What people answer in between is not delivered, and not made here.
"""

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creditaudit.feeds import FEEDS
from creditaudit.synth.institutions import Provider

# Nights, 0-based: the two full deliveries without the account, and its return. The answer is taken before them.
ABSENT_ON: Final = (3, 4)
BACK_ON: Final = 5
NIGHTS: Final = 6
_MARK: Final = "9"
_COLUMNS: Final = [column.name for column in FEEDS["accounts"].columns]

Row = dict[str, str]


@dataclass(frozen=True)
class Matter:
    """The account that is deleted, and the code under which it comes back; also ``truth/correction.csv``."""

    house: Provider
    account_code: str
    returns_as: str


def tell_matter(out: Path, houses: tuple[Provider, ...], nights: list[str]) -> dict[str, int]:
    """Add the matter's files to a finished landing; returns rows of accounts added by night.

    Parameters
    ----------
    out
        Has ``landing/`` and ``truth/``.
    houses
        All institutions; the matter is told of the smallest that can.
    nights
        Business dates, six or more.
    """
    thefts = _rows((out / "truth" / "thefts.csv").read_text(encoding="utf-8"))
    begun = [t for t in thefts if t["determined_on"] == nights[0] and t["expected_rule"] == "R101"]
    for house in sorted(houses, key=lambda h: (h.share, h.code)):
        first = _delivered(out / "landing" / nights[0], house)
        codes = {row["account_code"] for row in first}
        stolen = sorted(t["account_code"] for t in begun if t["provider_code"] == house.code)
        stolen = [code for code in stolen if code in codes]
        if stolen:
            return _told(out, Matter(house, stolen[0], stolen[0][:-1] + _MARK + stolen[0][-1]), nights)
    return {}


def _told(out: Path, matter: Matter, nights: list[str]) -> dict[str, int]:
    house, added = matter.house, {}
    standing: dict[str, Row] = {}
    for place, night in enumerate(nights[:NIGHTS]):
        folder = out / "landing" / night
        standing |= {row["account_code"]: row for row in _delivered(folder, house)}
        day = nights[place].replace("-", "") if house.compact else nights[place]
        if place in ABSENT_ON:
            rows = [
                {**row, "report_date": day} for code, row in sorted(standing.items()) if code != matter.account_code
            ]
            _write(folder, house, "all", rows, {"kind": "full", "covers_from": "2004-01-01", "covers_to": night})
            added[night] = len(rows)
        elif place == BACK_ON:
            row = {**standing[matter.account_code], "account_code": matter.returns_as, "report_date": day}
            _write(folder, house, "again", [row], {"kind": "delta", "covers_from": night, "covers_to": night})
            added[night] = 1
    told = (house.code, matter.account_code, *(nights[k] for k in ABSENT_ON), matter.returns_as, nights[BACK_ON])
    head = "provider_code,account_code,first_absent_on,then_absent_on,returns_as,returns_on"
    (out / "truth" / "correction.csv").write_text(f"{head}\n{','.join(told)}\n", encoding="utf-8")
    return added


def _rows(text: str) -> list[Row]:
    return [
        row for row in csv.DictReader(io.StringIO(text, newline="")) if None not in row and None not in row.values()
    ]


def _delivered(folder: Path, house: Provider) -> list[Row]:
    """Return the whole rows of an institution's own file of a night; a damaged one is not delivered again."""
    name = f"{house.code}.csv.gz" if house.gzip else f"{house.code}.csv"
    content = (folder / "accounts" / name).read_bytes()
    text = (gzip.decompress(content) if house.gzip else content).decode(house.encoding)
    lines = [line for line in text.splitlines() if line.count(",") == len(_COLUMNS) - 1 and '"' not in line]
    return [row for row in _rows("\n".join(lines)) if row["account_code"].isalnum()]


def _write(folder: Path, house: Provider, name: str, rows: list[Row], control: dict[str, str]) -> None:
    end = house.line_end.decode()
    text = end.join([",".join(_COLUMNS), *(",".join(row[c] for c in _COLUMNS) for row in rows), ""])
    path = folder / "accounts" / f"{house.code}-{name}.csv"
    content = text.encode(house.encoding)
    path.write_bytes(content)
    scope = {"provider_code": house.code, "region_code": None, "business_codes": None}
    told = {"rows": len(rows), "sha256": hashlib.sha256(content).hexdigest(), **scope, **control}
    path.with_name(f"{path.name}.ctl").write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
