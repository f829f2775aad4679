"""A case of which everything is known, at such length that its sheet is as full as one can be."""

from __future__ import annotations

from typing import Any

from creditaudit.reports.drawing import Mark
from creditaudit.reports.pictures import SheetFacts
from creditaudit.reports.sheet_page import Names
from unit.kit import NIGHT, PERSON

LONG = {"zh": "长文字" * 100, "en": "a long text " * 40}
CASE: dict[str, Any] = {
    **{"case_id": "CA-0123456789abcdef01234567", "episode": 12, "provider_code": "B" * 14, "account_code": "A" * 40},
    **{"subject": "account:A", "state": "correction_overdue", "tier": "R101", "verdict": "violation"},
    **{"fault": "fault_indicated", "priority": 0.9876, "duty_source": "银发〔2018〕60号" * 12, "first_seen": NIGHT},
    **{
        "due_on": NIGHT,
        "due_kind": "house",
        "due_provisional": True,
        "days_left": -12,
        "holds_the_ball": "institution",
    },
    **{"ask_for": ";".join(f"d{n}" for n in range(9)), "blind_spots": "opening_changed;" * 30, "id_norm": PERSON},
    **{"stale_inputs": "accounts;loss_reports;invalid_cards;verifications", "next_step_ids": "", "account_type": "R4"},
    **{"moment_from": 0, "moment_to": 86_399, "document_kind": "permanent", "shown_on": 9_000, "shown_to": 18_000},
}


def full(language: str) -> tuple[SheetFacts, Names]:
    """Return the facts of the fullest sheet, in texts of one language, and what its documents and rules are called."""
    text = LONG[language]
    score = f"R101 violation 评分依据：{LONG['zh']} | score: {LONG['en']}"
    case = {**CASE, "reasons": score}
    finding = {"rule_id": "R101", "verdict": "violation", "notice_source": "loss_reports", "notice_id": "L" * 40}
    finding |= {"relation": "presumed_same", "reported_from": 0, "reported_to": 86_399}
    finding |= {"moment_from": 0, "moment_to": 86_399}
    source = [{"name": "covered_by", "value": "f" * 300}]
    element = {"name": "performed", "status": "refuted", "value": "missing", "source": source}
    changes = [{"name": name, "value": "in_force"} for name in ("duty", "knowable", "performed", "card")]
    flip = {"changes": changes, "is_open": False, "fault": "no_fault_indicated"}
    step = {"who": "supervisor", "next_step": text, "next_step_en": text, "in_force_from": NIGHT, "in_force_to": NIGHT}
    facts = SheetFacts(
        case,
        [finding] * 9,
        [Mark("entered", 86_400 * n, 86_400 * n + 86_399, "invalid_cards E0000000001") for n in range(40)],
        [element] * 7,
        [flip] * 9,
        [{**step, "basis": f"{n} {text}"} for n in range(18)],
    )
    named = {f"d{n}": (LONG["zh"][:40], LONG["en"][:80]) for n in range(9)}
    return facts, Names(named, {"R101": (LONG["zh"], LONG["en"])})
