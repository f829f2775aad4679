"""The command line of rules: list, lint, test, approve (SPEC 6, 9)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from creditaudit.audit import rules_tonight
from place import Place, changed
from reference.small import NIGHT
from unit.commanded import deliver, own_rules, text_of

if TYPE_CHECKING:
    import pytest


NEXT = NIGHT + timedelta(days=1)
RULES = (
    *("R101", "R102", "R103", "R104", "R105", "R106", "R107", "R108", "R109"),
    *("R201", "R202", "R203", "R204", "R301", "R302", "R401", "R402"),
)


def test_rules_are_listed_with_their_source(place: Place) -> None:
    said = place.say("rules", "list")
    assert tuple(line.split()[0] for line in said.out.splitlines()) == RULES
    assert all("SPEC" in line for line in said.out.splitlines())
    table = place.say("rules", "list", "--markdown").out.splitlines()
    assert len(table) == len(RULES) + 2


def test_lint_names_file_line_and_reason(place: Place) -> None:
    assert place.say("rules", "lint").code == 0
    folder = own_rules(place.root / "rules", "R101", "R106")
    path = text_of(folder, "R101")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([*lines, "    AND p.noticed_on NOT IN (SELECT p.noticed_on FROM pairs AS p)"]), encoding="utf-8"
    )
    said = place.say("rules", "lint", "--folder", str(folder))
    assert said.code == 2
    assert any(f"{path.parent.name}/rule.sql:{len(lines) + 1}: " in line for line in said.out.splitlines())
    assert "R106" not in said.out
    assert place.say("rules", "lint", "--folder", str(place.root / "gone")).code == 2


def test_a_rule_whose_cases_fail_is_exit_2(place: Place) -> None:
    folder = own_rules(place.root / "rules", "R108")
    asked = ("rules", "test", "R108", "--folder", str(folder))
    said = place.say(*asked)
    assert (said.code, said.out.startswith("R108: ")) == (0, True)
    path = text_of(folder, "R108")
    text = path.read_text(encoding="utf-8")
    assert "<" in text
    path.write_text(text.replace(" < ", " <= "), encoding="utf-8")
    failed = place.say(*asked)
    assert failed.code == 2
    assert len(failed.out.splitlines()) > 1
    unknown = place.say("rules", "test", "R999", "--folder", str(folder))
    assert (unknown.code, "R999" in unknown.err) == (2, True)


def test_an_approved_rule_goes_through_the_inbox_into_the_next_night(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 9: rules in force are those of the last sealed night, changed by tonight's approvals."""
    folder = own_rules(place.root / "rules", *RULES)
    path = text_of(folder, "R108")
    name = path.parent.name
    shipped = path.read_text(encoding="utf-8")
    path.write_text(shipped.replace("title:", "# an older text\ntitle:", 1), encoding="utf-8")
    days = [NIGHT + timedelta(days=n) for n in range(3)]
    for day in days:
        deliver(place, day)
    with monkeypatch.context() as older:
        older.setattr(rules_tonight, "shipped_rules", lambda: folder)
        assert place.say(*place.asked("--night", days[0].isoformat())).code == 0
    waiting = place.say(*place.asked("--night", days[1].isoformat()))
    assert f"shipped rule {name} is not in force: run `creditaudit rules approve R108 --by NAME`" in waiting.err
    assert (place.folder(days[1]) / "rules" / name / "rule.sql").read_text(encoding="utf-8") != shipped

    before = place.tree()
    assert place.say("rules", "approve", "R108", "--book", str(place.book), "--by", " ").code == 2
    assert place.say("rules", "approve", "R999", "--book", str(place.book), "--by", "x").code == 2
    assert place.tree() == before
    approved = place.say("rules", "approve", "R108", "--book", str(place.book), "--by", "王审计", "--reason", "复核")
    assert (approved.code, f"recorded for {days[2]}" in approved.err) == (0, True)
    [entry] = [path.name for path in (place.book / "inbox").iterdir()]
    assert changed(before, place.tree()) == [f"inbox/{entry}"]

    taken = place.say(*place.asked("--night", days[2].isoformat()))
    assert "not in force" not in taken.err
    manifest = json.loads((place.folder(days[2]) / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inbox"] == [entry]
    for copy in (place.folder(days[2]) / "rules", place.book / "reference" / "rules"):
        assert (copy / name / "rule.sql").read_text(encoding="utf-8") == shipped
    assert place.say("verify", "--book", str(place.book)).code == 0


def test_a_book_without_a_night_needs_the_date_of_an_approval(place: Place) -> None:
    said = place.say("rules", "approve", "R101", "--book", str(place.book), "--by", "x")
    assert (said.code, "--on DATE" in said.err) == (2, True)
    said = place.say("rules", "approve", "R101", "--book", str(place.book), "--by", "x", "--on", "2026-11-20")
    assert (said.code, "2026-11-20" in said.err) == (0, True)
