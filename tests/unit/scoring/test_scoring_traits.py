"""SPEC 7.4, issue 7: no protected trait moves a score, nor what may stand in for one; parity alone reads groups."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.engines import engine_aside
from creditaudit.scoring.features import FEATURES, as_matrix, feature_matrix
from creditaudit.scoring.fit import labelled_model
from creditaudit.scoring.formula import FORMULA
from creditaudit.scoring.leads import read_leads
from creditaudit.scoring.outcomes import Labels
from creditaudit.scoring.score import scored
from creditaudit.scoring.train import train_model
from place import Place
from unit.scoring.score_house import FIRST, account, loss, number, opening

if TYPE_CHECKING:
    import pyarrow as pa

SAME = range(5)  # cases that differ in what counts
BORN = "19800101"
# Each person is told five times anew, with one trait changed: sequence, area and birth date of the number, name, card.
TRAITS: dict[str, dict[str, str]] = {
    "as he is": {},
    "the other sex": {"sex": "odd"},
    "another birthplace": {"area": "440301"},
    "a birthplace of a minority": {"area": "540102"},
    "old": {"born": "19380101"},
    "young": {"born": "20050101"},
    "another name": {"name": "买买提·艾力"},
    "no name": {"name": ""},
    "a card for life": {"card_valid_to": "长期"},  # from 46 on
    "a card for five years": {"card_valid_to": "2026-12-31"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("traits")).made()
    accounts, openings, losses = [], [], []
    for turn, trait in enumerate(TRAITS.values()):
        for n in SAME:
            sequence = 2 * (n + 10 * turn) + (trait.get("sex") == "odd")
            person = number(sequence, area=trait.get("area", "110105"), born=trait.get("born", BORN))
            code = f"A{n}T{turn}"
            accounts.append(account(n, account_code=code, id_number=person, name=trait.get("name", "张三")))
            shown = {"card_valid_to": trait.get("card_valid_to", "2035-01-01"), "phone": f"1380000000{n}"}
            openings.append(opening(n, account_code=code, **shown))
            losses.append({**loss(n), "report_no": f"L{code}", "id_number": person, "name": trait.get("name", "张三")})
    clean = [account(0, account_code=f"C{n}", id_number=number(n, born="19700101")) for n in range(100)]
    place.deliver(FIRST, "accounts", [*accounts, *clean])
    place.deliver(FIRST, "openings", openings)
    place.deliver(FIRST, "loss_reports", losses)
    place.night(FIRST)
    return place


@pytest.fixture(scope="module")
def tables(house: Place) -> dict[str, pa.Table]:
    """Priority and terms of every case, by the formula, a model without labels and one with labels."""
    with engine_aside(reads=house.book) as engine:
        keys = load_keys(str(house.key), house.book)
        tail = train_model(engine, open_book(house.book), keys, FIRST, FIRST).model
        found = feature_matrix(engine, tail.lookups, facts="training_facts")
        matrix = as_matrix(found)
        label = (matrix[:, 0] < np.median(matrix[:, 0])).astype(float)  # thefts come soon after the loss
        known = Labels(np.arange(len(matrix)), label, np.ones(len(matrix)), {})
        ids = [str(n) for n in range(len(matrix))]
        learnt, _ = labelled_model(matrix, matrix, known, ids, tail.lookups)
        plain = feature_matrix(engine, facts="training_facts", features=FORMULA.features)
    return {
        "features": found,
        "formula": scored(FORMULA, plain),
        "tail": scored(tail, found),
        "labelled": scored(learnt, found),
    }


@pytest.mark.parametrize("turn", range(1, len(TRAITS)), ids=list(TRAITS)[1:])
@pytest.mark.parametrize("what", ["features", "formula", "tail", "labelled"])
def test_a_protected_trait_moves_nothing(tables: dict[str, pa.Table], what: str, turn: int) -> None:
    told = {row["subject"]: {**row, "subject": ""} for row in tables[what].to_pylist()}
    assert len(told) == len(SAME) * len(TRAITS)
    for n in SAME:
        assert told[f"account:A{n}T{turn}"] == told[f"account:A{n}T0"]


def test_what_counts_does_move_a_score(tables: dict[str, pa.Table]) -> None:
    """Else the test above would hold for any trait."""
    for what in ("formula", "tail", "labelled"):
        assert len(set(tables[what]["priority"].to_pylist())) > 1, what


def test_groups_of_an_evaluation_are_those_of_the_accounts(house: Place) -> None:
    (house.root / "thefts.csv").write_text("provider_code,account_code\nB00,A0T0\n", encoding="utf-8")
    groups = read_leads(house.book, house.root, all_cases=True).groups
    people = len(SAME) * len(TRAITS)
    assert Counter(groups["age"].tolist()) == {
        "45 to 54": people - 10,
        "65 and more": len(SAME),
        "under 25": len(SAME),
    }
    # Of five cases two are of B00, which has a hundred clean accounts beside its twenty; birthplaces are no regions.
    assert Counter(groups["accounts of the institution"].tolist()) == {"100 to 999": 20, "under 100": people - 20}
    assert set(groups["region"].tolist()) == {"11"}
    assert not {feature.name for feature in FEATURES} & {"age", "region", "accounts"}
