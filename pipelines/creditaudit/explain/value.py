"""What an explanation is: one value for the command line, for Python and for pages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from creditaudit.explain.flips import LARGEST
from creditaudit.explain.words import second
from creditaudit.masking import each_text, numbers_hidden

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.explain.flips import Flip
    from creditaudit.explain.recalled import Recall
    from creditaudit.explain.worlds import Row


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as far as it is known.

    Parameters
    ----------
    what : str
        ``lost``, ``reported``, ``entered``, ``visible``, ``withdrawn``, ``collected``, ``moment``, ``check``,
        ``closed``.
    start : int
        Seconds since 1970-01-01 00:00:00, Asia/Shanghai wall clock; the earliest it can have been.
    end : int or None
        The latest; None: no bound is known.
    about : dict
        ``notice``, or ``kind``, ``result`` and ``check``.
    """

    what: str
    start: int
    end: int | None
    about: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ElementLine:
    """One element of the fault lane: proven, refuted or missing, and the row that says so (None: there is none)."""

    name: str
    status: str
    source: str | None


@dataclass(frozen=True, slots=True)
class Deciding:
    """The finding that decided the fault, and the row of the grid that did it."""

    rule_id: str
    verdict: str
    notice: str | None
    fault: str
    knowable: str
    duty: str
    duty_source: str | None
    performed: str
    grid_row: str
    why: tuple[str, str]  # English, Chinese


@dataclass(frozen=True)
class Explanation:
    """Why an account is flagged or cleared as known on one night, and what would change it.

    Rows are those of the night's judgment: seconds and days since 1970, None where a thing is missing. Codes and keys
    are as delivered, and a slipped row may have a person's number for one; :meth:`as_dict` and
    :func:`creditaudit.explain.spoken` hide it.

    Parameters
    ----------
    night : date
    provider_code, account_code : str
        The newest codes of the account's lineage.
    codes : tuple of str
        Every code of the lineage, oldest first; empty: it has only one.
    row : dict
        The row that judges: report_date, night, file, row, line, id_type, id_status, account_type, closed_on.
    id_masked : str
    account : dict or None
        Row of ``judged_accounts``; None: no rule can find anything on it.
    notices, pairs, findings, clearances : tuple of dict
    timeline : tuple of Event
        By start, then end (no bound last), then kind.
    deciding : Deciding or None
        None: the fault lane does not apply.
    elements : tuple of ElementLine
    flips : tuple of Flip
        Minimal sets of facts that give another fault; what no document contradicts comes first.
    flips_up_to : int
        All sets of so many facts were tried: three; fewer where the account has so many notices that they are too many.
    ask_for : tuple of (str, str, str)
        Documents to ask the institution for: id, English, Chinese; in the order in which to ask.
    absence : tuple of (str, date) or None
        The case whose correction proved the account absent, and the night of the proof: since then it is judged no more
        (SPEC 2), and what is said here is how it would be judged. None: it is judged.
    recalls : tuple of Recall
        What was believed of it because of files that were recalled since, by the night that took the decision.
    """

    night: date
    provider_code: str
    account_code: str
    codes: tuple[str, ...]
    row: Row
    id_masked: str
    account: Row | None
    notices: tuple[Row, ...]
    pairs: tuple[Row, ...]
    findings: tuple[Row, ...]
    clearances: tuple[Row, ...]
    timeline: tuple[Event, ...] = ()
    deciding: Deciding | None = None
    elements: tuple[ElementLine, ...] = ()
    flips: tuple[Flip, ...] = ()
    flips_up_to: int = LARGEST
    ask_for: tuple[tuple[str, str, str], ...] = ()
    absence: tuple[str, date] | None = None
    recalls: tuple[Recall, ...] = ()

    def with_fault(
        self,
        deciding: Deciding,
        *,
        elements: tuple[ElementLine, ...],
        flips: tuple[tuple[Flip, ...], int],
        ask_for: tuple[tuple[str, str, str], ...],
    ) -> Explanation:
        """Return the explanation with what the fault lane says."""
        found, tried = flips
        return replace(self, deciding=deciding, elements=elements, flips=found, flips_up_to=tried, ask_for=ask_for)

    def as_dict(self) -> dict[str, Any]:
        """Return the explanation as plain values, for JSON: instants and dates as text, sorted lists as here.

        No raw ID number or phone is in it, also where one stands as a code or a key.
        """
        told = {
            "night": self.night.isoformat(),
            "account": f"{self.provider_code}/{self.account_code}",
            "codes": list(self.codes),
            "id_masked": self.id_masked,
            "id_status": self.row["id_status"],
            "account_type": self.row["account_type"],
            "source": {
                "night": self.row["night"].isoformat(),
                **{name: self.row[name] for name in ("file", "row", "line")},
            },
            "moment": self._moment(),
            "findings": [
                {name: f[name] for name in ("rule_id", "verdict", "notice_source", "notice_id")} for f in self.findings
            ],
            "clearances": [
                {name: c[name] for name in ("notice_source", "notice_id", "reason")} for c in self.clearances
            ],
            "timeline": [
                {"what": e.what, "from": second(e.start), "to": None if e.end is None else second(e.end), **e.about}
                for e in self.timeline
            ],
            "fault": self._fault(),
            "elements": [{"name": e.name, "status": e.status, "source": e.source} for e in self.elements],
            "flips": [_flip(flip) for flip in self.flips],
            "flips_up_to": self.flips_up_to,
            "ask_for": [document for document, _, _ in self.ask_for],
            "judged_no_more": None
            if self.absence is None
            else {"case_id": self.absence[0], "proven_on": self.absence[1].isoformat()},
        }
        hidden: dict[str, Any] = each_text(told, numbers_hidden)
        return {**hidden, "recalls": [recall.as_dict() for recall in self.recalls]}

    def _moment(self) -> dict[str, str] | None:
        if self.account is None or self.account["moment_from"] is None:
            return None
        return {"from": second(self.account["moment_from"]), "to": second(self.account["moment_to"])}

    def _fault(self) -> dict[str, Any] | None:
        if self.deciding is None:
            return None
        d = self.deciding
        return {
            **{"rule_id": d.rule_id, "verdict": d.verdict, "notice": d.notice, "fault": d.fault},
            **{"knowable": d.knowable, "duty": d.duty, "duty_source": d.duty_source, "performed": d.performed},
            **{"grid_row": d.grid_row},
        }


def _flip(flip: Flip) -> dict[str, Any]:
    changes = [{"fact": c.fact, "about": c.about, "value": c.value, "is_unknown": c.is_unknown} for c in flip.changes]
    return {"changes": changes, "fault": flip.answer.fault}
