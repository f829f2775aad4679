"""Random histories of families: few persons, several nights, and all that can happen to a row between two nights.

A family is small, so that most nights touch only some of it: what is left out by mistake shows as a difference. Several
families share a book and its nights, since a night costs the same for one family as for ten.
"""

from __future__ import annotations

import json
from datetime import date
from random import Random
from typing import TYPE_CHECKING

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from property.families import Family
from property.history_rows import DAY, PROVIDERS, Tonight, write_file
from reference.columns import FEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from place import Place

NIGHTS = 6
STARTS = (date(2024, 12, 18), date(2026, 11, 20), date(2034, 12, 29))
GAPS = (1, 1, 1, 2, 3, 29, 90, 91, 366)
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to,source
G1,集团1,state_bank,110000,,2000-01-01,,test
B01,机构01,state_bank,110000,G1,2000-01-01,,test
B02,机构02,state_bank,440300,G1,2000-01-01,{ends},test
B02,机构02,state_bank,440300,{parent},{begins},,test
B03,机构03,rural_bank,440300,,2000-01-01,,test
B04,机构04,city_bank,310000,B03,2000-01-01,,test
"""


class History:
    """The nights of a book in which several families live, delivered into a landing that several books read.

    Parameters
    ----------
    seed : int
        The same seed gives the same bytes.
    landing : Path
    families : int
    nights : int
    """

    def __init__(self, seed: int, landing: Path, families: int, nights: int = NIGHTS) -> None:
        self.rng = rng = Random(seed)  # noqa: S311 - test data
        self.landing = landing
        self.days = [rng.choice(STARTS)]
        while len(self.days) < nights:
            self.days.append(self.days[-1] + rng.choice(GAPS) * DAY)
        self.at = 0
        self.tonight = Tonight()
        self.told: list[str] = []
        self.families = [Family(f"{seed} {number}", f"{number}", self) for number in range(families)]
        self.ends = rng.choice((*self.days[1:], *(self.days[-1] + 99 * DAY for _ in self.days)))
        self.parent = rng.choice(("B03", "", "G9"))

    @property
    def day(self) -> date:
        return self.days[self.at]

    @property
    def institutions(self) -> str:
        """The table of institutions: one of them changes its parent on one of the nights, by date alone."""
        return INSTITUTIONS.format(ends=self.ends, begins=self.ends + DAY, parent=self.parent)

    def next_night(self, places: Sequence[Place]) -> date:
        """Deliver the next night, and what people decide before it; returns its date."""
        self.tonight = Tonight()
        for family in self.families:
            family.live()
        self._decide(places)
        self._write()
        self.at += 1
        return self.days[self.at - 1]

    def _decide(self, places: Sequence[Place]) -> None:
        """Readmit quarantined rows of sealed nights, corrected; end a rule on a coming night; change who gets what."""
        for family in self.families:
            sealed = [one for one in family.broken if one[0] < self.day]
            if not sealed or self.rng.random() < 0.5:
                continue
            one = self.rng.choice(sealed)
            family.broken.remove(one)
            night, feed, file, row, cells = one
            columns = [column.name for column in FEEDS[feed]]
            line = {"night": night.isoformat(), "file": file, "row": row, "cells": [cells.get(c, "") for c in columns]}
            body = {"feed": feed, "columns": columns, "rows": [line]}
            for place in places:
                put(open_book(place.book), "readmission", by="Li", reason="corrected", body=body, on=self.day)
            family.told.append(f"{self.day} readmitted {feed}")
        if self.at == 0:
            for place in places:
                path = place.book / "reference" / "institutions.csv"
                path.write_text(self.institutions, encoding="utf-8", newline="\n")
        elif self.rng.random() < 0.1:
            self.told.append(f"{self.day} recipients")
            added = f"house{self.at},institution,{self.rng.choice(PROVIDERS)},,3+4,utf-8-sig,zh,\n"
            for place in places:
                with (place.book / "reference" / "recipients.csv").open("a", encoding="utf-8") as recipients:
                    recipients.write(added)

    def _write(self) -> None:
        folder = self.landing / self.day.isoformat()
        for feed in ("accounts", "invalid_cards", "loss_reports"):  # no night without them
            self.tonight.lines[feed, "f.csv"].extend([])
        for (feed, file), lines in self.tonight.lines.items():
            write_file(folder / feed / file, feed, lines)
        for (feed, file), control in self.tonight.controls.items():
            path = folder / feed / f"{file}.ctl"
            path.write_text(json.dumps({**control, "rows": len(self.tonight.lines[feed, file])}), encoding="utf-8")
