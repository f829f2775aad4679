"""One night after another over one book (SPEC 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reference.account_rules import Checks
from reference.cases import cases_of, key_of, objection_cases
from reference.columns import FEEDS
from reference.contract import DeliveredFile, exit_code_of, read_night
from reference.duties import Duties
from reference.fault import Decided, FaultLane, FullChecks
from reference.institutions import Institutions
from reference.keys import Book
from reference.lineage import build_accounts
from reference.more_findings import World, more_findings
from reference.notices import build_notices, persons_rows
from reference.rules import Coverage, Person, judge_account
from reference.volume import Volumes

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from pathlib import Path

    from reference.cases import Key
    from reference.lineage import Account, Code
    from reference.notices import Notice


@dataclass
class NightResult:
    """What a night gives; the rows of a refused night (exit 3) change nothing in the book."""

    night: date
    exit_code: int
    findings: list[dict[str, Any]] = field(default_factory=list)
    clearances: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    coverage: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: dict[Key, Decided] = field(default_factory=dict)  # by finding
    full: list[DeliveredFile] = field(default_factory=list)  # full verifications files
    objected: list[dict[str, Any]] = field(default_factory=list)  # cases that objections open by themselves

    def cases(self, rules: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Return the cases that the night's findings make, all or those of some rules alone (without ``objected``)."""
        return cases_of((one for one in self.findings if rules is None or one["rule_id"] in rules), self.faults)


def _order(record: dict[str, Any]) -> tuple[tuple[bool, str], ...]:
    """Order by the columns from left to right, missing first."""
    return tuple((value is not None, str(value)) for value in record.values())


def _row_record(row: Any) -> dict[str, Any]:
    return {
        "feed": row.feed,
        "file": row.file,
        "row": row.row,
        "line": row.line,
        "status": "accepted" if row.accepted else "quarantined",
        "reasons": ";".join(row.reasons),
        "dropped": ";".join(row.dropped) if row.accepted else "",
    }


def _coverage_record(file: DeliveredFile) -> dict[str, Any]:
    """SPEC 2: a refused file has its row in coverage with the three counts null."""
    read = file.refused is None
    accepted = sum(1 for row in file.rows if row.accepted)
    return {
        "feed": file.feed,
        "file": file.name,
        "delivered": len(file.rows) if read else None,
        "accepted": accepted if read else None,
        "quarantined": len(file.rows) - accepted if read else None,
    }


class ReferenceBook:
    """Everything kept between nights. Nights are to be given in date order, each once."""

    def __init__(self, reference_dir: Path) -> None:
        self.institutions = Institutions(reference_dir)
        self.book = Book()
        self.duties = Duties(reference_dir, self.institutions)
        self.volumes = Volumes()
        self.full_issuances: list[tuple[date, date]] = []
        self.full_checks: list[FullChecks] = []

    def night(self, night: date, landing: Path) -> NightResult:
        """Receive one night, take its rows into the book and judge everyone."""
        files = read_night(landing, night)
        exit_code, notes = exit_code_of(files)
        if exit_code != 3 and (small := self.volumes.small(files, night)):
            exit_code, notes = 5, notes + small
        result = NightResult(night, exit_code, notes=notes)
        if exit_code != 3:
            self._take(files)
            self._judge(result)
        result.full = [file for file in files if file.feed == "verifications" and file.full]
        result.coverage = [_coverage_record(file) for file in files]
        result.rows = [_row_record(row) for file in files for row in file.rows]
        return result

    def _take(self, files: list[DeliveredFile]) -> None:
        for feed in FEEDS:
            rows = [row for file in files if file.feed == feed for row in file.rows if row.accepted]
            self.book.take(feed, rows)
        for file in files:
            first, last = file.covers("covers_from"), file.covers("covers_to")
            if not file.full or first is None or last is None:
                continue
            # SPEC 3.1: a scope key that is missing proves nothing; null means all.
            if file.feed == "issuances" and file.control.get("region_code", "") is None:
                self.full_issuances.append((first, last))
            scope = ("provider_code", "region_code", "business_codes")
            if file.feed == "verifications" and all(key in file.control for key in scope):
                holes = [row for row in file.rows if row.reasons and row.reasons != ["duplicate"]]
                self.full_checks.append(FullChecks(*(file.control[key] for key in scope), first, last, holes))

    def _judge(self, result: NightResult) -> None:
        issuances = persons_rows(self.book, "issuances")
        notices, event_notes = build_notices(self.book, issuances)
        accounts, by_code, rename_notes = build_accounts(self.book, result.night)
        coverage = Coverage(self.full_issuances)
        for account in accounts:
            number = account.identity.id_norm
            person = Person(notices.get(number, []), issuances.get(number, [])) if account.by_number else Person([], [])
            findings, clearances = judge_account(account, person, coverage)
            result.findings.extend(findings)
            result.clearances.extend(clearances)
        groups: dict[str, str] = {}

        def group(provider_code: str) -> str:
            if provider_code not in groups:
                groups[provider_code] = self.institutions.group(provider_code, result.night)
            return groups[provider_code]

        world = World(self.book, result.night, accounts, by_code, notices, issuances, group)
        result.findings.extend(more_findings(world, result.findings))
        self._decide(result, by_code, notices)
        result.objected = objection_cases(self.book.rows("objections"), by_code)
        columns = ("provider_code", "account_code", "subject", "rule_id", "notice_source", "notice_id")
        result.findings.sort(key=lambda one: _order({column: one[column] for column in columns}))
        result.clearances.sort(key=_order)
        result.notes.extend(event_notes + rename_notes)

    def _decide(self, result: NightResult, by_code: dict[Code, Account], notices: dict[str, list[Notice]]) -> None:
        """Decide the fault lane for every finding on an account."""
        by_key = {(one.source, one.notice_id): one for own in notices.values() for one in own}
        lane = FaultLane(result.night, Checks.of(self.book), self.duties, self.full_checks)
        for one in result.findings:
            if one["account_code"] is None:
                continue
            account = by_code[one["provider_code"], one["account_code"]]
            notice = by_key.get((one["notice_source"], one["notice_id"]))
            result.faults[key_of(one)] = lane.decide(one, account, notice)
