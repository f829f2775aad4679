"""A random hostile delivery: every trap of SPEC sections 3 to 6, for the program and the reference to judge.

What SPEC.md leaves open is not drawn: two answers to it would tell nothing about either reader.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from reference.columns import FEEDS, REGISTRIES
from reference.hostile_accounts import Accounts
from reference.hostile_cells import BAD_DATES, BAD_INSTANTS, BAD_INTS, BAD_ZONED, DAY, near_day, spell_number
from reference.hostile_files import Landing
from reference.hostile_people import PROVIDERS

if TYPE_CHECKING:
    from pathlib import Path

    from reference.columns import Column
    from reference.hostile_files import Cells
    from reference.hostile_people import Life

FIRST_NIGHT = date(2026, 11, 20)
RESERVED_NUMBER = "99999919800101001X"

# Parents that do not exist, a cycle, a name that ends, and two rows in force for one institution.
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to,source
G1,集团1,state_bank,110000,,2000-01-01,,test
B01,机构01,state_bank,110000,G1,2000-01-01,,test
B02,机构02,state_bank,440300,G1,2000-01-01,,test
B03,机构03,rural_bank,440300,G1,2000-01-01,2023-06-30,test
B03,机构03,state_bank,440300,,2023-07-01,,test
B04,机构04,city_bank,310000,B05,2000-01-01,,test
B05,机构05,city_bank,310000,B04,2000-01-01,,test
B06,机构06,state_bank,650100,G9,2000-01-01,9999-12-31,test
B07,机构07,city_bank,650100,B06,2010-01-01,,test
B07,机构07,consumer_finance,650100,,2010-01-01,,test
B08,机构08,consumer_finance,,,2000-01-01,,test
"""


def write_delivery(out: Path, seed: int, persons: int, nights: int) -> list[date]:
    """Write ``out/landing`` and ``out/reference``; returns the nights. The same seed writes the same bytes."""
    rng = Random(seed)  # noqa: S311 - test data
    days = [FIRST_NIGHT + timedelta(days=number) for number in range(nights)]
    landing = Landing(rng, days)
    makers = Accounts(rng, landing)
    for _ in range(persons):
        life = makers.life()
        makers.notices(life)
        makers.issuances(life)
        makers.accounts(life)
        _other_feeds(makers, life)
    _impostors(makers)
    _spoil(landing)
    landing.write(out / "landing")
    (out / "reference").mkdir(parents=True)
    (out / "reference" / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8", newline="\n")
    return days


def _other_feeds(makers: Accounts, life: Life) -> None:
    """Deliver inquiries, objections and fraud alerts; here they matter by their cells and keys."""
    rng = makers.rng
    day = min(life.reported.date(), FIRST_NIGHT)
    if makers.chance(0.08):
        inquiry = {
            "provider_code": rng.choice(PROVIDERS),
            "inquiry_id": makers.code("Q"),
            **makers.who(life),
            "inquired_at": makers.instant(life.reported + rng.choice((1, 90, 91)) * DAY),
            "reason": rng.choice(("loan_approval", "card_approval", "post_loan")),
        }
        makers.deliver("inquiries", inquiry)
    if makers.chance(0.05):
        alert = {
            "alert_id": makers.code("F"),
            "id_number": spell_number(rng, life.number),
            "effective_from": makers.day(near_day(rng, day)),
            "effective_to": makers.day(rng.choice((None, day + 30 * DAY))),
        }
        makers.deliver("fraud_alerts", alert)
    if makers.chance(0.03):
        objection = {
            "objection_no": makers.code("O"),
            "id_number": spell_number(rng, life.number),
            "provider_code": rng.choice(PROVIDERS),
            "received_on": makers.day(FIRST_NIGHT - DAY),
            "evidence_kind": "statement",
            "evidence_ref": "笔录二, 页3",
        }
        makers.deliver("objections", objection)


def _impostors(makers: Accounts) -> None:
    for number in makers.handlers:
        impostor = {
            "person_ref": makers.code("I"),
            "id_number": spell_number(makers.rng, number),
            "finding_on": makers.day(date(2019, 1, 1)),
            "term_ends_on": makers.day(makers.rng.choice((None, date(2025, 8, 29)))),
            "revoked_on": makers.day(None),
        }
        makers.deliver("impostors", impostor)


def _spoil(landing: Landing) -> None:
    """Spoil about one row in fifty by one cell, and copy some rows so that they conflict."""
    rng = landing.rng
    for (night, feed, _), rows in list(landing.rows.items()):
        for row in list(rows):
            if rng.random() < 0.02 and row.get("document_kind") != "other":
                spoilt = dict(row)
                _spoil_cell(rng, spoilt, rng.choice(FEEDS[feed]), landing.nights[night])
                # Spoilt in place, or beside the good row: then the bad one alone is lost.
                if rng.random() < 0.4:
                    rows[rows.index(row)] = spoilt
                else:
                    rows.append(spoilt)
            elif rng.random() < 0.003:
                rows.append({**row, "name": "冲突", "reason": row.get("reason", ""), "channel": row.get("channel", "")})
            elif rng.random() < 0.002 and "id_number" in row and feed in REGISTRIES:
                rows.append({**row, "id_number": RESERVED_NUMBER})


def _spoil_cell(rng: Random, row: Cells, column: Column, night: date) -> None:
    """Spoil one cell by its type; some of the values are just inside what is allowed."""
    edges = ("1949-10-01", (night + DAY).isoformat(), (night + 2 * DAY).isoformat(), "1949-09-30")
    if rng.random() < 0.15:
        row[column.name] = ""
    elif column.kind == "instant":
        row[column.name] = rng.choice(BAD_INSTANTS + BAD_ZONED + edges)
    elif column.kind == "date":
        row[column.name] = rng.choice(BAD_DATES + edges)
    elif column.kind == "int":
        row[column.name] = rng.choice(BAD_INTS)
    elif column.kind == "code":
        row[column.name] = rng.choice(("Other", "X9", "temporary ", "valid"))
    elif column.name == "id_number":
        row[column.name] = rng.choice((RESERVED_NUMBER, "999999800101001", ""))
