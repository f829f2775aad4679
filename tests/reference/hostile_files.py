"""Writing hostile files: every dialect, encoding and broken line that SPEC 3.1 speaks of."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING

from reference.columns import FEEDS
from reference.hostile_scopes import checks_scope, is_whole, issuances_scope

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path
    from random import Random

Cells = dict[str, str]
PER_PROVIDER = frozenset({"accounts", "openings", "verifications"})
SPACES = (" ", "\t", "\u00a0", "\u3000", " \u3000\t")
# None of these ends a line (SPEC 3.1), whatever str.splitlines thinks.
NO_LINE_ENDS = ("\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c")
BREAKS = ("spare_separator", "cell_short", "quote_inside", "unclosed", "after_quote", "line_end_in_quotes")
HANDLES = ("undecodable", "wrong_sha", "wrong_rows", "not_json", "name_twice", "zero_bytes", "no_column", "many_bad")


class Landing:
    """Collects rows by night, feed and provider, and writes them as files."""

    def __init__(self, rng: Random, nights: list[date]) -> None:
        self.rng = rng
        self.nights = nights
        self.rows: dict[tuple[int, str, str], list[Cells]] = defaultdict(list)

    def add(self, night: int, feed: str, cells: Cells) -> None:
        """Deliver a row on a night; a night after the last is the last."""
        night = min(night, len(self.nights) - 1)
        part = cells["provider_code"] or "B00" if feed in PER_PROVIDER else f"part{self.rng.randint(1, 2)}"
        if feed == "issuances":
            part = f"part{self.rng.randint(1, 5)}"  # each with a scope of its own
        if feed == "verifications" and self.rng.random() < 0.3:
            part += "_2"  # another file, with another scope
        self.rows[night, feed, part].append(cells)

    def write(self, out: Path) -> None:
        """Write every night; each feed has a file each night, if only a header."""
        for number, night in enumerate(self.nights):
            for feed in FEEDS:
                folder = out / night.isoformat() / feed
                folder.mkdir(parents=True)
                parts = sorted(part for at, of, part in self.rows if (at, of) == (number, feed))
                for part in parts:
                    rows = self.rows[number, feed, part]
                    self.rng.shuffle(rows)
                    self._write_file(folder, part, rows, night)
                if not parts:
                    self._write_file(folder, "empty", [], night)
        for kind in self.rng.sample(HANDLES, 3):
            _write_refused(out / self.nights[-1].isoformat(), kind)

    def _header(self, feed: str, rows: list[Cells]) -> list[str]:
        names = []
        for column in FEEDS[feed]:
            unused = not any(row.get(column.name) for row in rows)
            if column.required or not unused or self.rng.random() < 0.5:
                names.append(column.name)
        if self.rng.random() < 0.3:
            names.append("unknown_column")
        self.rng.shuffle(names)
        return names

    def _cell(self, text: str) -> str:
        """Spell a cell: spaces around, quotes where needed or for no reason."""
        if self.rng.random() < 0.04:
            text = self.rng.choice(["", *SPACES]) + text + self.rng.choice(SPACES)
        if any(character in text for character in '",') or self.rng.random() < 0.12:
            return '"' + text.replace('"', '""') + '"'
        return text

    def _write_file(self, folder: Path, part: str, rows: list[Cells], night: date) -> None:
        rng = self.rng
        header = self._header(folder.name, rows)
        end = rng.choice(["\n", "\n", "\r\n", "\r"])
        lines = [",".join(self._cell(name) for name in header)]
        first = night == self.nights[0]
        breaks = 0 if is_whole(rng, folder.name, part[:3], first=first) else 0.012
        delivered = 0
        for row in rows:
            if rng.random() < 0.02:
                lines.append("")  # a wholly empty line is no row
            texts = [row.get(name, "?") if name == "unknown_column" else row.get(name, "") for name in header]
            line = ",".join(
                self._cell(self._trapped(name, text, end)) for name, text in zip(header, texts, strict=True)
            )
            lines.append(line)
            delivered += 1
            if rng.random() < breaks:
                broken = self._break(lines[-1], end)
                # Either the row itself is broken, or a broken copy follows it.
                if rng.random() < 0.4:
                    lines.pop()
                    delivered -= 1
                lines.extend(broken)
                delivered += len(broken)
        text = end.join(lines) + (end if rng.random() < 0.8 else "")
        self._store(folder, part, text, self._control(folder.name, part, delivered, night))

    def _trapped(self, name: str, text: str, end: str) -> str:
        """Put a character that is no line end into free text; a lone CR only where LF ends the lines."""
        if name not in {"card_issuer", "evidence_ref", "operator_id"} or not text or self.rng.random() > 0.04:
            return text
        traps = NO_LINE_ENDS if end == "\r" else (*NO_LINE_ENDS, "\r")
        return text[:1] + self.rng.choice(traps) + text[1:]

    def _break(self, line: str, end: str) -> list[str]:
        """Break a line in one of the ways of SPEC 3.1; a line end in quotes makes two broken rows of it."""
        first, _, rest = line.partition(",")
        bare = first.strip('"')
        kind = self.rng.choice(BREAKS)
        if kind == "line_end_in_quotes" and end != "\r":
            return [f'"{bare}', f'{bare}",{rest}']
        return [
            {
                "spare_separator": line + ",",
                "cell_short": line.rpartition(",")[0] or " ",
                "quote_inside": f'{bare}"x,{rest}',
                "after_quote": f'"{bare}"x,{rest}',
            }.get(kind, line + ',"')
        ]

    def _control(self, feed: str, part: str, rows: int, night: date) -> dict[str, object] | None:
        rng = self.rng
        if feed == "verifications":
            control = checks_scope(rng, part[:3], night, first=night == self.nights[0])
            return None if control is None else self._counted(control, rows)
        kind = rng.choice(["full", "full", "delta", ""] if feed == "issuances" else ["full", "delta", "delta", ""])
        if not kind:
            return None
        control = self._counted({"kind": kind}, rows)
        if feed == "issuances":
            return control | issuances_scope(rng, night, last=night == self.nights[-1])
        if rng.random() < 0.7:
            control["region_code"] = rng.choice([None, None, None, "11"])
        if feed in PER_PROVIDER and rng.random() < 0.7:
            control["provider_code"] = part
            control["business_codes"] = rng.choice([None, ["11"], ["11", "21"]])
        if rng.random() < 0.85:
            control["covers_from"] = rng.choice(["2012-01-01", "2018-04-09", "2021-01-01", "2024-02-29"])
        if rng.random() < 0.85:
            control["covers_to"] = rng.choice(["2022-06-30", "2024-02-28", "2025-12-31", night.isoformat()])
        return control

    def _counted(self, control: dict[str, object], rows: int) -> dict[str, object]:
        if self.rng.random() < 0.8:
            control["rows"] = rows
        if self.rng.random() < 0.8:
            control["sha256"] = ""  # of the bytes delivered, filled in when they are there
        return control

    def _store(self, folder: Path, part: str, text: str, control: dict[str, object] | None) -> None:
        rng = self.rng
        mark = "\ufeff" if rng.random() < 0.3 else ""
        content = (mark + text).encode(rng.choice(["utf-8", "utf-8", "gb18030"]))
        name = f"{part}.csv"
        if rng.random() < 0.2:
            name, content = f"{part}.csv.gz", gzip.compress(content, mtime=0)
        (folder / name).write_bytes(content)
        if control is None:
            return
        if "sha256" in control:
            control["sha256"] = hashlib.sha256(content).hexdigest()
        (folder / f"{name}.ctl").write_text(json.dumps(control), encoding="utf-8")


def _write_refused(night: Path, kind: str) -> None:
    """Write a file that SPEC 3.1 and 3.4 refuse, of a feed whose refusal does not refuse the night."""
    header = b"alert_id,id_number,effective_from,effective_to\n"
    row = b"F999901,11010119800101001X,2026-01-01,\n"
    content = {
        "undecodable": header + b"\xff\xff\x00\x81\n",
        "name_twice": b"alert_id,id_number, alert_id ,effective_from\n" + row,
        "zero_bytes": b"",
        "no_column": b"alert_id,Id_Number,effective_from\n",
        # 11 of 50 are more than 0.20 of a file that is not under 50 rows
        "many_bad": header + row * 39 + b"F999902,11010119800101001X,2026-13-01,\n" * 11,
    }.get(kind, header + row)
    control = {"wrong_sha": '{"sha256": "00"}', "wrong_rows": '{"rows": 7}', "not_json": "rows: 1"}.get(kind)
    path = night / "fraud_alerts" / f"zz_{kind}.csv"
    path.write_bytes(content)
    if control is not None:
        path.with_name(path.name + ".ctl").write_text(control, encoding="utf-8")
