"""Cases: the strongest finding names a case, the most serious decides its fault (SPEC 6, end, and 7)."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from reference.fault import FAULT_RULES, OUTSIDE, Decided

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reference.cells import Row
    from reference.lineage import Account, Code

Key = tuple[Any, ...]

_FIRM = ["R101", "R107", "R102", "R203", "R201", "R202", "R204", "R104", "R108", "R105"]
_LEADS = ["R102", "R201", "R109", "R402", "R107", "R401", "R302", "R301", "R105", "R106", "R103"]
STRENGTH = [
    *((rule, "violation") for rule in _FIRM),
    *((rule, "undecidable") for rule in _FIRM),
    *((rule, "lead") for rule in _LEADS),
]
SERIOUS = ("fault_indicated", "needs_evidence", "fault_unproven", "no_fault_indicated")


def key_of(one: dict[str, Any]) -> Key:
    """Return what tells one finding of a night from another."""
    return (one["provider_code"], one["subject"], one["rule_id"], one["notice_source"], one["notice_id"])


def _place(one: dict[str, Any]) -> Key:
    """Strongest first; ties by notice_source, notice_id, missing first."""
    notice = tuple((one[column] is not None, one[column] or "") for column in ("notice_source", "notice_id"))
    return (STRENGTH.index((one["rule_id"], one["verdict"])), *notice)


def _fault_of(found: list[dict[str, Any]], faults: Mapping[Key, Decided]) -> Decided:
    """SPEC 7: the fault of a case is the most serious of its findings in the lane."""
    decided = [(one, faults[key_of(one)]) for one in found if one["rule_id"] in FAULT_RULES]
    inside = [(SERIOUS.index(fault.fault), _place(one), fault) for one, fault in decided if fault != OUTSIDE]
    return min(inside)[2] if inside else OUTSIDE


def cases_of(findings: Iterable[dict[str, Any]], faults: Mapping[Key, Decided]) -> list[dict[str, Any]]:
    """Return one record per provider and subject that has findings."""
    subjects: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for one in findings:
        subjects[one["provider_code"], one["subject"]].append(one)
    cases = []
    for (provider_code, subject), found in subjects.items():
        strongest = min(found, key=_place)
        fault = _fault_of(found, faults)
        cases.append(
            {
                "provider_code": provider_code,
                "account_code": strongest["account_code"],
                "subject": subject,
                "tier": strongest["rule_id"],
                "verdict": strongest["verdict"],
                "knowable": fault.knowable,
                "duty": fault.duty,
                "duty_source": fault.duty_source,
                "performed": fault.performed,
                "fault": fault.fault,
            }
        )
    return sorted(cases, key=lambda case: (case["provider_code"], case["subject"]))


def objection_cases(objections: Iterable[Row], by_code: Mapping[Code, Account]) -> list[dict[str, Any]]:
    """Return the cases that objections open by themselves (SPEC 8.1, SPEC 12 "Objection")."""
    cases: dict[Key, dict[str, Any]] = {}
    for row in objections:
        account = by_code.get((row.get("provider_code"), row.get("account_code")))
        code = account.account_code if account is not None else None
        provider = account.provider_code if account is not None else row.get("provider_code")
        subject = f"account:{code}" if account is not None else f"objection:{row.get('objection_no')}"
        cases[provider, subject] = {
            "provider_code": provider,
            "account_code": code,
            "subject": subject,
            "tier": "objection",
            "verdict": None,
            **{name: getattr(OUTSIDE, name) for name in ("knowable", "duty", "duty_source", "performed", "fault")},
        }
    return list(cases.values())
