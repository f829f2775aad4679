"""A small model of the correction lane, written from SPEC 8.1 to 8.4 alone.

It takes the findings of a night as they are (other suites ask whether they are right) and what was delivered and
answered, and says what each episode of each case must be. Where SPEC is silent it does what docs/decisions.md says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from property.case_world import Account, Code, Told, World

Evidence = frozenset[tuple[object, ...]]
OPEN = ("lead", "sent", "undetermined", "correction_due", "correction_overdue")
CORRECTING = ("correction_due", "correction_overdue")
NO_EVIDENCE: Evidence = frozenset()
# Of data quality and of replaced cards: that such a finding is gone while others stand holds no case.
_WEAK = ("R103", "R301", "R302")
_TERM = timedelta(days=20)
# Columns of the account on which R101 rests, as far as the world ever changes them.
_RESTS_ON = ("id_number", "opened_at")


def _strong(evidence: Evidence) -> set[tuple[object, ...]]:
    """Return rule and notice of the findings that are not weak; the evidence begins with rule, verdict and notice."""
    return {(said[0], said[2], said[3]) for said in evidence if said[0] not in _WEAK}


@dataclass(eq=False)
class Case:
    """One case.

    Parameters
    ----------
    number : int
        In the order of opening.
    person : str
    account : Account or None
        None: an objection's to an account that nobody knows.
    objection : tuple or None
        Provider and number of the objection that opened it.
    opened : date
    follows : Case or None
    states : list of str
        One of each episode.
    evidence : frozenset
        Of the last night on which it had some.
    """

    number: int
    person: str
    account: Account | None
    opened: date
    objection: Code | None = None
    follows: Case | None = None
    states: list[str] = field(default_factory=lambda: ["lead"])
    evidence: Evidence = NO_EVIDENCE
    seen: Evidence = NO_EVIDENCE  # the same, of its own nights alone: a follower begins with what the one before left
    spoken: Evidence = NO_EVIDENCE  # what stood when the last answer was given
    stood: bool = False
    held: bool = False  # its institution's own change took a finding while others stood
    due: date | None = None
    legal: date | None = None
    outcome: str = ""
    taken_on: date | None = None
    # Kind and, of values, column to night and digest: proofs after the answer that nothing has undone.
    proofs: dict[tuple[str, int], tuple[date, str]] = field(default_factory=dict)
    proven_by: str = ""
    proven_on: date | None = None
    rested: list[str] = field(default_factory=list)  # the values of the last night on which it had evidence
    baseline: list[str] = field(default_factory=list)  # of these, what stood when the answer was taken
    proving: int = -1
    is_new: bool = True
    is_changed: bool = False
    name: str = ""  # the program's case_id

    @property
    def state(self) -> str:
        return self.states[-1]

    @state.setter
    def state(self, to: str) -> None:
        self.states[-1] = to

    @property
    def code(self) -> Code:
        """Where the case stands: institution, and account where it is known."""
        if self.account is not None:
            return self.account.code
        assert self.objection is not None
        return self.objection


@dataclass(frozen=True)
class Answer:
    """An answer that was taken when it was handed in."""

    case: Case
    outcome: str
    is_liaison: bool


class Model:
    """All cases, night by night.

    Parameters
    ----------
    world : World
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.cases: list[Case] = []
        self.absent: set[int] = set()
        self.were_open: set[Case] = set()  # as the last night left them

    def case_of(self, account: Account) -> Case | None:
        """Return the case on which people work for an account: the newest."""
        return next((c for c in reversed(self.cases) if c.account is account), None)

    def night(self, told: Told, found: Mapping[Code, Evidence], answers: Sequence[Answer]) -> None:
        """Move every case over one night.

        Parameters
        ----------
        told : Told
        found : mapping
            Newest code of an account to the evidence of its findings.
        answers : sequence of Answer
        """
        self.told = told
        for case in self.cases:
            case.is_new = case.is_changed = False
        self.were_open = {case for case in self.cases if case.state in OPEN}
        answered = self._answers(answers)
        for case in self.cases:
            self._release(case)
        verified = [case for case in self.cases if case.state == "correction_verified"]
        for case in self.cases:
            if case.state in CORRECTING and case not in answered:
                self._prove(case)
        for case in sorted(verified, key=lambda c: c.name):  # of two that come back as one the first is followed
            self._return(case)
        self._join()
        self._judged(found)
        for objection in told.objections:
            self._object(*objection)
        for case in self.cases:
            self._send(case)
            if case.taken_on == told.night:
                case.baseline = case.rested
            if case.state == "correction_verified" and case.proven_on == told.night and case.proven_by == "absence":
                self.absent.add(id(case.account))

    def _judged(self, found: Mapping[Code, Evidence]) -> None:
        for case in self.cases:
            self._overdue(case)
        evidence = {id(self.world.account(code)): what for code, what in found.items()}
        for code, what in found.items():
            assert id(self.world.account(code)) not in self.absent, f"{code}: judged although it is proven absent"
            self._stands(self.world.account(code), what)
        for case in self.cases:
            if case.account is not None and id(case.account) not in evidence:
                self._falls(case)

    # Answers -------------------------------------------------------------------------------------

    def _answers(self, answers: Sequence[Answer]) -> set[Case]:
        """SPEC 8.2, 9: answers of one day that contradict each other are all refused."""
        moved = set()
        for case in {a.case for a in answers}:
            said = {(a.outcome, a.is_liaison and a.outcome == "2") for a in answers if a.case is case}
            if len({outcome for outcome, _ in said}) > 1 or len(said) > 1:
                continue
            [(outcome, is_confirmed)] = said
            if case.state == "lead" or (case.state in CORRECTING and outcome == "2"):
                continue
            moved.add(case)
            self._move(case, "correction_due" if outcome in "1345" else "undetermined")
            if is_confirmed:
                case.state = "holder_confirmed"
            case.outcome, case.taken_on = outcome, self.told.night
            case.proofs, case.legal, case.spoken = {}, None, case.seen
            case.due = self.told.night + _TERM if outcome in "1345" else None
        return moved

    # Proofs --------------------------------------------------------------------------------------

    def _prove(self, case: Case) -> None:
        account = case.account
        if account is None or case.outcome not in "1345":
            return
        now = self._proofs(case, account)
        if any(code in self.told.held for code in account.codes):
            # A row ends an absence, and what earlier rows showed and this one does not.
            case.proofs = {key: first for key, first in case.proofs.items() if key in now}
        elif any(code[0] in self.told.refused for code in account.codes):
            case.proofs.pop(("absence", -1), None)  # a file that was refused may hold one
        for key, digest in sorted(now.items()):
            if case.proofs.setdefault(key, (self.told.night, digest))[1] != digest and case.state in CORRECTING:
                self._move(case, "correction_verified")
                (case.proven_by, case.proving), case.proven_on = key, self.told.night
                case.due, case.legal = None, None

    def _proofs(self, case: Case, account: Account) -> dict[tuple[str, int], str]:
        """SPEC 8.3: what tonight shows, each to what tells it from the same of another night."""
        absent = self._absent(case, account) if case.outcome in "145" else None
        found = {} if absent is None else {("absence", -1): absent}
        row = self.world.standing(account)
        if row is None or account.code not in self.told.held:
            return found
        if case.outcome == "1" and row["id_number"] != self._number(case):
            found["number", -1] = f"{self.told.night}"
        if case.outcome == "3" and case.baseline:
            for n, name in enumerate(_RESTS_ON):
                if row[name] != case.baseline[n]:
                    found["values", n] = f"{self.told.night}"
        return found

    def _number(self, case: Case) -> str:
        return next(f.numbers[case.person] for f in self.world.families if case.person in f.numbers)

    def _absent(self, case: Case, account: Account) -> str | None:
        """SPEC 8.3: the digest of a delivery that proves an account absent; None: there is none tonight."""
        if any(code in self.told.held for code in account.codes):
            return None
        provider = account.code[0]
        digest = self.told.proving.get(provider)
        if digest is None or any((code[0], case.person) in self.told.spoilt for code in account.codes):
            return None
        if any(code[0] in self.told.refused for code in account.codes):
            return None
        if not any(code[0] == provider and code in self.world.held_whole for code in account.codes):
            return None  # no delivery of that scope ever held it
        return None if self._may_be_rekeyed(case, account) else digest

    def _may_be_rekeyed(self, case: Case, account: Account) -> bool:
        own = self.world.standing(account)
        assert own is not None
        for other in self.world.accounts_of(case.person):
            row = self.world.standing(other)
            if other is account or row is None or other.since is None or other.since <= case.opened:
                continue
            if row["id_number"] != self._number(case) or id(other) in self.absent:
                continue
            alike = row["opened_at"][:10] == own["opened_at"][:10] or row["amount"] == own["amount"]
            if (other.code[0] == account.code[0] and alike) or row.get("original_provider_code") == account.code[0]:
                return True
        return False

    # Reappearance --------------------------------------------------------------------------------

    def _release(self, case: Case) -> None:
        if case.account is not None and any(code in self.told.held for code in case.account.codes):
            self.absent.discard(id(case.account))

    def _return(self, case: Case) -> None:
        account = case.account
        assert account is not None
        is_held = any(code in self.told.held for code in account.codes)
        row = self.world.standing(account)
        assert row is not None
        found: Account | None = None
        if case.proven_by == "absence":
            found = account if is_held else self._again(case, account, row)
        elif is_held:
            is_old = {
                "number": row["id_number"] == self._number(case),
                "values": case.proving >= 0 and row[_RESTS_ON[case.proving]] == case.baseline[case.proving],
            }
            found = account if is_old[case.proven_by] else None
        if found is not None:
            self._move(case, "reappeared")
            other = self.case_of(found)
            if other is not None and other is not case and other.state in OPEN:
                other.follows = other.follows or case  # what comes back to an open case is that case's matter
            else:
                self._open(case.person, found, follows=case).evidence = case.evidence

    def _again(self, case: Case, account: Account, own: Mapping[str, str]) -> Account | None:
        """Return the account as which another one goes on: under a new code, or as a debt that was sold."""
        alike, sold = [], []
        for other in self.world.accounts_of(account.person):
            row = self.world.standing(other)
            if other is account or row is None or other.since is None or other.code not in self.told.held:
                continue
            if other.original is account and other.since == self.told.night:
                sold.append(other)
            is_alike = row["opened_at"][:10] == own["opened_at"][:10] and row["amount"] == own["amount"]
            is_here = other.code[0] == account.code[0] and row["id_number"] == self._number(case)
            if is_here and is_alike and other.since > case.opened:
                alike.append(other)
        return next(iter([*sorted(alike, key=lambda o: o.code), *sorted(sold, key=lambda o: o.code)]), None)

    # Findings ------------------------------------------------------------------------------------

    def _open(self, person: str, account: Account | None, follows: Case | None = None) -> Case:
        case = Case(len(self.cases), person, account, self.told.night, follows=follows)
        self.cases.append(case)
        return case

    def _stands(self, account: Account, evidence: Evidence) -> None:
        case = self.case_of(account)
        if case is not None:
            is_less = bool(_strong(case.evidence) - _strong(evidence))
            is_held = case.held or (case in self.were_open and is_less and account.code in self.told.own)
            case.held = case.stood and is_held
        if case is None:
            case = self._open(account.person, account)
        elif case.state == "withdrawn" or (
            case.state in ("holder_confirmed", "undetermined") and evidence != case.evidence
        ):
            case.states.append("lead")
            case.outcome, case.due, case.is_new = "", None, True
        elif case.state == "reappeared" or (case.state == "correction_verified" and self._is_other(case, evidence)):
            case = self._open(account.person, account, follows=case)
        elif case.state in OPEN and evidence != case.evidence:
            case.is_changed = True
        case.evidence = case.seen = evidence
        case.stood = True
        row = self.world.standing(account)
        assert row is not None
        case.rested = [row[name] for name in _RESTS_ON]

    def _is_other(self, case: Case, evidence: Evidence) -> bool:
        """Whether a verified case leaves what stands to another one: what no answer spoke of, or what changes later."""
        if case.proven_on == self.told.night:
            return case.proven_by != "absence" and bool(evidence - case.spoken)
        return evidence != case.evidence

    def _falls(self, case: Case) -> None:
        """SPEC 8.1: what a registry took ends the lead, what the institution itself changed does not."""
        if not case.stood or case.account is None or self.case_of(case.account) is not case:
            return
        case.stood = False
        if case.state not in ("lead", "sent", "undetermined"):
            return
        # What the institution itself changed ends nothing, nor does a fall end what the holder objected to.
        if case.account.code not in self.told.own and case.legal is None and not case.held:
            self._move(case, "withdrawn")
            case.due = None

    # Objections ----------------------------------------------------------------------------------

    def _join(self) -> None:
        """An objection's case goes over to its account on the night the account comes."""
        for case in self.cases:
            if case.account is None and case.objection is not None and case.objection in self.world.book:
                account = self.world.account(case.objection)
                case.account = account

    def _object(self, number: str, person: str, provider: str, code: str | None, received: date) -> None:
        is_known = code is not None and (provider, code) in self.world.book
        account = self.world.account((provider, code)) if is_known and code is not None else None
        case = self.case_of(account) if account is not None else None
        if case is None:
            case = self._open(person, account)
            case.objection = (provider, code or number)
        elif case.state in ("holder_confirmed", "withdrawn"):
            case.states.append("lead")
            case.outcome, case.is_new = "", True
        elif case.state not in OPEN:
            case = self._open(person, account, follows=case)
        case.legal = received + _TERM if case.legal is None else min(case.legal, received + _TERM)
        case.due = case.legal

    # The rest ------------------------------------------------------------------------------------

    def _overdue(self, case: Case) -> None:
        if case.state == "correction_due" and case.due is not None and self.told.night > case.due:
            self._move(case, "correction_overdue")

    def _send(self, case: Case) -> None:
        if case.state == "lead" and case.code[0] != self.world.families[0].providers[1] and case.is_new:
            case.state = "sent"
            case.due = case.legal if case.legal is not None else self.told.night + _TERM

    def _move(self, case: Case, to: str) -> None:
        if case.state != to:
            case.state, case.is_changed = to, True
