"""Next steps and their legal basis: what the shipped table says of each kind of case (SPEC 8.5)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.book.reference import read, shipped
from creditaudit.cases.remedies import next_steps, remedies_of
from creditaudit.cases.remedy_lint import WORDS, doubts_of, without_remedy

if TYPE_CHECKING:
    from pathlib import Path

    from creditaudit.engines import Engine

NIGHT = date(2026, 11, 20)
HEADER = "remedy_id,account_type,tier,state,fault,next_step,who,basis,in_force_from,in_force_to,source"
CREDIT = ("D1", "R1", "R2", "R3", "R4", "C1")
ASSETS = ("deposit", "wealth", "securities")
VIOLATION = {"tier": "R101", "verdict": "violation", "fault": "needs_evidence"}


def case(case_id: str = "CA-1", **changes: Any) -> dict[str, str | None]:
    whole: dict[str, str | None] = {
        "case_id": case_id,
        "state": "sent",
        "tier": "R105",
        "verdict": "undecidable",
        "fault": "no_fault_indicated",
        "account_type": "D1",
        "moment": "2023-05-01 10:00:00",
    }
    return whole | changes


def base(engine: Engine, *cases: dict[str, str | None]) -> None:
    def cell(value: str | None, kind: str = "VARCHAR") -> str:
        return "CAST(NULL AS " + kind + ")" if value is None else f"CAST('{value}' AS {kind})"

    names = ("state", "tier", "verdict", "fault", "account_type")
    parts = [
        f"SELECT {cell(c['case_id'])} AS case_id, 1 AS episode, "
        + ", ".join(f"{cell(c[n])} AS {n}" for n in names)
        + f", {cell(c['moment'], 'TIMESTAMP')} AS moment_from, {cell(c['moment'], 'TIMESTAMP')} AS moment_to"
        for c in cases
    ]
    engine.table("case_rows_base", " UNION ALL ".join(parts))


@pytest.fixture
def shipped_table(engine: Engine, tmp_path: Path) -> Engine:
    (tmp_path / "remedies.csv").write_bytes(shipped("remedies"))
    engine.load("remedies", read(tmp_path, "remedies"))
    return engine


def own_table(engine: Engine, folder: Path, *lines: str, header: str = HEADER) -> None:
    (folder / "remedies.csv").write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    engine.load("remedies", read(folder, "remedies"))


def steps(engine: Engine, *cases: dict[str, str | None]) -> list[dict[str, Any]]:
    base(engine, *cases)
    next_steps(engine, NIGHT)
    return list(engine.fetch("SELECT * FROM case_steps ORDER BY case_id").to_pylist())


def ids(engine: Engine, **changes: Any) -> list[str]:
    (found,) = steps(engine, case(**changes))
    return str(found["next_step_ids"] or "").split(";")


@pytest.mark.parametrize("account_type", CREDIT)
@pytest.mark.parametrize("state", ["lead", "sent", "undetermined"])
def test_a_credit_account_is_confirmed_first_and_then_corrected(
    shipped_table: Engine, account_type: str, state: str
) -> None:
    (found,) = steps(shipped_table, case(account_type=account_type, state=state))
    zh, en = str(found["next_step_zh"]), str(found["next_step_en"])
    assert zh.index("与机构核实") < zh.index("更正清单")
    assert en.index("Confirm with the institution") < en.index("correction checklist")
    assert all(word in zh for word in ("账户", "授信协议", "个人信息", "查询记录", "担保"))
    assert all(word in en for word in ("account", "agreement", "wrong personal data", "inquiries", "guarantees"))
    assert "挂失" not in zh


@pytest.mark.parametrize("account_type", ASSETS)
def test_what_is_not_in_a_credit_report_is_reported_lost_and_stopped(shipped_table: Engine, account_type: str) -> None:
    (found,) = steps(shipped_table, case(account_type=account_type))
    assert "挂失并要求止付" in found["next_step_zh"]
    assert "保留证据" in found["next_step_zh"]
    assert "reports the loss" in found["next_step_en"]
    assert "payment stopped" in found["next_step_en"]
    assert "Keep the evidence" in found["next_step_en"]
    assert "checklist" not in found["next_step_en"]


@pytest.mark.parametrize("moment", ["2018-04-09 00:00:00", "2023-05-01 10:00:00", None])
@pytest.mark.parametrize("account_type", ["D1", "R2", "deposit", "securities"])
def test_where_fault_is_indicated_holder_and_supervisor_may_ask(
    shipped_table: Engine, account_type: str, moment: str | None
) -> None:
    (found,) = steps(shipped_table, case(fault="fault_indicated", account_type=account_type, moment=moment))
    en = str(found["next_step_en"])
    for word in ("deletion", "no repayment", "restoration of reputation", "compensation for distress"):
        assert word in en
    assert "indirect losses are not among them" in en
    assert "hold to account an institution that did not check" in en


@pytest.mark.parametrize("fault", [f for f in WORDS["fault"] if f != "fault_indicated"])
def test_no_claim_is_told_where_no_fault_is_indicated(shipped_table: Engine, fault: str) -> None:
    (found,) = steps(shipped_table, case(fault=fault))
    assert "restoration of reputation" not in found["next_step_en"]
    assert "supervisor" not in found["next_step_en"]


@pytest.mark.parametrize("tier", ["R101", "R102", "R104", "R105", "R107", "R108", "R201", "R202", "R203", "R204"])
def test_every_violation_has_a_referral_sheet_that_calls_nobody_guilty(shipped_table: Engine, tier: str) -> None:
    (found,) = steps(shipped_table, case(**(VIOLATION | {"tier": tier})))
    assert "police-referral" in found["next_step_ids"].split(";")
    assert "不作有罪判断" in found["next_step_zh"]
    assert "no statement of guilt" in found["next_step_en"]
    for article in ("art. 17", "art. 253-1", "art. 280(3)", "art. 280-1", "art. 193"):
        assert article in found["next_step_en"]


@pytest.mark.parametrize(("tier", "verdict"), [("R101", "undecidable"), ("R102", "lead"), ("objection", None)])
def test_without_a_violation_there_is_nothing_for_the_police(
    shipped_table: Engine, tier: str, verdict: str | None
) -> None:
    assert not [i for i in ids(shipped_table, tier=tier, verdict=verdict) if i.startswith("police")]


@pytest.mark.parametrize("state", ["holder_confirmed", "withdrawn", "reappeared"])
def test_a_case_that_ended_without_a_correction_sends_nobody_to_the_police(shipped_table: Engine, state: str) -> None:
    found = ids(shipped_table, **(VIOLATION | {"state": state, "fault": "fault_indicated"}))
    assert len(found) == 1


def test_a_row_holds_by_the_day_of_the_moment(shipped_table: Engine) -> None:
    for moment, is_there in (("2015-10-31 23:59:59", False), ("2015-11-01 00:00:00", True), (None, True)):
        assert ("police-stolen-identity" in ids(shipped_table, **VIOLATION, moment=moment)) is is_there
    for moment, remedy in (("2020-12-31 23:59:59", "holder-claims-before-2021"), ("2021-01-01", "holder-claims")):
        found = ids(shipped_table, fault="fault_indicated", moment=moment)
        assert [i for i in found if i.startswith("holder")] == [remedy]


def test_every_kind_of_case_has_a_next_step(shipped_table: Engine) -> None:
    subjects: list[dict[str, str | None]]
    subjects = [{"account_type": a, "tier": "R302", "verdict": "lead"} for a in (*CREDIT, *ASSETS)]
    subjects += [{"account_type": None, "tier": "R401", "verdict": "lead"}]
    subjects += [{"account_type": a, "tier": "objection", "verdict": None} for a in (None, "D1")]
    kinds = [
        case(f"CA-{state}-{n}", state=state, fault="not_applicable", **subject, moment=moment)
        for state in WORDS["state"]
        for moment in ("1999-01-01", "2026-11-20", None)
        for n, subject in enumerate(subjects)
    ]
    kinds = [c | {"case_id": f"{c['case_id']}-{n}"} for n, c in enumerate(kinds)]
    base(shipped_table, *kinds)
    assert without_remedy(shipped_table, NIGHT) == ()
    assert all(r["next_step"] for r in steps(shipped_table, *kinds))


def test_the_shipped_table_has_a_source_and_a_text_in_two_languages_for_each_row(tmp_path: Path) -> None:
    (tmp_path / "remedies.csv").write_bytes(shipped("remedies"))
    table = read(tmp_path, "remedies")
    assert doubts_of(table) == ()
    for name in ("source", "next_step", "next_step_en", "who", "basis", "state"):
        assert table[name].null_count == 0


def test_the_text_is_that_of_all_matching_rows_in_their_order(engine: Engine, tmp_path: Path) -> None:
    header = HEADER.replace("next_step,", "next_step,next_step_en,")
    own_table(
        engine,
        tmp_path,
        "z,*,*,sent,*,乙,second,house,x,,,s",
        "y,R2; D1,*,lead;sent,*,甲,,house,x,,,s",
        "w,R2,*,sent,*,no,no,house,x,,,s",
        "a,*,R105,*,*,丙,third,house,x,,,s",
        header=header,
    )
    (found,) = steps(engine, case())
    assert found == {
        "case_id": "CA-1",
        "episode": 1,
        "next_step_ids": "z;y;a",
        "next_step": "乙 / second | 甲 | 丙 / third",
        "next_step_zh": "乙 | 甲 | 丙",
        "next_step_en": "second | 甲 | third",
    }
    (none,) = steps(engine, case(state="lead", tier="R101", account_type="deposit"))
    assert (none["next_step_ids"], none["next_step"]) == (None, None)


def test_a_table_with_the_columns_of_the_specification_alone_will_do(engine: Engine, tmp_path: Path) -> None:
    own_table(
        engine, tmp_path, "a,*,*,sent,*,做,house,x,2020-01-01,2023-05-01,s", "b,*,*,sent,*,晚,house,x,2023-05-02,,s"
    )
    cases = [case("1"), case("2", moment="2023-05-02"), case("3", moment="2019-12-31"), case("4", moment=None)]
    assert [row["next_step"] for row in steps(engine, *cases)] == ["做", "晚", None, "晚"]


def test_the_remedies_of_a_case_say_who_and_on_what_basis(shipped_table: Engine) -> None:
    base(shipped_table, case(), case("CA-2", **VIOLATION))
    rows = remedies_of(shipped_table, NIGHT, "CA-2").to_pylist()
    told = {r["remedy_id"]: (r["who"], r["basis"], r["in_force_from"]) for r in rows}
    assert told["police-id-card"] == ("police", "居民身份证法 art. 17, 18", date(2004, 1, 1))
    assert all(r["source"] and r["episode"] == 1 for r in rows)
    next_steps(shipped_table, NIGHT)
    listed = shipped_table.fetch("SELECT next_step_ids FROM case_steps WHERE case_id = 'CA-2'").to_pylist()
    assert listed == [{"next_step_ids": ";".join(r["remedy_id"] for r in rows)}]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("a,*,*,sent,*,x,house,x,,,", "no_source"),
        ("a,*,*,sent,*,,house,x,,,s", "no_text"),
        (",*,*,sent,*,x,house,x,,,s", "no_id"),
        ("first,*,*,sent,*,x,house,x,,,s", "double_id"),
        ("a,*,*,sent,*,x,house,x,2020-01-02,2020-01-01,s", "dates"),
        ("a,D9,*,sent,*,x,house,x,,,s", "unknown_word"),
        ("a,*,R999,sent,*,x,house,x,,,s", "unknown_word"),
        ("a,*,*,open,*,x,house,x,,,s", "unknown_word"),
        ("a,*,*,sent,guilty,x,house,x,,,s", "unknown_word"),
        ("a,*,*,,*,x,house,x,,,s", "unknown_word"),
        ("a,C1,*,sent,fault_indicated,x,house,x,,,s", "unreachable"),
        ("a,C1,R108,sent,*,x,house,x,,,s", "unreachable"),
        ("a,D1,R401,sent,*,x,house,x,,,s", "unreachable"),
    ],
)
def test_what_is_doubtful_is_named(engine: Engine, tmp_path: Path, line: str, kind: str) -> None:
    own_table(engine, tmp_path, "first,*,*,sent,*,x,house,x,,,s", line)
    (found,) = doubts_of(engine.fetch("SELECT * FROM remedies"))
    assert found.kind == kind
    assert found.about == (line.split(",", maxsplit=1)[0] or "row 2")


@pytest.mark.parametrize(("tier", "verdict"), [("R103", "violation"), ("objection", "lead"), ("R101", "lead")])
def test_a_verdict_that_its_rules_never_give_is_named(engine: Engine, tmp_path: Path, tier: str, verdict: str) -> None:
    own_table(engine, tmp_path, f"a,*,{tier},sent,*,x,house,x,,,s,{verdict}", header=f"{HEADER},verdict")
    assert [d.kind for d in doubts_of(engine.fetch("SELECT * FROM remedies"))] == ["unreachable"]


def test_a_case_that_matches_no_row_is_named(engine: Engine, tmp_path: Path) -> None:
    own_table(engine, tmp_path, "a,D1,*,sent,*,x,house,x,,,s")
    base(engine, case(), case("CA-2", account_type=None, tier="R401", verdict="lead"))
    (found,) = without_remedy(engine, NIGHT)
    assert (found.kind, found.about) == ("no_remedy", "CA-2")
    assert "account_type none, tier R401" in found.words
