"""Proof that a record was corrected, and that it came back: the steps of a night, in order (SPEC 8.1, 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.book.proof_state import (
    ABSENT_ACCOUNTS,
    CASE_BASELINES,
    CASE_CHAINED,
    CASE_PROOFS,
    HELD_SCOPES,
    SMALLER_BASES,
)
from creditaudit.cases.absence import prove_absence
from creditaudit.cases.bases import open_earlier, open_largest, smaller_bases
from creditaudit.cases.corrected import open_baselines, prove_number, prove_values
from creditaudit.cases.proof_rows import open_cases, open_rows
from creditaudit.cases.proof_words import words_of
from creditaudit.cases.residual import list_residual, remember_chained
from creditaudit.cases.returns import find_returns
from creditaudit.cases.unspoken import find_unspoken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from creditaudit.book.inbox import Entry
    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_TEXT, _FLAG, _CASE = pa.string(), pa.bool_(), [("case_id", pa.string()), ("episode", pa.int32())]

# What the state machine reads of a night's proofs.
PROOFS = pa.schema(
    [
        *_CASE,
        ("is_proven", _FLAG),  # tonight is the second proof
        ("proof", _TEXT),  # of which nights and files; NULL: not proven
        ("missing", _TEXT),  # why not, codes joined by ;
        ("kind", _TEXT),  # absence, number, values; NULL: none of them is under way
        ("has_other_evidence", _FLAG),  # proven, and a finding stands of which the answer did not speak
    ]
)
RETURNS = pa.schema([*_CASE, ("provider_code", _TEXT), ("account_code", _TEXT), ("how", _TEXT)])
RESIDUAL = pa.schema([("case_id", _TEXT), ("residual", _TEXT)])


def prove(
    engine: Engine,
    book: Book,
    night: date,
    *,
    entries: Sequence[Entry],
    quarantined: Callable[[], Mapping[str, pa.Table]],
) -> dict[str, pa.Table]:
    """Make ``proofs_tonight``, ``returns_tonight`` and ``residual_tonight``; returns what the state must remember.

    Reads ``awaiting`` and ``verified_cases`` (case_id, episode, provider_code, account_code, subject, id_norm, outcome,
    taken_on, opened_on), ``answers_taken``, ``account_files`` and ``delivered_accounts`` of the intake,
    ``standing_accounts``, ``standing_openings``, ``standing_inquiries``, ``standing_account_renames``,
    ``standing_full_deliveries``, the
    ``standing_`` tables of ``creditaudit.book.proof_state``, ``lineage``, ``contradicted_renames``,
    ``institution_groups``, ``findings`` and ``previous_findings``.

    ``proofs_tonight`` (``PROOFS``) has one row per awaiting case that no answer of tonight speaks of (what that answer
    says is proven on later nights alone), ``returns_tonight`` (``RETURNS``) at most one per
    verified case, ``residual_tonight`` (``RESIDUAL``) one per verified case with something left. Where no case waits
    and none is verified they are empty, and nothing is read.

    Parameters
    ----------
    engine : Engine
    book : Book
        As the last sealed night left it.
    night : date
    entries : sequence of Entry
        What tonight takes of the inbox, in order.
    quarantined : callable
        Gives tonight's quarantined account rows (``creditaudit.intake.account_files``); called only where a case waits
        or is verified.

    Returns
    -------
    dict
        Name of a table of the state to tonight's rows of it, none of them empty.
    """
    made: dict[str, pa.Table] = {}
    engine.table("awaiting", _STILL_AWAITING)
    is_any = open_cases(engine)
    unlisted = engine.fetch(_NO_ACCOUNT).to_pylist()
    if is_any or any(entry.kind == SMALLER_BASE for entry in entries):
        open_earlier(engine, night)
        made[SMALLER_BASES.name] = smaller_bases(engine, entries, night)
    if is_any:
        open_rows(engine, quarantined)
        made[CASE_BASELINES.name] = open_baselines(engine, book, night)
        made[CASE_CHAINED.name] = remember_chained(engine, book, night)
        open_largest(engine, night, made[SMALLER_BASES.name])
        made[HELD_SCOPES.name] = prove_absence(engine, book, night)
        prove_number(engine)
        prove_values(engine, night)
        made |= _weigh(engine, book, night, unlisted)
        find_returns(engine, book)
        list_residual(engine)
        engine.drop(*_MADE)
    else:
        rows = [_row(case, missing=NO_ACCOUNT) for case in unlisted]
        engine.load("proofs_tonight", pa.Table.from_pylist(rows, schema=PROOFS))
        engine.load("returns_tonight", RETURNS.empty_table())
        engine.load("residual_tonight", RESIDUAL.empty_table())
    engine.drop("proof_cases", "proof_codes", "earlier_deliveries")
    return {name: rows for name, rows in made.items() if rows.num_rows}


SMALLER_BASE = "smaller_base"
NO_ACCOUNT = "no_account"

# An answer of tonight comes before a proof of tonight: nothing may be proven of such a case, and nobody's account be
# gone, by what the answer has overtaken.
_STILL_AWAITING = """
    SELECT w.* FROM awaiting AS w WHERE NOT EXISTS (SELECT 1 FROM answers_taken AS a
        WHERE a.case_id = w.case_id AND a.episode = w.episode)
"""

# Inquiries, and objections whose account is not known, have no record that a delivery of accounts could show.
_NO_ACCOUNT = """
    SELECT case_id, episode FROM awaiting
    WHERE account_code IS NULL OR subject <> 'account:' || account_code ORDER BY case_id
"""

_MADE = (
    *("near_tonight", "held_tonight", "case_rows", "quarantined_accounts", "quarantined_held", "quarantined_near"),
    *("every_baseline", "every_chained", "largest_deliveries", "absence_checks", "case_blocks", "unscoped"),
    *("rekeyed_codes", "sound_absences", "sound_numbers", "sound_values", "proofs_now", "proofs_before"),
    "proven_cases",
)

# What tonight proves, each kind by itself.
_NOW = """
    SELECT case_id, episode, 'absence' AS kind, scope AS detail, sha256s, files FROM sound_absences
    UNION ALL
    SELECT case_id, episode, 'number' AS kind, CAST(NULL AS VARCHAR) AS detail, sha256s, files FROM sound_numbers
    UNION ALL
    SELECT case_id, episode, 'values' AS kind, column_name AS detail, sha256s, files FROM sound_values
"""

# What was proven on earlier nights after the answer, and holds: nothing undid it then, and nothing does tonight.
_BEFORE = """
    SELECT e.night, e.case_id, e.episode, e.kind, e.detail, e.sha256s, e.files
    FROM standing_case_proofs AS e
    JOIN proof_cases AS p ON p.case_id = e.case_id AND p.episode = e.episode AND NOT p.is_verified
    WHERE NOT e.is_void AND e.night > p.taken_on
        AND NOT EXISTS (SELECT 1 FROM standing_case_proofs AS v
            WHERE v.is_void AND v.case_id = e.case_id AND v.episode = e.episode AND v.kind = e.kind
                AND v.night > e.night AND COALESCE(v.detail = e.detail, TRUE))
"""

# Any row of the account, and any file that may hold one, undoes an absence; a row that does not show the correction
# undoes what earlier rows showed.
_VOID = """
    SELECT DISTINCT e.case_id, e.episode, e.kind, CASE WHEN e.kind = 'values' THEN e.detail END AS detail
    FROM proofs_before AS e
    LEFT JOIN case_blocks AS b ON b.case_id = e.case_id
    WHERE CASE WHEN e.kind = 'absence' THEN b.is_delivered OR b.is_unread
        ELSE EXISTS (SELECT 1 FROM held_tonight AS h WHERE h.case_id = e.case_id)
            AND NOT EXISTS (SELECT 1 FROM proofs_now AS n WHERE n.case_id = e.case_id AND n.episode = e.episode
                AND n.kind = e.kind AND n.detail IS NOT DISTINCT FROM e.detail) END
    ORDER BY case_id, kind, detail
"""


def _weigh(engine: Engine, book: Book, night: date, unlisted: Sequence[Mapping[str, Any]]) -> dict[str, pa.Table]:
    """Put tonight's proofs beside earlier ones: makes ``proofs_tonight``; returns what the state remembers of it."""
    engine.table("proofs_now", _NOW)
    engine.table("proofs_before", _BEFORE)
    voids = engine.fetch(_VOID).to_pylist()
    undone = {(v["case_id"], v["kind"], v["detail"]) for v in voids}
    now = engine.fetch("SELECT * FROM proofs_now ORDER BY case_id, kind, detail").to_pylist()
    before = [
        proof
        for proof in engine.fetch("SELECT * FROM proofs_before ORDER BY case_id, night, kind, detail").to_pylist()
        if (proof["case_id"], proof["kind"], proof["detail"] if proof["kind"] == "values" else None) not in undone
    ]
    earlier: dict[str, list[dict[str, Any]]] = {}
    for proof in before:
        earlier.setdefault(proof["case_id"], []).append(proof)
    firsts: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for proof in now:
        first = next((e for e in earlier.get(proof["case_id"], ()) if _are_two(e, proof)), None)
        proof["night"], proof["is_void"], proof["is_final"] = night, False, first is not None
        if first is not None:
            firsts.setdefault(proof["case_id"], (first, proof))
    kept = now + [{**v, "night": night, "is_void": True, "is_final": False} for v in voids]
    rows = [_row(case, missing=NO_ACCOUNT) for case in unlisted]
    words = words_of(engine, now, before)
    under_way = {proof["case_id"]: proof["kind"] for proof in (*before, *now)}
    # An account that is gone is judged no more; one that stands corrected may have findings all the same.
    standing = [case for case, (_, second) in firsts.items() if second["kind"] != "absence"]
    other = find_unspoken(engine, book, standing)
    for case in engine.fetch(_WAITING).to_pylist():
        pair = firsts.get(case["case_id"])
        kind = pair[1]["kind"] if pair else under_way.get(case["case_id"])
        proof_text = None if pair is None else _proof_text(*pair, night)
        row = _row(case, kind=kind, proof=proof_text, missing=None if pair else words[case["case_id"]])
        rows.append({**row, "has_other_evidence": case["case_id"] in other})
    rows.sort(key=lambda row: str(row["case_id"]))
    engine.load("proofs_tonight", pa.Table.from_pylist(rows, schema=PROOFS))
    return {
        CASE_PROOFS.name: pa.Table.from_pylist(kept, schema=CASE_PROOFS.schema),
        ABSENT_ACCOUNTS.name: _absent(engine, night),
    }


_WAITING = "SELECT case_id, episode FROM proof_cases WHERE NOT is_verified ORDER BY case_id"


def _are_two(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Say whether two proofs of one case, of two nights, verify it."""
    if first["kind"] != second["kind"]:
        return False
    if first["kind"] == "absence":
        return bool(first["sha256s"] != second["sha256s"])
    return bool(first["detail"] == second["detail"])


def _proof_text(first: Mapping[str, Any], second: Mapping[str, Any], night: date) -> str:
    what = {"absence": "absent", "number": "number", "values": f"value {second['detail']}"}[second["kind"]]
    return f"{what}:{first['night']} {_short(first['sha256s'])};{night} {_short(second['sha256s'])}"


def _short(sha256s: str | None) -> str:
    return ",".join(digest[:8] for digest in (sha256s or "").split(";"))


def _row(case: Mapping[str, Any], **cells: str | None) -> dict[str, Any]:
    return {"case_id": case["case_id"], "episode": case["episode"], "is_proven": bool(cells.get("proof")), **cells}


def _absent(engine: Engine, night: date) -> pa.Table:
    """Return tonight's rows of ``ABSENT_ACCOUNTS``: those of accounts that came back, and of those proven absent.

    None where nothing is proven absent: what came back is kept already.
    """
    day = f"DATE '{night.isoformat()}'"
    is_gone = "SELECT 1 FROM proofs_tonight AS t WHERE t.case_id = k.case_id AND t.is_proven AND t.kind = 'absence'"
    fresh = engine.fetch(
        f"SELECT {day} AS night, k.provider_code, k.account_code, min(k.case_id) AS case_id, TRUE AS is_absent"
        f" FROM proof_codes AS k WHERE EXISTS ({is_gone}) GROUP BY k.provider_code, k.account_code"
        " ORDER BY provider_code, account_code"
    ).cast(ABSENT_ACCOUNTS.schema)
    if not fresh.num_rows:
        return fresh
    back = engine.fetch(f"SELECT * FROM standing_absent_accounts WHERE night = {day}").cast(ABSENT_ACCOUNTS.schema)
    order = [("provider_code", "ascending"), ("account_code", "ascending")]
    return pa.concat_tables([back, fresh]).sort_by(order)
