"""Files per recipient: what each may read, and in which form (SPEC 10.1, 10.2, 8.2)."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.state import QUARANTINED_NUMBERS, SENT_CASES
from creditaudit.errors import UsageError
from creditaudit.reports.case_cells import spoken
from creditaudit.reports.folders import ReportContext, write_reports
from creditaudit.reports.listed import build_listed
from creditaudit.reports.masks import Mask
from creditaudit.reports.recipients import Recipient, read_recipients
from creditaudit.reports.side_sheets import build_side_rows
from creditaudit.tables import NOTICES
from unit.kit import NIGHT, PERSON, demo_keys, interval, seconds

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

Row = dict[str, Any]
COLUMNS = ("recipient", "kind", "provider_code", "region_prefix", "id_mask", "encoding", "language", "pseudonym_key_id")
DATES = [("valid_from", pa.date32()), ("valid_to", pa.date32())]
SUGGESTED = ("provider_code", "account_code", "region_code", "id_norm", "suggested", "fix", "registry")
PBOC = Recipient("pboc", "pboc_liaison", Mask(3, 4), "utf-8-sig", "en")


def recipients(*rows: Row) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    return pa.Table.from_pylist(list(rows), schema=schema)


def test_recipients_are_read_with_their_defaults_in_order() -> None:
    found = read_recipients(
        recipients(
            {
                "recipient": "z",
                "kind": "institution",
                "provider_code": "B01",
                "encoding": "gb18030",
                "language": "en",
                "id_mask": "1+1",
            },
            {"recipient": "人行", "kind": "pboc_liaison"},
            {"recipient": "a", "kind": "pboc_liaison"},
        )
    )
    assert found == (
        Recipient("a", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh"),
        Recipient("z", "institution", Mask(1, 1), "gb18030", "en", "B01"),
        Recipient("人行", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh"),
    )
    assert read_recipients(recipients()) == ()


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"recipient": None}, "recipient"),
        ({"recipient": ".."}, "recipient"),
        ({"recipient": ".hidden"}, "recipient"),
        ({"recipient": "a/b"}, "recipient"),
        ({"kind": "institution"}, "provider_code"),  # SPEC 10.1: "An institution sees only its own rows"
        ({"recipient": "a\\b"}, "recipient"),
        ({"kind": None}, "kind"),
        ({"kind": "bank"}, "kind"),
        ({"encoding": "utf-8"}, "encoding"),
        ({"language": "fr"}, "language"),
        ({"id_mask": "6+4"}, "id_mask"),
    ],
)
def test_a_recipient_that_cannot_be_served_is_refused(change: Row, column: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_recipients(recipients({"recipient": "r", "kind": "pboc_liaison", **change}))
    assert f"reference/recipients.csv, column {column}" in str(refused.value)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        read_recipients(recipients(*[{"recipient": "r", "kind": "pboc_liaison"}] * 2))


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-29 10:05", "2024-02-29 10:05:07", "2024-02-29 00:00:00"])
def test_an_interval_is_said_as_it_was_given(text: str) -> None:
    start, end = (int((moment - interval("1970-01-01")[0]).total_seconds()) for moment in interval(text))
    columns = (pa.chunked_array([pa.array([value, None], pa.int64())]) for value in (start, end))
    assert spoken(*columns).to_pylist() == [text, None]


# --- files ---------------------------------------------------------------------------------------------------------


def case(number: int, **cells: Any) -> Row:
    start, end = interval("2024-01-10")
    base = {
        "case_id": f"CA-{number}",
        "episode": 1,
        "change": None,
        "provider_code": "B01",
        "account_code": f"A{number}",
    }
    facts = {"tier": "R101", "verdict": "violation", "notice_source": "loss_reports", "fault": "not_applicable"}
    facts |= {"subject": f"account:A{number}", "is_data_quality": False, "is_quiet": False}
    facts |= {"state": "sent", "is_open": True}
    return {**base, **facts, "reported_from": start, "reported_to": end, "reasons": "R101 violation", **cells}


CASE_ROWS = pa.schema(
    [
        *[(name, pa.string()) for name in ("case_id", "change", "provider_code", "account_code", "tier", "verdict")],
        ("subject", pa.string()),
        *[(name, pa.bool_()) for name in ("is_data_quality", "is_quiet", "is_open")],
        *[(name, pa.string()) for name in ("state", "due_kind", "next_step_zh", "next_step_en")],
        *[(name, pa.string()) for name in ("notice_source", "fault", "reasons", "next_step", "ask_for", "blind_spots")],
        ("episode", pa.int32()),
        ("reported_from", pa.timestamp("us")),
        ("reported_to", pa.timestamp("us")),
        ("due_on", pa.date32()),
    ]
)


DOCUMENTS = [
    {"document_id": "log", "zh": "核查日志", "en": "Check log"},
    {"document_id": "form", "zh": "申请书", "en": "Form, with time"},
]


ACCOUNT = {
    "account_type": "D1",
    "opened_from": seconds("2024-01-12 10:00:00"),
    "opened_to": seconds("2024-01-12 10:00:59"),
}


def no_side_rows(engine: Engine) -> None:
    """Make what the further sheets read, without rows."""
    text = pa.string()
    for name, columns in (
        ("institutions", [("provider_code", text), ("region_code", text), ("row", pa.int64()), *DATES]),
        ("recipients", [(column, text) for column in COLUMNS]),
        ("suggestions", [(column, text) for column in SUGGESTED]),
    ):
        engine.load(name, pa.schema(columns).empty_table())
    engine.load("notices", NOTICES.empty_table())
    engine.load("standing_quarantined_numbers", QUARANTINED_NUMBERS.schema.empty_table())
    build_side_rows(engine, NIGHT, lambda _: pytest.fail("no night is asked"))


class Desk:
    """Writes reports of cases made by hand."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def write(self, cases: list[Row], *who: Recipient, keys: Keyring | None = None) -> dict[str, int]:
        """Write the reports of all cases for all recipients."""
        judged = [
            {
                **{name: c[name] for name in ("provider_code", "subject")},
                "id_norm": PERSON,
                **({} if c["account_code"] is None else ACCOUNT),
            }
            for c in cases
        ]
        sent = [{"case_id": c["case_id"], "recipient": r.name} for c in cases for r in who]
        self.engine.load("documents", pa.Table.from_pylist(DOCUMENTS))
        self.engine.load("case_rows", pa.Table.from_pylist(cases, schema=CASE_ROWS))
        self.engine.load(
            "case_subjects",
            pa.Table.from_pylist(
                judged,
                schema=pa.schema(
                    [
                        *[(n, pa.string()) for n in ("provider_code", "subject", "id_norm", "account_type")],
                        ("opened_from", pa.int64()),
                        ("opened_to", pa.int64()),
                    ]
                ),
            ),
        )
        schema = pa.schema([("case_id", pa.string()), ("recipient", pa.string())])
        self.engine.load("case_recipients", pa.Table.from_pylist(sent, schema=schema))
        no_side_rows(self.engine)
        self.engine.load("standing_sent_cases", SENT_CASES.schema.empty_table())
        build_listed(self.engine)
        (self.folder / "t.parquet").write_bytes(b"table")
        covered = [{"feed": "accounts", "files": 1, "covers_from": None, "covers_to": None}]
        context = ReportContext(NIGHT, "授权", "seal", {"findings": self.folder / "t.parquet"}, covered)
        return write_reports(self.engine, who, self.folder, context, keys or demo_keys()).sent

    def read(self, name: str, recipient: str = "pboc") -> list[dict[str, str]]:
        """Rows of one sheet."""
        content = (self.folder / recipient / name).read_bytes().decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(content, newline="")))


@pytest.fixture
def desk(engine: Engine, tmp_path: Path) -> Desk:
    """Nothing written yet."""
    return Desk(engine, tmp_path)


def test_new_and_changed_cases_are_in_one_file_and_all_in_the_other(desk: Desk) -> None:
    sent = desk.write([case(3), case(2, change="changed"), case(1, change="new")], PBOC)
    assert [(r["case_id"], r["change"]) for r in desk.read("exceptions.csv")] == [("CA-1", "new"), ("CA-2", "changed")]
    assert [(r["case_id"], r["change"]) for r in desk.read("exceptions_all.csv")] == [
        (f"CA-{n}", "all") for n in (1, 2, 3)
    ]
    assert sent == {"pboc": 2}


def test_doubts_on_data_have_a_file_of_their_own(desk: Desk) -> None:
    """SPEC 10.1: cases whose findings are all R301 or R302 go to data_quality.csv, and to no other."""
    doubt = {"is_data_quality": True, "tier": "R301", "verdict": "lead"}
    sent = desk.write([case(1, change="new"), case(2, change="new", **doubt), case(3, **doubt)], PBOC)
    assert sent == {"pboc": 1}
    assert [r["case_id"] for r in desk.read("exceptions_all.csv")] == ["CA-1"]
    assert [(r["case_id"], r["change"]) for r in desk.read("data_quality.csv")] == [("CA-2", "new"), ("CA-3", "all")]


def test_a_case_of_an_inquiry_has_its_person_masked(desk: Desk) -> None:
    desk.write([case(1, change="new", account_code=None, subject="inquiry:I1", tier="R401", verdict="lead")], PBOC)
    [row] = desk.read("exceptions.csv")
    assert (row["account_code"], row["id_masked"], row["opened"]) == ("", "110***********002X", "")


def test_the_cells_of_a_row(desk: Desk) -> None:
    desk.write([case(1, change="new", blind_spots="opening_changed")], PBOC)
    [row] = desk.read("exceptions.csv")
    assert (row["id_masked"], row["account_type"], row["opened"]) == ("110***********002X", "D1", "2024-01-12 10:00")
    assert (row["reported"], row["due_on"], row["blind_spots"]) == ("2024-01-10", "", "opening_changed")
    assert row["lead_note"] == "待核查线索"
    assert PERSON not in (desk.folder / "pboc" / "exceptions.csv").read_text(encoding="utf-8-sig")


def test_documents_are_asked_for_in_the_recipients_language(desk: Desk) -> None:
    """SPEC 10.1, ask_for: ids in cases.parquet, words in exceptions.csv, in their order."""
    chinese = Recipient("zh", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh")
    desk.write([case(1, change="new", ask_for="log;form"), case(2), case(3, ask_for="form")], PBOC, chinese)
    assert [r["ask_for"] for r in desk.read("exceptions_all.csv")] == [
        "Check log; Form, with time",
        "",
        "Form, with time",
    ]
    assert [r["需调取材料"] for r in desk.read("exceptions_all.csv", "zh")] == ["核查日志；申请书", "", "申请书"]


def test_rows_are_sorted_by_institution_account_and_case(desk: Desk) -> None:
    codes = [("B02", "a"), ("B01", "b"), ("B01", "B"), ("B01", "￥"), ("B01", "𠀀")]
    desk.write([case(n, provider_code=p, account_code=a) for n, (p, a) in enumerate(codes)], PBOC)
    assert [(r["provider_code"], r["account_code"]) for r in desk.read("exceptions_all.csv")] == sorted(codes)


def test_each_recipient_reads_only_its_cases_in_its_own_form(desk: Desk) -> None:
    other = Recipient("支行", "institution", Mask(0, 0), "gb18030", "zh")
    desk.write([case(1, change="new")], PBOC)
    desk.engine.view("case_recipients", "SELECT 'CA-1' AS case_id, '支行' AS recipient")
    context = ReportContext(NIGHT, "m", None, {}, [])
    build_listed(desk.engine)
    written = write_reports(desk.engine, (PBOC, other), desk.folder, context, demo_keys())
    assert written.sent == {"pboc": 0, "支行": 1}
    assert desk.read("exceptions.csv") == []
    text = (desk.folder / "支行" / "exceptions.csv").read_bytes().decode("gb18030")
    assert text.startswith("案件编号,行令牌")
    assert "*" * 18 in text


def test_one_token_per_episode_of_a_case_and_key(desk: Desk) -> None:
    """SPEC 8.2."""
    tokens = []
    for cases, keys in (
        ([case(1), case(2)], None),
        ([case(1, reasons="else", tier="R102")], None),
        ([case(1, episode=2)], None),
        ([case(1)], type(demo_keys())((type(demo_keys().active)("K2", "active", b"\x08" * 32),))),
    ):
        desk.write(cases, PBOC, keys=keys)
        tokens.append([r["row_token"] for r in desk.read("exceptions_all.csv")])
    first, second = tokens[0]
    assert first.startswith("RT-")
    assert tokens[1] == [first]
    assert len({first, second, tokens[2][0], tokens[3][0]}) == 4


def test_the_manifest_names_files_rows_hashes_and_what_they_rest_on(desk: Desk) -> None:
    """SPEC 10.1."""
    desk.write([case(1, change="new"), case(2)], PBOC)
    manifest = json.loads((desk.folder / "pboc" / "manifest.json").read_text(encoding="utf-8"))
    files = {f["file"]: (f["rows"], f["sha256"]) for f in manifest["files"]}
    for name, rows in (("exceptions.csv", 1), ("exceptions_all.csv", 2)):
        assert files[name] == (rows, hashlib.sha256((desk.folder / "pboc" / name).read_bytes()).hexdigest())
    assert manifest["published"] == {"findings": hashlib.sha256(b"table").hexdigest()}
    assert (manifest["mandate"], manifest["seal_of_the_night_before"], manifest["night"]) == (
        "授权",
        "seal",
        "2026-11-20",
    )
    assert manifest["covered"] == [{"feed": "accounts", "files": 1, "covers_from": None, "covers_to": None}]


def test_a_night_without_cases_still_writes_headers(desk: Desk) -> None:
    assert desk.write([], PBOC) == {"pboc": 0}
    assert desk.read("exceptions.csv") == desk.read("exceptions_all.csv") == []
    assert (desk.folder / "pboc" / "exceptions.csv-metadata.json").is_file()
