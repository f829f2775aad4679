"""The published tables: columns, types, order, and what cells may hold (SPEC 9)."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from creditaudit import open_book
from creditaudit.book.files import ROW_GROUP, write_parquet
from e2e.conftest import FIRST, SECOND, THIRD
from place import Place
from reference.hostile import write_delivery

if TYPE_CHECKING:
    from pathlib import Path

# SPEC 9, as written there; a name without a type is text.
COLUMNS: dict[str, str] = {
    "findings": "night DATE, provider_code, account_code, subject, person_token, rule_id, verdict, notice_source,"
    " notice_id, relation, moment_from TIMESTAMP, moment_to TIMESTAMP, reported_from TIMESTAMP, reported_to TIMESTAMP,"
    " evidence, fingerprint",
    "cases": "night DATE, case_id, episode INT, follows, provider_code, account_code, subject, person_token, tier,"
    " verdict, state, knowable, duty, duty_source, performed, fault, priority DOUBLE, reasons, sampled BOOLEAN,"
    " first_seen DATE, last_changed DATE, due_on DATE, due_provisional BOOLEAN, holds_the_ball, next_step, ask_for,"
    " blind_spots, stale_inputs",
    "clearances": "night DATE, provider_code, account_code, notice_source, notice_id, reason",
    "quarantine": "night DATE, feed, file, row BIGINT, line BIGINT, disposition, reasons",
    "coverage": "night DATE, feed, file, sha256, encoding, kind, provider_code, region_code, business_codes,"
    " covers_from DATE, covers_to DATE, delivered BIGINT, accepted BIGINT, quarantined BIGINT",
    "case_events": "night DATE, case_id, episode INT, event, from_state, to_state, proof, by",
    "institutions": "night DATE, provider_code, quarter, measure, value BIGINT",
}
TYPES = {
    "": pa.string(),
    "DATE": pa.date32(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
}
FINDINGS_ORDER = ("provider_code", "account_code", "subject", "rule_id", "notice_source", "notice_id")


def _schema(text: str) -> list[tuple[str, pa.DataType]]:
    pairs = (column.strip().partition(" ") for column in text.split(","))
    return [(name, TYPES[kind]) for name, _, kind in pairs]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, date]:
    """One hostile night: every table is full of what is hard to sort."""
    root = tmp_path_factory.mktemp("hostile")
    [day] = write_delivery(root, 9, 150, 1)
    place = Place(root).made(root / "reference")
    place.night(day)
    return place, day


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_and_types(hostile: tuple[Place, date], table: str) -> None:
    """SPEC 9: these columns, in this order, with these types."""
    place, day = hostile
    published = place.published(day, table)
    assert [(field.name, field.type) for field in published.schema] == _schema(COLUMNS[table])
    assert published.num_rows


@pytest.mark.parametrize("table", COLUMNS)
def test_order(hostile: tuple[Place, date], table: str) -> None:
    """SPEC 9: findings by their keys, the others by their columns from left to right; missing sorts first."""
    place, day = hostile
    rows = place.rows(day, table)
    names = FINDINGS_ORDER if table == "findings" else tuple(rows[0])
    keys = [[(row[name] is not None, row[name]) for name in names] for row in rows]
    assert all(_not_after(first, second) for first, second in pairwise(keys))


def _not_after(first: list[tuple[bool, object]], second: list[tuple[bool, object]]) -> bool:
    for one, other in zip(first, second, strict=True):
        if one != other:
            return one[0] < other[0] if one[0] != other[0] else one[1] < other[1]  # type: ignore[operator]
    return True


@pytest.mark.parametrize("table", COLUMNS)
def test_missing_is_null_never_empty_text(hostile: tuple[Place, date], three_nights: Place, table: str) -> None:
    """SPEC 9: also where a cell was delivered empty."""
    for published in (hostile[0].published(hostile[1], table), three_nights.published(THIRD, table)):
        for name, kind in _schema(COLUMNS[table]):
            if pa.types.is_string(kind):
                assert not pc.any(pc.equal(published[name], "")).as_py(), name


def test_evidence_is_json_with_sorted_keys(hostile: tuple[Place, date]) -> None:
    """SPEC 6.3, 9: JSON text, sorted keys, always with id_status; nothing of another night in it."""
    place, day = hostile
    seen: set[str] = set()
    for row in place.rows(day, "findings"):
        evidence = json.loads(str(row["evidence"]))
        assert list(evidence) == sorted(evidence)
        assert evidence["id_status"] in {
            "ok",
            "not_resident",
            "legacy15",
            "legacy15_centenarian",
            "bad_check",
            "bad_date",
            "bad_form",
        }
        seen |= set(evidence)
        assert not seen & {"file", "row", "line", "night", "report_date", "rule_sha256"}
    assert "card_later_than_moment" in seen, "SPEC 5"


def test_findings_without_a_notice_have_nothing_of_one(hostile: tuple[Place, date]) -> None:
    """SPEC 6: relation, reported_* and notice_* null; subject names the account; one fingerprint per finding."""
    place, day = hostile
    rows = place.rows(day, "findings")
    alone = [row for row in rows if row["rule_id"] == "R108"]
    assert alone
    for row in alone:
        names = ("relation", "notice_source", "notice_id", "reported_from", "reported_to")
        assert [row[name] for name in names] == [None] * 5
    asked = [row for row in rows if row["rule_id"] == "R401"]
    assert all(row["subject"] == f"account:{row['account_code']}" for row in rows if row not in asked)
    assert all((row["account_code"], row["subject"][:8]) == (None, "inquiry:") for row in asked)
    assert len({row["fingerprint"] for row in rows}) == len(rows)


def test_institutions_are_a_recount_of_what_is_published(hostile: tuple[Place, date]) -> None:
    """SPEC 8.5: by institution and quarter of moment; a figure of nothing has no row."""
    place, day = hostile
    cases, findings = place.rows(day, "cases"), place.rows(day, "findings")
    moments = {(f["provider_code"], f["subject"]): _quarter(f["moment_from"]) for f in findings}
    wanted = Counter((f["provider_code"], _quarter(f["moment_from"]), f"findings:{f['rule_id']}") for f in findings)
    for row in cases:
        whose = (row["provider_code"], moments.get((row["provider_code"], row["subject"])))
        wanted[*whose, f"fault:{row['fault']}"] += 1
        wanted[*whose, "undocumented_cells"] += row["duty"] == "unknown"
    told = {tuple(row.values())[1:4]: row["value"] for row in place.rows(day, "institutions")}
    assert {key: n for key, n in told.items() if key[2] != "accounts_judged"} == +wanted
    assert sum(n for key, n in told.items() if key[2] == "accounts_judged") == _accounts(place, day)


def _quarter(moment: datetime | None) -> str | None:
    return f"{moment.year:04}Q{(moment.month + 2) // 3}" if moment else None


def _accounts(place: Place, day: date) -> int:
    """Count lineages, one rename after the other; a ring of renames is one."""
    then = open_book(place.book).as_of(day)
    rows = {(r["provider_code"], r["account_code"]): r for r in then.standing("accounts").to_pylist()}
    newer: dict[tuple[str, str], tuple[str, str]] = {}
    for row in then.standing("account_renames").to_pylist():
        old = row["provider_code"], row["old_account_code"]
        new = row["new_provider_code"] or old[0], row["new_account_code"]
        if row["effective_on"] <= day and not _contradict(rows.get(old), rows.get(new)):
            newer[old] = new
    ends = set()
    for code in rows:
        walked = [code]
        while walked[-1] in newer and newer[walked[-1]] not in walked:
            walked.append(newer[walked[-1]])
        again = newer.get(walked[-1])
        ends.add(min(walked[walked.index(again) :]) if again else walked[-1])
    return len(ends)


def _contradict(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    if one is None or other is None:
        return False
    apart = one["opened_to"] < other["opened_from"] or one["opened_from"] > other["opened_to"]
    return bool(one["id_norm"] != other["id_norm"] or apart)


def test_quarantine_has_its_raw_text_beside(hostile: tuple[Place, date]) -> None:
    """SPEC 9: ``quarantine/<feed>.parquet`` has the same keys, and raw; every published row is in one of them."""
    place, day = hostile
    folder = place.folder(day) / "quarantine"
    keys = place.published(day, "quarantine").column_names
    beside = pa.concat_tables([pq.read_table(path, columns=[*keys, "raw"]) for path in sorted(folder.iterdir())])
    assert beside["raw"].null_count == 0
    ours = sorted(tuple(map(str, row.values())) for row in beside.select(keys).to_pylist())
    assert ours == sorted(tuple(map(str, row.values())) for row in place.rows(day, "quarantine"))
    assert len({row[1:4] for row in ours}) == len(ours), "SPEC 12: a row never appears twice"


def test_rows_of_the_small_nights(three_nights: Place) -> None:
    """One finding, one clearance, one quarantined row and one file, cell by cell."""
    finding = three_nights.rows(FIRST, "findings")[0]
    told = {name: finding[name] for name in COLUMNS_TOLD}
    assert told == {
        "night": FIRST,
        "provider_code": "B01",
        "account_code": "A1",
        "subject": "account:A1",
        "rule_id": "R101",
        "verdict": "violation",
        "notice_source": "loss_reports",
        "notice_id": "L1",
        "relation": "same",
        "moment_from": datetime(2024, 1, 10, 10, 0, 1),  # noqa: DTZ001 - SPEC 9: no zone
        "reported_to": datetime(2024, 1, 10, 10, 0, 0),  # noqa: DTZ001
    }
    assert three_nights.rows(SECOND, "clearances") == [
        {
            "night": SECOND,
            "provider_code": "B01",
            "account_code": "N1",
            "notice_source": "loss_reports",
            "notice_id": "L1",
            "reason": "newer_card_shown",
        }
    ]
    [bad] = [row for row in three_nights.rows(FIRST, "quarantine") if row["feed"] == "accounts"]
    assert (bad["file"], bad["row"], bad["line"], bad["reasons"]) == ("f.csv", 7, 8, "bad_type:opened_at")
    [file] = [row for row in three_nights.rows(SECOND, "coverage") if row["feed"] == "accounts"]
    scope = {name: file[name] for name in ("kind", "provider_code", "region_code", "business_codes")}
    assert scope == {"kind": "full", "provider_code": None, "region_code": "44", "business_codes": "11;81"}
    assert (file["covers_from"], file["covers_to"], file["encoding"]) == (date(2020, 1, 1), SECOND, "utf-8")
    assert [file[name] for name in ("delivered", "accepted", "quarantined")] == [7, 6, 1]


COLUMNS_TOLD = (
    "night",
    "provider_code",
    "account_code",
    "subject",
    "rule_id",
    "verdict",
    "notice_source",
    "notice_id",
    "relation",
    "moment_from",
    "reported_to",
)


def test_all_standing_findings_are_published_every_night(three_nights: Place) -> None:
    """SPEC 9: not only new ones; an unchanged finding keeps its fingerprint and its person's token."""
    first, second = ({r["subject"]: r for r in three_nights.rows(night, "findings")} for night in (FIRST, SECOND))
    assert len(first) == 5
    assert {subject: row["fingerprint"] for subject, row in first.items()} == {
        subject: row["fingerprint"] for subject, row in second.items()
    }
    tokens = {subject: row["person_token"] for subject, row in first.items()}
    assert len(set(tokens.values())) == 2
    assert len({token for subject, token in tokens.items() if subject != "account:Q1"}) == 1


def test_row_groups_are_fixed_however_rows_arrive(tmp_path: Path) -> None:
    """SPEC 9: one writer, fixed row groups: the same rows give the same bytes."""
    schema = pa.schema([("row", pa.int64()), ("text", pa.string())])
    count = 2 * ROW_GROUP + 5
    numbers = pa.array(range(count), pa.int64())
    whole = pa.table({"row": numbers, "text": numbers.cast(pa.string())}, schema=schema)
    pieces = [whole.slice(start, 50_001) for start in range(0, count, 50_001)]
    for name, batches in {"whole": [whole], "pieces": pieces}.items():
        assert write_parquet(tmp_path / name, schema, batches) == count
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    groups = pq.ParquetFile(tmp_path / "pieces").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [ROW_GROUP, ROW_GROUP, 5]
