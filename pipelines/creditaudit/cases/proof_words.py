"""Why a correction is not proven yet: short codes that a case lists among what could not be seen (SPEC 8.3)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from creditaudit.engines import Engine

_CASES = """
    SELECT p.case_id, p.outcome, b.is_delivered, b.is_quarantined, b.is_unread, u.case_id IS NOT NULL AS is_unscoped,
        EXISTS (SELECT 1 FROM held_tonight AS h WHERE h.case_id = p.case_id) AS is_accepted,
        v.rests_on, v.stood_on
    FROM proof_cases AS p
    JOIN case_blocks AS b ON b.case_id = p.case_id
    LEFT JOIN unscoped AS u ON u.case_id = p.case_id
    LEFT JOIN every_baseline AS v ON v.case_id = p.case_id AND v.episode = p.episode
    WHERE NOT p.is_verified
    ORDER BY p.case_id
"""


def words_of(engine: Engine, now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return, per awaiting case, what is missing of its proof: codes joined by ``;``.

    ``first_proof:<night>``: one proof stands, the second is awaited. ``same_delivery``: the files of tonight are those
    of the first proof. ``no_full_delivery``, ``scope_missing``, ``not_stated`` (a control without rows or sha256),
    ``refused_file``, ``short:<percent>%``, ``outside_scope``, ``not_held_before``, ``still_delivered``,
    ``quarantined_row``, ``possibly rekeyed: <code>``. ``not_delivered``, ``number_unchanged``, ``value_unchanged``,
    ``no_column`` (no finding rests on a value of the account, or what it was is not known any more).
    """
    deliveries: dict[str, list[list[str]]] = defaultdict(list)
    for check in engine.fetch("SELECT * FROM absence_checks ORDER BY case_id, scope").to_pylist():
        deliveries[check["case_id"]].append(_of_delivery(check))
    rekeyed: dict[str, list[str]] = defaultdict(list)
    for row in engine.fetch("SELECT case_id, account_code FROM rekeyed_codes ORDER BY 1, 2").to_pylist():
        rekeyed[row["case_id"]].append(f"possibly rekeyed: {row['account_code']}")
    first: dict[str, str] = {}
    for proof in (*before, *now):
        first.setdefault(proof["case_id"], f"first_proof:{proof['night']}")
    tonight = {proof["case_id"] for proof in now}
    waiting_twice = _absences(now) & _absences(before)
    found = {}
    for case in engine.fetch(_CASES).to_pylist():
        name = case["case_id"]
        said = [first[name]] if name in first else []
        if name in waiting_twice:
            said.append("same_delivery")
        elif name not in tonight:
            said += _of_case(case, deliveries[name], rekeyed[name])
        found[name] = ";".join(said)
    return found


def _absences(proofs: Sequence[Mapping[str, Any]]) -> set[str]:
    return {proof["case_id"] for proof in proofs if proof["kind"] == "absence"}


def _of_delivery(check: Mapping[str, Any]) -> list[str]:
    rows, largest = check["distinct_rows"], check["largest"]
    return [
        *(["refused_file"] if check["is_refused"] else []),
        *(["not_stated"] if check["is_unstated"] and not check["is_refused"] else []),
        *([f"short:{100 * rows // largest}%"] if largest and 10 * rows < 9 * largest else []),
        *(["outside_scope"] if check["is_outside"] else []),
        *(["not_held_before"] if check["is_unheld"] or largest is None else []),
    ]


def _of_case(case: Mapping[str, Any], deliveries: Sequence[list[str]], rekeyed: Sequence[str]) -> list[str]:
    if case["outcome"] == "3":
        if not case["rests_on"]:
            return ["no_column"]
        return ["value_unchanged" if case["is_accepted"] else "not_delivered"]
    if case["outcome"] == "1" and case["is_accepted"]:
        return ["number_unchanged"]
    said = ["still_delivered"] if case["is_delivered"] else []
    if deliveries:
        said += sorted((len(words), words) for words in deliveries)[0][1]
    else:
        said.append("scope_missing" if case["is_unscoped"] else "no_full_delivery")
    said += ["quarantined_row"] if case["is_quarantined"] else []
    said += ["refused_file"] if case["is_unread"] and "refused_file" not in said else []
    return [*said, *rekeyed]
