"""What each recipient gets, and the cases behind it (SPEC 8.1, 10.1, 10.2)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import TYPE_CHECKING

import pytest

from e2e.conftest import FIRST, LONG_CODE, OTHER_NUMBER, SECOND, THIRD
from place import MANDATE, Place
from reference.columns import FEEDS
from reference.small import NUMBER

if TYPE_CHECKING:
    from datetime import date

# SPEC 10.1, as written there.
HEADERS = (
    "case_id 案件编号, row_token 行令牌, change 变化, provider_code 机构代码, account_code 账户标识,"
    " id_masked 证件号码(脱敏), account_type 账户类型, opened 开户时间, tier 规则, verdict 判断,"
    " notice_source 通知来源, reported 挂失时间, fault 责任初判, due_on 期限, due_kind 期限性质, reasons 理由,"
    " next_step 下一步, ask_for 需调取材料, blind_spots 未能核查, lead_note 声明"
)
ENGLISH, CHINESE = zip(*(column.split() for column in HEADERS.split(",")), strict=True)
ENCODINGS = {"all": "utf-8-sig", "south": "gb18030", "b01": "utf-8-sig", "b02": "gb18030"}
Row = dict[str, str]
# Who sees which account: an institution its own; a liaison its region's, by the account, else by its institution.
A1, A2, A3, A4 = ("B01", "A1"), ("B01", "A2"), ("B02", "'=A3"), ("B02", f"'{LONG_CODE}")
VISIBLE = {"all": [A1, A2, A4, A3], "south": [A1, A4], "b01": [A1, A2], "b02": [A4, A3]}


def _bytes(place: Place, night: date, recipient: str, name: str = "exceptions.csv") -> bytes:
    return (place.folder(night) / "reports" / recipient / name).read_bytes()


def _rows(place: Place, night: date, recipient: str, name: str = "exceptions.csv") -> list[Row]:
    text = _bytes(place, night, recipient, name).decode(ENCODINGS[recipient])
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert tuple(header) == (ENGLISH if recipient == "b01" else CHINESE)
    return [dict(zip(ENGLISH, row, strict=True)) for row in rows]


def _accounts(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row["provider_code"], row["account_code"]) for row in rows]


@pytest.mark.parametrize("recipient", ENCODINGS)
def test_form(three_nights: Place, recipient: str) -> None:
    """SPEC 10.2: CRLF, Chinese headers by default, the recipient's encoding, CSVW metadata beside it."""
    content = _bytes(three_nights, FIRST, recipient)
    assert content.startswith(b"\xef\xbb\xbf") == (ENCODINGS[recipient] == "utf-8-sig")
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == len(VISIBLE[recipient]) + 1
    meta = json.loads(_bytes(three_nights, FIRST, recipient, "exceptions.csv-metadata.json"))
    assert [column["name"] for column in meta["tableSchema"]["columns"]] == list(ENGLISH)
    assert meta["url"] == "exceptions.csv"
    assert _rows(three_nights, FIRST, recipient)


@pytest.mark.parametrize("recipient", ENCODINGS)
def test_who_sees_what(three_nights: Place, recipient: str) -> None:
    """SPEC 10.1: its own, or its region's; sorted by provider_code, account_code; R103 alone and cleared in neither."""
    wanted = VISIBLE[recipient]
    assert _accounts(_rows(three_nights, FIRST, recipient)) == wanted
    assert _accounts(_rows(three_nights, FIRST, recipient, "exceptions_all.csv")) == wanted


def test_cells(three_nights: Place) -> None:
    """SPEC 10.1, 10.2: one row, cell by cell; what is not known is empty."""
    row = _rows(three_nights, FIRST, "all")[0]
    [case] = [c for c in three_nights.rows(FIRST, "cases") if c["account_code"] == "A1"]
    assert re.fullmatch(r"RT-[0-9a-f]{32}", row["row_token"])
    told = {name: row[name] for name in ("case_id", "change", "account_type", "opened", "tier", "verdict")}
    assert told == {
        "case_id": case["case_id"],
        "change": "new",
        "account_type": "D1",
        "opened": "2024-01-10 10:00:01",
        "tier": "R101",
        "verdict": "violation",
    }
    assert (row["notice_source"], row["reported"]) == ("loss_reports", "2024-01-10 10:00:00")
    assert {row["lead_note"] for row in _rows(three_nights, FIRST, "all")} == {"待核查线索"}


def test_masks(three_nights: Place) -> None:
    """SPEC 10.2: first 3 and last 4 by default; a recipient's own mask; never more."""
    masks = {recipient: {r["id_masked"] for r in _rows(three_nights, FIRST, recipient)} for recipient in ENCODINGS}
    default = NUMBER[:3] + "*" * 11 + NUMBER[-4:]
    assert masks == {"all": {default}, "south": {default}, "b02": {default}, "b01": {"1" + "*" * 16 + "X"}}


def test_guard(three_nights: Place) -> None:
    """SPEC 10.2: what a spreadsheet would run, or round to 15 digits, is written with a leading quote mark."""
    codes = {row["account_code"] for row in _rows(three_nights, FIRST, "b02")}
    assert codes == {"'=A3", f"'{LONG_CODE}"}
    published = {str(case["account_code"]) for case in three_nights.rows(FIRST, "cases")}
    assert {"=A3", LONG_CODE} < published, "the book itself keeps the code as it is"


def test_no_cell_runs_in_a_spreadsheet(three_nights: Place) -> None:
    """SPEC 10.2: leading = + - @, tab, CR; 16 and more digits."""
    for night in (FIRST, SECOND, THIRD):
        for recipient in ENCODINGS:
            for name in ("exceptions.csv", "exceptions_all.csv"):
                for row in _rows(three_nights, night, recipient, name):
                    risky = [c for c in row.values() if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
                    assert not risky
                    assert not any(re.fullmatch(r"[0-9]{16,}", cell) for cell in row.values())


def test_an_unchanged_night_sends_nothing(three_nights: Place) -> None:
    """SPEC 10.1: only new and changed cases in exceptions.csv; all open ones in exceptions_all.csv."""
    for recipient, wanted in VISIBLE.items():
        assert _rows(three_nights, SECOND, recipient) == []
        everything = _rows(three_nights, SECOND, recipient, "exceptions_all.csv")
        assert _accounts(everything) == wanted
        assert {row["change"] for row in everything} == {"all"}


def test_changed_evidence_sends_changed(three_nights: Place) -> None:
    """SPEC 8.1, 10.1: A1's moment changed; A2 was renamed, which is none: its case goes on under the new code."""
    changed = _rows(three_nights, THIRD, "b01")
    assert _accounts(changed) == [A1]
    everything = _rows(three_nights, THIRD, "b01", "exceptions_all.csv")
    assert _accounts(everything) == [A1, ("B01", "A2-NEW")]
    assert {row["change"] for row in changed} == {"changed"}
    assert changed[0]["opened"] == "2024-01-10 10:00:02"
    assert _rows(three_nights, THIRD, "b02") == []
    first = _rows(three_nights, FIRST, "b01")
    assert [row["case_id"] for row in everything] == [row["case_id"] for row in first]
    assert [row["row_token"] for row in everything] == [row["row_token"] for row in first], "SPEC 8.2: one per episode"
    assert len({row["row_token"] for row in _rows(three_nights, FIRST, "all")}) == 4


@pytest.mark.parametrize("night", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("recipient", ENCODINGS)
def test_manifest(three_nights: Place, recipient: str, night: date) -> None:
    """SPEC 10.1: files, rows, SHA-256, seal of the night before, digests of tonight's tables, feeds, dates, mandate."""
    folder = three_nights.folder(night)
    manifest = json.loads(_bytes(three_nights, night, recipient, "manifest.json"))
    assert (manifest["recipient"], manifest["night"]) == (recipient, night.isoformat())
    assert manifest["mandate"] == MANDATE
    listed = {entry["file"]: entry for entry in manifest["files"]}
    assert {"exceptions.csv", "exceptions_all.csv", "unjudged.csv"} <= listed.keys()
    for name, entry in listed.items():
        assert entry["sha256"] == hashlib.sha256(_bytes(three_nights, night, recipient, name)).hexdigest()
        text = _bytes(three_nights, night, recipient, name).decode(ENCODINGS[recipient])
        assert entry["rows"] == len(list(csv.reader(io.StringIO(text, newline=""), strict=True))) - 1
    tables = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "published").iterdir()}
    assert manifest["published"] == tables
    before = {SECOND: FIRST, THIRD: SECOND}.get(night)
    sealed = json.loads((three_nights.folder(before) / "manifest.json").read_bytes())["seal"] if before else None
    assert manifest["seal_of_the_night_before"] == sealed
    covered = {entry["feed"]: entry for entry in manifest["covered"]}
    assert covered.keys() == FEEDS.keys()
    assert covered["accounts"]["covers_to"] == night.isoformat()


def test_a_report_shows_no_number(three_nights: Place) -> None:
    """SPEC 10.4: no raw ID number in any report or page, in any encoding of theirs."""
    for path in three_nights.book.rglob("*"):
        if path.is_file() and ({"reports", "published"} & set(path.parts) or path.suffix in {".html", ".json"}):
            content = path.read_bytes()
            assert NUMBER.encode() not in content, path.name
            assert OTHER_NUMBER.encode() not in content, path.name


def test_states(three_nights: Place) -> None:
    """SPEC 8.1: lead becomes sent in the night in which a recipient's file has it; R103 alone stays lead."""
    for night in (FIRST, SECOND, THIRD):
        states = {str(case["account_code"]): case["state"] for case in three_nights.rows(night, "cases")}
        renamed = "A2-NEW" if night == THIRD else "A2"
        assert states == {"A1": "sent", renamed: "sent", "=A3": "sent", LONG_CODE: "sent", "Q1": "lead"}


def test_first_seen_and_last_changed(three_nights: Place) -> None:
    """SPEC 8.1, 9: being sent is no change; a new fingerprint is one."""
    for night in (SECOND, THIRD):
        for case in three_nights.rows(night, "cases"):
            moved = night == THIRD and case["account_code"] == "A1"
            assert (case["first_seen"], case["last_changed"]) == (FIRST, THIRD if moved else FIRST)
            assert (case["episode"], case["follows"]) == (1, None)


def test_case_ids_are_made_once(three_nights: Place) -> None:
    """SPEC 9: case_id is made once and stored; a rename takes the case along (SPEC 4, 8.1)."""
    ids = [
        {str(case["account_code"]).removesuffix("-NEW"): case["case_id"] for case in three_nights.rows(night, "cases")}
        for night in (FIRST, SECOND, THIRD)
    ]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0].values())) == 5


def test_case_events(three_nights: Place) -> None:
    """SPEC 9: one log of every move with its night; a later night adds to it and changes nothing in it."""
    log = three_nights.rows(THIRD, "case_events")
    names = {case["case_id"]: str(case["account_code"]) for case in three_nights.rows(THIRD, "cases")}
    moves = [
        [(names[e["case_id"]], e["event"], e["from_state"], e["to_state"]) for e in log if e["night"] == night]
        for night in (FIRST, SECOND, THIRD)
    ]
    opened = [(name, "opened", None, "lead") for name in names.values()]
    sent = [(name, "sent", "lead", "sent") for name in names.values() if name != "Q1"]
    assert set(moves[0]) == {*opened, *sent}
    assert len(moves[0]) == len(opened) + len(sent)
    assert moves[1] == []
    assert {(name, event) for name, event, *_ in moves[2]} == {("A1", "evidence_changed")}
    for night in (FIRST, SECOND):
        assert three_nights.rows(night, "case_events") == [e for e in log if str(e["night"]) <= night.isoformat()]


def test_the_page_counts_what_is_not_sent(three_nights: Place) -> None:
    """SPEC 10.1, 10.3: cases of R103 alone are counted per institution; the page asks nothing of the network."""
    page = (three_nights.folder(FIRST) / "night.html").read_text(encoding="utf-8")
    manifest = json.loads((three_nights.folder(FIRST) / "manifest.json").read_bytes())
    counted = {row["provider_code"]: row for row in manifest["summary"]["institutions"]}
    assert (counted["B01"]["only_replaced_cards"], counted["B02"]["only_replaced_cards"]) == (1, 0)
    assert MANDATE in page
    # Links lead to the page itself, to the pages of the contracts and to sheets beside it; nothing is fetched.
    assert not re.search(r"src\s*=|@import|url\((?!#)|//", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
    links = re.findall(r"href\s*=\s*\"([^\"]*)\"", page)
    assert links
    assert all(link.startswith(("#", "../../docs/", "reports/")) for link in links)
