"""Reports of cases made by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.book.addressed import name_regions
from creditaudit.book.case_state import SENT_CASES
from creditaudit.book.state import QUARANTINED_NUMBERS
from creditaudit.masking import Mask
from creditaudit.reports.folders import ReportContext, Written, write_reports
from creditaudit.reports.listed import build_listed, sent_changed
from creditaudit.reports.recipients import Recipient
from creditaudit.reports.side_sheets import build_side_rows
from creditaudit.tables import NOTICES
from unit.kit import NIGHT, PERSON, demo_keys, interval, remembered, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

Row = dict[str, Any]
COLUMNS = ("recipient", "kind", "provider_code", "region_prefix", "id_mask", "encoding", "language", "pseudonym_key_id")
DATES = [("valid_from", pa.date32()), ("valid_to", pa.date32())]
SUGGESTED = ("provider_code", "account_code", "region_code", "id_norm", "suggested", "fix", "registry")
PBOC = Recipient("pboc", "pboc_liaison", Mask(3, 4), "utf-8-sig", "en")


def case(number: int, **cells: Any) -> Row:
    start, end = interval("2024-01-10")
    base = {
        "case_id": f"CA-{number}",
        "episode": 1,
        "change": None,
        "provider_code": "B01",
        "account_code": f"A{number}",
    }
    facts: Row = {"tier": "R101", "verdict": "violation", "notice_source": "loss_reports", "fault": "not_applicable"}
    facts |= {"subject": f"account:A{number}", "is_data_quality": False, "is_quiet": False}
    facts |= {"state": "sent", "is_open": True, "is_superseded": False}
    return {**base, **facts, "reported_from": start, "reported_to": end, "reasons": "R101 violation", **cells}


CASE_ROWS = pa.schema(
    [
        *[(name, pa.string()) for name in ("case_id", "change", "provider_code", "account_code", "tier", "verdict")],
        ("subject", pa.string()),
        *[(name, pa.bool_()) for name in ("is_data_quality", "is_quiet", "is_open", "is_superseded")],
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


SUBJECTS = pa.schema(
    [
        *[(n, pa.string()) for n in ("provider_code", "subject", "id_norm", "account_type")],
        ("opened_from", pa.int64()),
        ("opened_to", pa.int64()),
    ]
)


def no_side_rows(engine: Engine) -> None:
    """Make what the further sheets read, without rows."""
    text = pa.string()
    engine.load("suggestions", pa.schema([(column, text) for column in SUGGESTED]).empty_table())
    engine.load("notices", NOTICES.empty_table())
    engine.load("standing_quarantined_numbers", QUARANTINED_NUMBERS.schema.empty_table())
    name_regions(engine, NIGHT)
    build_side_rows(engine, lambda _: pytest.fail("no night is asked"))


class Desk:
    """Writes reports of cases made by hand, night after night, and remembers what was sent."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.night = NIGHT
        self.sent: dict[tuple[str, str], Row] = {}

    def write(
        self,
        cases: list[Row],
        *who: Recipient,
        keys: Keyring | None = None,
        to: Mapping[str, str] | None = None,
        providers: Iterable[str] = (),
        earlier: Iterable[Row] = (),
    ) -> Written:
        """Write the reports of one night.

        Parameters
        ----------
        cases : list of dict
            Rows of ``case_rows``.
        *who : Recipient
        keys : Keyring, optional
        to : mapping, optional
            case_id to the one recipient that gets it; others go to all.
        providers : iterable of str
            Institutions that the book knows.
        earlier : iterable of dict
            Episodes that others followed on earlier nights.
        """
        judged = [
            {
                **{name: c[name] for name in ("provider_code", "subject")},
                "id_norm": PERSON,
                **({} if c["account_code"] is None else ACCOUNT),
            }
            for c in {(c["provider_code"], c["subject"]): c for c in cases}.values()
        ]
        addressed = [
            {"case_id": c["case_id"], "recipient": r.name}
            for c in cases
            for r in who
            if (to or {}).get(c["case_id"], r.name) == r.name
        ]
        known = [{"recipient": r.name, "kind": r.kind, "provider_code": r.provider_code} for r in who]
        institutions = [{"provider_code": code, "row": n} for n, code in enumerate(providers, 1)]
        text = pa.string()
        for name, rows, schema in (
            ("documents", DOCUMENTS, pa.schema([(n, text) for n in ("document_id", "zh", "en")])),
            ("case_rows", cases, CASE_ROWS),
            ("earlier_episodes", list(earlier), CASE_ROWS),
            ("case_subjects", judged, SUBJECTS),
            ("case_recipients", addressed, pa.schema([("case_id", text), ("recipient", text)])),
            ("recipients", known, pa.schema([(column, text) for column in COLUMNS])),
            (
                "institutions",
                institutions,
                pa.schema([("provider_code", text), ("region_code", text), ("row", pa.int64()), *DATES]),
            ),
            ("standing_sent_cases", list(self.sent.values()), SENT_CASES.schema),
        ):
            self.engine.load(name, pa.Table.from_pylist(rows, schema=schema))
        no_side_rows(self.engine)
        build_listed(self.engine)
        (self.folder / "t.parquet").write_bytes(b"table")
        covered = [{"feed": "accounts", "files": 1, "covers_from": None, "covers_to": None}]
        context = ReportContext(self.night, "授权", "seal", {"findings": self.folder / "t.parquet"}, covered)
        written = write_reports(self.engine, who, self.folder, context, keys or demo_keys())
        for row in remembered(SENT_CASES, sent_changed(self.engine, self.night)):
            self.sent[row["case_id"], row["recipient"]] = row
        self.night += timedelta(days=1)
        return written

    def read(self, name: str, recipient: str = "pboc", encoding: str = "utf-8-sig") -> list[dict[str, str]]:
        """Rows of one sheet."""
        content = (self.folder / recipient / name).read_bytes().decode(encoding)
        return list(csv.DictReader(io.StringIO(content, newline="")))

    def manifest(self, recipient: str = "pboc") -> Any:
        """What a recipient's manifest says."""
        return json.loads((self.folder / recipient / "manifest.json").read_text(encoding="utf-8"))
