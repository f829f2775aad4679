"""A house with four cases that were sent, and answers to them as a spreadsheet hands them in."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.runlog import RunLog
from place import Place, Spoken
from reference.small import ACCOUNT, NEXT, NIGHT, NUMBER, OPENING, REPORT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HOLDER, SECOND = "欧阳测试", "司马测试"
OTHER_NUMBER = "440305199001015556"
INSTITUTIONS = """provider_code,name,kind,region_code,parent_code,valid_from,valid_to
B01,甲银行,bank,110000,,2000-01-01,
B02,乙银行,bank,310000,,2000-01-01,
"""
RECIPIENTS = """recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id
all,pboc_liaison,,,3+4,utf-8-sig,zh,
north,pboc_liaison,,11,,gb18030,en,
b01,institution,B01,,,utf-8-sig,en,
b02,institution,B02,,,gb18030,zh,
"""
# Each opened a second after the loss was reported, with the lost card.
ACCOUNTS = [
    {**ACCOUNT, "name": HOLDER},
    {**ACCOUNT, "account_code": "A2", "name": HOLDER},
    {**ACCOUNT, "provider_code": "B02", "account_code": "A3", "name": "欧阳 测试"},
    {**ACCOUNT, "account_code": "A4", "id_number": OTHER_NUMBER, "name": SECOND},
]
REPORTS = [{**REPORT, "name": HOLDER}, {**REPORT, "report_no": "L2", "id_number": OTHER_NUMBER, "name": SECOND}]
SECRETS = (NUMBER, OTHER_NUMBER, HOLDER, SECOND, "13912345678")
Sheet = tuple[list[str], list[dict[str, str]]]


def made(root: Path) -> Place:
    """Return the house, its first night sealed and the next one delivered."""
    tables = root / "reference"
    tables.mkdir(parents=True)
    (tables / "institutions.csv").write_text(INSTITUTIONS, encoding="utf-8")
    (tables / "recipients.csv").write_text(RECIPIENTS, encoding="utf-8")
    place = Place(root).made(tables)
    for night in (NIGHT, NEXT):
        place.deliver(night, "accounts", ACCOUNTS)
        shown = [{"provider_code": a["provider_code"], "account_code": a["account_code"]} for a in ACCOUNTS]
        place.deliver(night, "openings", [{**OPENING, **codes} for codes in shown])
        place.deliver(night, "loss_reports", REPORTS)
    place.night(NIGHT)
    return place


@dataclass(frozen=True)
class Answered:
    """A house whose cases were answered, the file, what the command said, and the log of the night that took it."""

    place: Place
    file: Path
    said: Spoken
    log: RunLog


def answered(place: Place) -> Answered:
    """Answer the four cases and run the next night."""
    rows = [
        answer(place, "A1", "4", evidence_ref="[red]=函9"),
        answer(place, "A2", "2"),
        answer(place, "A3", "2", answered_by="b02"),
        answer(place, "A4", "0", answered_by="north"),
    ]
    file, log = write(place.root / "a.csv", rows), RunLog()
    said = place.say("respond", "--book", str(place.book), str(file))
    place.night(NEXT, log=log)
    return Answered(place, file, said, log)


def sheet(place: Place, recipient: str = "all", name: str = "exceptions.csv") -> Sheet:
    """Return a sheet that was sent: its titles, and its rows by title."""
    content = (place.folder(NIGHT) / "reports" / recipient / name).read_bytes()
    encoding = "utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "gb18030"
    read = csv.DictReader(io.StringIO(content.decode(encoding), newline=""))
    rows = list(read)
    return list(read.fieldnames or ()), rows


def cases(place: Place) -> dict[str, dict[str, str]]:
    """Return case_id and row_token of what was sent, by account code."""
    _, rows = sheet(place)
    return {r["账户标识"]: {"case_id": r["案件编号"], "row_token": r["行令牌"]} for r in rows}


def answer(place: Place, account: str, outcome: str = "1", **cells: str) -> dict[str, str]:
    """Return a sound answer to the case of an account."""
    base = {**cases(place)[account], "outcome": outcome, "answered_on": NEXT.isoformat(), "answered_by": "all"}
    return {**base, "evidence_ref": "函 7" if outcome in "245" else "", "comment": "", **cells}


def write(file: Path, rows: Sequence[Mapping[str, str]], *, encoding: str = "utf-8-sig", delimiter: str = ",") -> Path:
    """Write answers as a spreadsheet saves them."""
    out = io.StringIO(newline="")
    header = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, header, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    file.write_bytes(out.getvalue().encode(encoding))
    return file


def inbox(place: Place) -> list[dict[str, Any]]:
    """Return what the inbox holds."""
    return [json.loads(path.read_bytes()) for path in sorted((place.book / "inbox").glob("*.json"))]


def refused(file: Path) -> list[dict[str, str]]:
    """Return the rows of the file of refusals."""
    beside = file.with_name(f"{file.name}.refused.csv")
    return list(csv.DictReader(io.StringIO(beside.read_text(encoding="utf-8-sig"), newline="")))
