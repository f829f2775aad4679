"""A random hostile delivery: every trap of SPEC sections 3 to 6, for the program and the reference to judge.

What SPEC.md leaves open is not drawn: two answers to it would tell nothing about either reader.
"""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from reference.columns import FEEDS, REGISTRIES
from reference.hostile_cells import BAD_DATES, BAD_INSTANTS, BAD_INTS, BAD_ZONED, DAY, spell_number
from reference.hostile_duties import write_reference
from reference.hostile_files import Landing
from reference.hostile_people import PROVIDERS
from reference.hostile_scenes import Scenes

if TYPE_CHECKING:
    from pathlib import Path

    from reference.columns import Column
    from reference.hostile_files import Cells
    from reference.hostile_people import Life

FIRST_NIGHT = date(2026, 11, 20)
RESERVED_NUMBER = "99999919800101001X"

# Fixed, so that what must occur in the data occurs in every run (``expected.py``).
FIXED_SEEDS = (20261120, 2)
PERSONS = 900
NIGHTS = 3


def write_delivery(out: Path, seed: int, persons: int, nights: int) -> list[date]:
    """Write ``out/landing`` and ``out/reference``; returns the nights. The same seed writes the same bytes."""
    rng = Random(seed)  # noqa: S311 - test data
    days = [FIRST_NIGHT + timedelta(days=number) for number in range(nights)]
    landing = Landing(rng, days)
    makers = Scenes(rng, landing)
    for _ in range(persons):
        if makers.chance(0.36):
            makers.scene()
            continue
        life = makers.life()
        makers.notices(life)
        makers.issuances(life)
        makers.accounts(life)
        _other_feeds(makers, life)
    _spoil(landing)
    landing.write(out / "landing")
    write_reference(out / "reference", rng)
    return days


def _other_feeds(makers: Scenes, life: Life) -> None:
    """Deliver inquiries, objections and fraud alerts; here they matter by their cells and keys."""
    rng = makers.rng
    if makers.chance(0.08):
        inquiry = {
            "provider_code": rng.choice(PROVIDERS),
            "inquiry_id": makers.code("Q"),
            **makers.who(life),
            "inquired_at": makers.instant(life.reported + rng.choice((1, 90, 91)) * DAY),
            "reason": rng.choice(("loan_approval", "card_approval", "post_loan")),
        }
        makers.deliver("inquiries", inquiry)
    if makers.chance(0.12):
        makers.alert(life)
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
