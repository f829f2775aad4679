"""Who is judged and who is only read, way by way (SPEC 2); that no way can be left out; and how often all is read.

The outcome of whole nights is compared in ``tests/property/test_histories.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from creditaudit.audit import scope, touched
from creditaudit.audit.lineage import name_renames
from creditaudit.book.state import TABLES
from creditaudit.engines import open_engine
from creditaudit.feeds import FEEDS
from creditaudit.intake.keys import POINTERS
from creditaudit.tables import FINDINGS
from unit.audit.scope_mutants import MUTANTS, SCOPE, TOUCHED, Mutant
from unit.kit import typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from creditaudit.engines import Engine

Rows = dict[str, list[dict[str, Any]]]
LAST, NIGHT = date(2026, 11, 19), date(2026, 11, 20)
PEOPLE = range(1, 8)
B01 = {"provider_code": "B01"}


def account(person: int, **cells: Any) -> dict[str, Any]:
    """A row of account A<person>, of person P<person>."""
    base = {**B01, "account_code": f"A{person}", "report_date": "2026-11-01", "id_type": "10", "account_type": "D1"}
    return {**base, "opened_at": "2024-03-01", "id_number": f"P{person}", **cells}


def settles(person: int, to: int, **cells: Any) -> dict[str, Any]:
    return account(person, settlement_provider_code="B01", settlement_account_code=f"A{to}", **cells)


def rename(old: int, new: int, day: str = "2020-01-01") -> dict[str, Any]:
    return {**B01, "old_account_code": f"A{old}", "new_account_code": f"A{new}", "effective_on": day}


def loss(person: int) -> dict[str, Any]:
    return {"report_no": f"L{person}", "id_number": f"P{person}", "reported_at": "2024-01-10"}


def opening(person: int, **cells: Any) -> dict[str, Any]:
    return {**B01, "account_code": f"A{person}", **cells}


def inquiry(person: int, day: str) -> dict[str, Any]:
    return {**B01, "inquiry_id": f"Q{person}", "id_number": f"P{person}", "inquired_at": day, "reason": "loan_approval"}


def finding(person: int, rule: str) -> dict[str, Any]:
    return {**B01, "account_code": f"A{person}", "rule_id": rule}


def readmitted(feed: str) -> dict[str, Any]:
    return {"feed": feed, "replaces_night": LAST, "replaces_file": "f.csv", "replaces_row": 1}


def full(feed: str) -> dict[str, Any]:
    return {**B01, "feed": feed, "night": LAST, "file": "f.csv"}


TOUCHES_7 = {"loss_reports": [loss(7)]}


@dataclass(frozen=True)
class Scene:
    """A book of seven persons with an account each, and what tonight brings.

    ``standing`` is what is in force with tonight's rows; of ``accounts`` it names those that differ from the ordinary.
    """

    name: str
    judged: str
    read: str = ""
    standing: Rows = field(default_factory=dict)
    changed: Rows = field(default_factory=dict)
    replaced: Rows = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)


SCENES = (
    Scene("nothing happens", ""),
    Scene("a person of tonight's rows", "A1", changed={"loss_reports": [loss(1)]}),
    Scene(
        "a row that went to another person",
        "A1 A2",
        changed={"loss_reports": [loss(1)]},
        replaced={"loss_reports": [{"id_norm": "P2"}]},
    ),
    Scene("a number in a quarantined row", "A3", changed={"quarantined_numbers": [{"id_norm": "P3"}]}),
    Scene(
        "a number that hides no more",
        "A3",
        standing={
            "quarantined_numbers": [
                {"night": LAST, "feed": "accounts", "file": "f.csv", "row": row, "id_norm": f"P{row + 2}"}
                for row in (1, 2)
            ]
        },
        changed={"readmitted_rows": [readmitted("accounts")]},
    ),
    Scene(
        "an inquiry that has waited 90 days since last night",
        "A2",
        standing={"inquiries": [inquiry(1, "2026-08-20"), inquiry(2, "2026-08-21"), inquiry(3, "2026-08-22")]},
    ),
    Scene("an opening", "A2", changed={"openings": [opening(2)]}),
    Scene(
        "a check that went to another account",
        "A2 A3",
        changed={"verifications": [{**B01, "check_id": "V1", "account_code": "A2"}]},
        replaced={"verifications": [{**B01, "account_code": "A3"}]},
    ),
    Scene(
        "a check that went to another session",
        "A2 A3",
        standing={"openings": [opening(person, session_id=f"S{person}") for person in PEOPLE]},
        changed={"verifications": [{**B01, "check_id": "V1", "session_id": "S2"}]},
        replaced={"verifications": [{**B01, "session_id": "S3"}]},
    ),
    Scene(
        "an impostor who was another number",
        "A2 A3",
        standing={"openings": [opening(2, handler_id_number="P21"), opening(3, handler_id_number="P22"), opening(4)]},
        changed={"impostors": [{"person_ref": "I1", "id_number": "P21"}]},
        replaced={"impostors": [{"id_norm": "P22"}]},
    ),
    Scene(
        "a rename that led elsewhere",
        "A1 A2 A4",
        standing={"account_renames": [rename(1, 2)]},
        changed={"account_renames": [rename(1, 2)]},
        replaced={"account_renames": [{**B01, "new_account_code": "A4"}]},
    ),
    Scene(
        "renames of which one begins tonight",
        "A3 A4",
        standing={
            "account_renames": [rename(1, 2, "2026-11-19"), rename(3, 4, "2026-11-20"), rename(5, 6, "2026-11-21")]
        },
    ),
    Scene(
        "a full issuances file",
        "A4",
        changed={"full_deliveries": [full("issuances")]},
        findings=[finding(4, "R102"), finding(5, "R101")],
    ),
    Scene(
        "a full verifications file",
        "A5",
        changed={"full_deliveries": [full("verifications")]},
        findings=[{**finding(4, "R201"), "provider_code": "B02"}, finding(5, "R101")],
    ),
    Scene(
        "a repaired gap of a full verifications file",
        "A5",
        standing={"full_deliveries": [full("verifications")]},
        changed={"readmitted_rows": [readmitted("verifications")]},
        findings=[finding(5, "R101")],
    ),
    Scene(
        "five years that end tonight",
        "A2",
        standing={
            "accounts": [account(1, closed_on="2021-11-18"), account(2, closed_on="2021-11-19")],
        },
    ),
    Scene(
        "accounts that reach a touched one, and those that it reaches",
        "A1 A2 A3 A7",
        "A4 A5 A6",
        standing={
            "accounts": [
                settles(1, 2),
                settles(2, 7),
                account(3, account_type="C1", original_provider_code="B01", original_account_code="A7"),
                settles(7, 4),
                settles(4, 5),
                account(5, account_type="C1", original_provider_code="B01", original_account_code="A6"),
            ]
        },
        changed=TOUCHES_7,
    ),
    Scene(
        "what renames join with a touched one, whether contradicted or not",
        "A5 A6 A7",
        standing={"account_renames": [rename(7, 6), rename(6, 5), rename(1, 2)]},
        changed=TOUCHES_7,
    ),
    Scene(
        "a touched code without a row, joined with one that has a row",
        "A6",
        standing={"account_renames": [rename(6, 9)]},
        changed={"openings": [opening(9)]},
    ),
    Scene(
        "an account that leads to the old code of a touched one",
        "A1 A2 A7",
        standing={"accounts": [settles(1, 2)], "account_renames": [rename(2, 7)]},
        changed=TOUCHES_7,
    ),
    Scene(
        "what renames join with another account of one who leads to a touched one",
        "A1 A2 A3 A7",
        standing={"accounts": [settles(3, 7), account(1, id_number="P3")], "account_renames": [rename(1, 2)]},
        changed=TOUCHES_7,
    ),
    Scene(
        "a person whom only a rename brings in, with all accounts",
        "A1 A2 A7",
        standing={"accounts": [account(1, id_number="P2")], "account_renames": [rename(7, 2)]},
        changed=TOUCHES_7,
    ),
    Scene(
        "what renames join with an account that is reached",
        "A7",
        "A1 A2",
        standing={"accounts": [settles(7, 1)], "account_renames": [rename(1, 2)]},
        changed=TOUCHES_7,
    ),
)


class House:
    """An engine with the relations that a night has when it asks who is touched; most of them stay empty."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._given: set[str] = set()
        self._empty: dict[str, pa.Table] = {}
        for name, table in TABLES.items():
            self._empty |= {
                f"standing_{name}": table.schema.empty_table(),
                f"changed_{name}": table.schema.empty_table(),
            }
        for feed, pointers in POINTERS.items():
            names = dict.fromkeys(("provider_code", *pointers))
            self._empty[f"replaced_{feed}"] = pa.schema([(name, pa.string()) for name in names]).empty_table()
        self._empty["previous_findings"] = FINDINGS.empty_table()
        for name, table in self._empty.items():
            engine.load(name, table)
        engine.view("every_quarantined_numbers", "SELECT * FROM standing_quarantined_numbers")

    def looked(self, scene: Scene, whom: ModuleType = touched, how: ModuleType = scope) -> tuple[str, str]:
        """Return the accounts that are judged, and those that are only read."""
        changes = self._set(scene)
        whom.touch(self.engine, changes)
        name_renames(self.engine, NIGHT)
        assert how.close_scope(self.engine, whom.beyond_retention(LAST, NIGHT))
        how.narrow(self.engine)
        found = self.engine.fetch("SELECT account_code, in_scope FROM scope_accounts ORDER BY account_code").to_pylist()
        judged, read = ([row["account_code"] for row in found if row["in_scope"] is is_in] for is_in in (True, False))
        return " ".join(judged), " ".join(read)

    def _set(self, scene: Scene) -> touched.Changes:
        own = {row["account_code"]: row for row in scene.standing.get("accounts", [])}
        accounts = [own.get(f"A{person}", account(person)) for person in PEOPLE]
        rows = {f"standing_{name}": given for name, given in {**scene.standing, "accounts": accounts}.items()}
        rows |= {f"changed_{name}": given for name, given in scene.changed.items()}
        rows |= {f"replaced_{name}": given for name, given in scene.replaced.items()}
        rows |= {"previous_findings": scene.findings} if scene.findings else {}
        for name in sorted(self._given - set(rows)):
            self.engine.load(name, self._empty[name])
        for name, given in rows.items():
            _, _, table = name.partition("_")
            is_typed = table in FEEDS and not name.startswith("replaced")
            made = typed(table, given) if is_typed else pa.Table.from_pylist(given, schema=self._empty[name].schema)
            self.engine.load(name, made)
        self._given = {*rows, *(f"standing_{table}" for table in scope.NARROWED)}
        return touched.Changes(NIGHT, LAST, frozenset(scene.changed), ("R102",), (90,))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    opened = open_engine(
        tmp_path_factory.mktemp("scope"), threads=1, memory_limit="1GiB", reads=tmp_path_factory.getbasetemp()
    )
    yield House(opened)
    opened.close()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_who_is_judged_and_who_is_read(house: House, scene: Scene) -> None:
    assert house.looked(scene) == (scene.judged, scene.read)


def _renamed(house: House, how: ModuleType = scope) -> list[str]:
    standing = {"account_renames": [rename(1, 2), rename(3, 4)]}
    house.looked(Scene("a touched person beside renames", "A7", standing=standing, changed=TOUCHES_7), how=how)
    found = house.engine.fetch("SELECT account_code FROM renamed_rows ORDER BY account_code")
    return [str(code) for code in found["account_code"].to_pylist()]


def test_renamed_rows_are_those_of_the_whole_book(house: House) -> None:
    """Contradictions are told of everyone, whoever is judged."""
    assert _renamed(house) == ["A1", "A2", "A3", "A4"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_no_way_to_find_who_is_touched_can_be_left_out(
    house: House, mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = mutant.made(monkeypatch)
    if mutant.scene is None:
        assert _renamed(house, made) != ["A1", "A2", "A3", "A4"]
        return
    whom, how = (made if mutant.module == TOUCHED else touched, made if mutant.module == SCOPE else scope)
    scene = next(scene for scene in SCENES if scene.name == mutant.scene)
    assert house.looked(scene, whom, how) != (scene.judged, scene.read)


class _Told:
    """An engine that remembers what it was asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def table(self, name: str, select: str) -> int:
        self.asked.append(select)
        return self._engine.table(name, select)


def test_all_accounts_are_read_twice_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the chains are: the rest works on what the two passes kept."""
    chain = [settles(person, person + 1) for person in range(1, 7)]
    told = _Told(house.engine)
    monkeypatch.setattr(house, "engine", told)
    assert house.looked(Scene("a chain", "", standing={"accounts": chain}, changed=TOUCHES_7))[0] == (
        "A1 A2 A3 A4 A5 A6 A7"
    )
    passes = [select for select in told.asked if "standing_accounts" in select]
    assert len(passes) == 2, passes
