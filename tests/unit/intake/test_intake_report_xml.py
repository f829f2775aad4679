"""Personal credit reports in the bureau's XML form: what is read, what is refused, what stays missing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from intake.landed import NIGHT

from credit_reports import DEBT, LOAN, NUMBER, STATE, account, envelope, report
from creditaudit.intake import report_xml
from creditaudit.intake.landing import ReportFile, survey
from creditaudit.intake.receive import FileReport, read_file
from creditaudit.intake.reread import raw_lines

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, content: bytes, feed: str = "accounts") -> tuple[FileReport, list[dict[str, Any]]]:
    path = folder / "p.xml"
    path.write_bytes(content)
    found = read_file(ReportFile(feed, "reports/p.xml", path), night=NIGHT, scratch=folder, part=feed)
    return found, [] if found.typed_part is None else pq.read_table(found.typed_part).to_pylist()


@pytest.mark.parametrize("inner", ["utf-8", "gb18030"])
@pytest.mark.parametrize("outer", ["utf-8", "gb18030"])
@pytest.mark.parametrize("head", [b"", b"B2.0.0  20171221\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbfB2.0.0 x\n"])
def test_accounts_of_a_report(tmp_path, inner, outer, head):
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + report(account(LOAN, STATE))
    found, rows = read(tmp_path, envelope(text.encode(inner), head=head, encoding=outer))
    assert (found.refused, found.encoding, found.delivered, found.stand_ins) == (None, inner, 1, 0)
    (row,) = rows
    assert (row["provider_code"], row["account_code"]) == ("B10211000H0001", "B10211000H0001X1")
    assert (row["name"], row["id_norm"], row["id_status"], row["id_type"]) == ("张三", NUMBER, "ok", "10")
    assert (str(row["report_date"]), row["account_type"], row["business_code"]) == ("2017-12-21", "D1", "11")
    assert (str(row["opened_from"]), str(row["opened_to"])) == ("2016-03-01 00:00:00", "2016-03-01 23:59:59")
    assert (row["currency"], row["amount"], row["balance"], row["status"]) == ("CNY", 500000, 1000, "1")
    missing = (
        "report_reason",
        "region_code",
        "agreement_from",
        "overdue_amount",
        "closed_on",
        "original_provider_code",
    )
    assert [row[name] for name in missing] == [None] * len(missing)
    assert raw_lines(found, [1])[0].startswith("B10211000H0001,B10211000H0001X1,2017-12-21,,张三,10,")


def test_an_account_without_a_mark_has_the_documented_stand_in(tmp_path):
    found, rows = read(tmp_path, envelope(report(account(DEBT), account(DEBT), account(LOAN)).encode()))
    parts = [NUMBER, "D10023010H0001", "2017-01-05", "C1", "", "900"]
    wanted = [
        hashlib.pbkdf2_hmac("sha256", "\x1f".join([*parts, n]).encode(), b"creditaudit/pbc2-report-xml/1", 20_000)
        for n in ("1", "2")
    ]
    assert [row["account_code"] for row in rows[:2]] == [f"NOMARK-{digest.hex()[:24]}" for digest in wanted]
    assert found.stand_ins == 2
    # The same accounts in another order, among others, on another day, in a report that spells the number otherwise.
    _, again = read(
        tmp_path, envelope(report(account(LOAN), account(DEBT), account(DEBT), number=NUMBER.lower()).encode())
    )
    assert {row["account_code"] for row in again} == {row["account_code"] for row in rows}
    _, other = read(tmp_path, envelope(report(account(DEBT), number="110101199003070011").encode()))
    assert other[0]["account_code"] not in {row["account_code"] for row in rows}


def test_unknown_codes_cost_their_row_and_nothing_is_made_up(tmp_path):
    odd, none = {**LOAN, "PD01AD01": "Z9"}, {"PD01AI02": "B1"}
    found, rows = read(tmp_path, envelope(report(account(odd), account(none), account(LOAN)).encode()))
    assert (found.delivered, found.typed, len(rows)) == (3, 1, 1)
    lost = pq.read_table(found.quarantine_part).to_pylist()
    assert [row["reasons"] for row in lost] == [
        "bad_code:account_type",
        "required_empty:account_type;required_empty:opened_at",
    ]
    assert NUMBER in lost[0]["raw"]


def test_a_fraud_alert(tmp_path):
    alert = "<PA01D><PA01DR01>2017-01-02</PA01DR01><PA01DR02>2019-01-02</PA01DR02></PA01D>"
    found, rows = read(tmp_path, envelope(report(alert=alert).encode()), "fraud_alerts")
    assert found.delivered == 1
    assert [(str(r["effective_from"]), str(r["effective_to"]), r["id_norm"]) for r in rows] == [
        ("2017-01-02", "2019-01-02", NUMBER)
    ]
    for empty in ("", "<PA01D/>"):
        assert read(tmp_path, envelope(report(alert=empty).encode()), "fraud_alerts")[0].delivered == 0


@pytest.mark.parametrize(
    ("result", "shown"), [("AAA001", "AAA001"), ("", "of another form"), (NUMBER, "of another form")]
)
def test_an_answer_without_a_report_is_listed(tmp_path, result, shown):
    found, rows = read(tmp_path, envelope(b"", result=result))
    assert (found.refused, found.delivered, rows) == (None, 0, [])
    assert found.remarks == (f"no report: result code {shown}",)


LAUGHS = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Document>&b;</Document>'
OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Document>&x;</Document>'


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "not XML"),
        (b"B2.0.0", "not XML"),
        (b"<Document>", "not XML: line 1"),
        (b"\xff\xff", "neither UTF-8 nor GB18030"),
        (b"<Document/>", "no Msg"),
        (LAUGHS.encode(), "document type"),
        (OUTSIDE.encode(), "document type"),
        (b"<!DOCTYPE Document SYSTEM 'http://example.invalid/x.dtd'><Document/>", "document type"),
        (b"<Document>&x;</Document>", "not XML"),
        (b"<a>" * 40 + b"</a>" * 40, "levels"),
        (envelope(LAUGHS.encode()), "document type"),
        (envelope(b"<Document/>"), "no head"),
        (envelope(b""), "not XML"),
        (envelope(b"<Document/>").replace(b"PERv", b"P!Rv"), "not base64"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, content, word):
    found, rows = read(tmp_path, content)
    assert word in found.refused
    assert (found.delivered, rows) == (None, [])


def test_size_is_bounded(tmp_path, monkeypatch):
    content = envelope(report(*[account(LOAN)] * 50).encode())
    monkeypatch.setattr(report_xml, "MAX_BYTES", 1000)
    assert "longer than 1000 bytes" in read(tmp_path, content)[0].refused
    monkeypatch.setattr(report_xml, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(report_xml, "MAX_ELEMENTS", 100)
    assert "elements" in read(tmp_path, content)[0].refused


def test_reports_are_found_beside_the_feeds(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "accounts").mkdir()
    for name in ("reports/b.xml", "reports/a.xml", "reports/a.xml.ctl", "reports/note.txt", "accounts/z.csv"):
        (tmp_path / name).write_bytes(b"")
    found = survey(tmp_path)
    assert [(f.feed, f.name) for f in found.files] == [
        ("accounts", "reports/a.xml"),
        ("accounts", "reports/b.xml"),
        ("accounts", "z.csv"),
        ("fraud_alerts", "reports/a.xml"),
        ("fraud_alerts", "reports/b.xml"),
    ]
    assert len(found.warnings) == 2
