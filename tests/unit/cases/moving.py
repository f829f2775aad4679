"""What moves a case, said by hand: answers, proofs, returns, objections."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from case_desk import Desk, Row, finding, one

from unit.kit import NIGHT, PERSON

if TYPE_CHECKING:
    from case_desk import Tracked


def day(after: int) -> date:
    return NIGHT + timedelta(days=after)


def answer(case: Row, outcome: str, to_state: str, **cells: Any) -> dict[str, list[Row]]:
    """Return the relations of one answer to a case as it stands."""
    base = {"case_id": case["case_id"], "episode": case["episode"], "outcome": outcome, "to_state": to_state}
    told = {"answered_on": NIGHT, "answered_by": "pboc", "by_kind": "pboc_liaison", "evidence_ref": "E1", "entry": "x"}
    row = {**base, **told, **cells}
    return {"answers_taken": [row], "answers_all": [{**row, "place": 1, "from_state": case["state"]}]}


def proof(case: Row, *, is_proven: bool, **cells: Any) -> Row:
    base = {"case_id": case["case_id"], "episode": case["episode"], "is_proven": is_proven, "kind": "absence"}
    return {**base, **cells}


def returned(case: Row, code: str = "A", how: str = "delivered_again") -> Row:
    told = {"provider_code": "B01", "account_code": code, "how": how}
    return {"case_id": case["case_id"], "episode": case["episode"], **told}


def objection(number: str = "O1", code: str | None = "A", **cells: Any) -> Row:
    told = {"objection_no": number, "id_norm": PERSON, "provider_code": "B01", "account_code": code}
    return {**told, "received_on": NIGHT, "night": NIGHT, "file": "f", "row": 1, "line": 2, **cells}


def account(code: str = "A", **cells: Any) -> Row:
    where = {"night": NIGHT, "file": "f", "row": 1, "line": 2}
    return {"provider_code": "B01", "account_code": code, "id_norm": PERSON, **where, **cells}


def by_episode(tracked: Tracked) -> list[tuple[int, str]]:
    return [(c["episode"], c["state"]) for c in sorted(tracked.cases.to_pylist(), key=lambda c: c["episode"])]


def states(tracked: Tracked) -> dict[str, str]:
    return {c["case_id"]: c["state"] for c in tracked.cases.to_pylist()}


def due(desk: Desk, outcome: str = "4") -> Row:
    """Return a case for which a correction is due, as of tonight."""
    case = one(desk.night([finding()]))
    return one(desk.night([finding()], **answer(case, outcome, "correction_due")))


def verified(desk: Desk) -> Row:
    case = due(desk)
    return one(desk.night([finding()], proofs_tonight=[proof(case, is_proven=True, proof="absent:x;y")]))


def by_state(tracked: Tracked) -> list[str]:
    return sorted(c["state"] for c in tracked.cases.to_pylist())
