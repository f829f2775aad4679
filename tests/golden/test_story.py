"""The sample nights tell one matter from lead to reappearance, and the guide tells the same (SPEC 8)."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from golden.render import EXPECTED, ROOT, SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

GUIDE = ROOT / "docs" / "follow-a-case.md"

# Night, state of the first case, state of the one that follows it.
STORY = (
    ("2026-11-15", "sent", None),
    ("2026-11-16", "sent", None),
    ("2026-11-17", "correction_due", None),
    ("2026-11-18", "correction_due", None),
    ("2026-11-19", "correction_verified", None),
    ("2026-11-20", "reappeared", "sent"),
)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _matter() -> dict[str, str]:
    [matter] = _rows(SAMPLES / "truth" / "correction.csv")
    return matter


def _cases(night: str, code: str) -> list[dict[str, str]]:
    whole = _rows(EXPECTED / night / "cases.csv")
    provider = _matter()["provider_code"]
    return [c for c in whole if (c["provider_code"], c["account_code"]) == (provider, code)]


def test_the_account_of_the_matter_goes_from_lead_to_reappearance() -> None:
    matter = _matter()
    for night, state, later in STORY:
        [case] = _cases(night, matter["account_code"])
        assert (night, case["state"]) == (night, state)
        follower = _cases(night, matter["returns_as"])
        assert [(c["state"], c["follows"]) for c in follower] == ([(later, case["case_id"])] if later else [])


def test_every_move_of_the_matter_names_its_proof() -> None:
    [case] = _cases("2026-11-20", _matter()["account_code"])
    events = [e for e in _rows(EXPECTED / "2026-11-20" / "case_events.csv") if e["case_id"] == case["case_id"]]
    moves = [(e["night"], e["to_state"]) for e in events if e["from_state"] != e["to_state"]]
    assert moves == [
        ("2026-11-15", "lead"),
        ("2026-11-15", "sent"),
        ("2026-11-17", "correction_due"),
        ("2026-11-19", "correction_verified"),
        ("2026-11-20", "reappeared"),
    ]
    assert all(e["proof"] for e in events)
    [proof] = [e["proof"] for e in events if e["to_state"] == "correction_verified"]
    assert "2026-11-18" in proof
    assert "2026-11-19" in proof


def test_the_guide_tells_the_same_story() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    matter = _matter()
    [case] = _cases("2026-11-15", matter["account_code"])
    for told in (case["case_id"], matter["account_code"], matter["returns_as"]):
        assert told in text
    table = [line for line in text.splitlines() if line.startswith("| 2026-11-")]
    told_story = [tuple(cell.strip(" `") or None for cell in line.split("|")[1:4]) for line in table]
    assert told_story == list(STORY)
