"""What an order is worth: figures against slow ones, fixed orders, intervals, hidden cells, and a night with truth."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from creditaudit.cli import app
from creditaudit.errors import UsageError
from creditaudit.scoring.evaluate import evaluate, evaluate_leads, evaluation_lines, found_at, orders_of
from creditaudit.scoring.leads import Leads, read_leads
from creditaudit.scoring.parity import parity
from creditaudit.synth import generate_desk
from place import Place

if TYPE_CHECKING:
    from pathlib import Path


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_thefts_are_counted_down_to_the_depth(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    order = np.array(data.draw(st.permutations(range(size))))
    theft = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    times = np.array([data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)) for _ in range(3)])
    depth = data.draw(st.integers(1, 20))
    slow = []
    for row in times:
        queue = [bool(theft[lead]) for lead in order for _ in range(row[lead])]
        slow.append(float(sum(queue[:depth])))
    assert found_at(order, theft, times, depth).tolist() == slow


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw less often than a real evaluation: what is asked here does not depend on it."""
    monkeypatch.setattr("creditaudit.scoring.evaluate.FOREST_SEEDS", (0,))
    monkeypatch.setattr("creditaudit.scoring.evaluate.RESAMPLES", 60)


def leads(count: int = 400, **given_arrays: Any) -> Leads:
    rng = np.random.default_rng(4)
    theft = np.arange(count) % 8 == 0
    arrays: dict[str, Any] = {
        "night": date(2026, 11, 20),
        "what": "leads",
        "model": None,
        "is_theft": theft,
        "priority": np.where(theft, 0.6, 0.4) + rng.normal(size=count) * 0.1,
        "tier": rng.integers(0, 4, count),
        "moment": rng.normal(size=count),
        "amount": rng.normal(size=count),
        "turn": rng.permutation(count) + 1,
        "person": np.arange(count) // 2,
        "features": np.column_stack([rng.normal(size=count), np.full(count, np.nan)]),
        "groups": {"region": np.where(np.arange(count) < 390, "11", "12")},
    }
    return Leads(**(arrays | given_arrays))


def test_orders_are_what_they_are_called_and_ties_go_by_turn() -> None:
    some = leads(
        4,
        priority=np.array([0.1, 0.5, 0.5, 0.3]),
        tier=np.array([3, 3, 0, 1]),
        moment=np.array([5.0, np.nan, 7.0, 5.0]),
        amount=np.array([np.nan, 10.0, 10.0, 99.0]),
        turn=np.array([4, 3, 2, 1]),
    )
    orders = {name: order.tolist() for name, order in orders_of(some).items()}
    assert orders["score"] == [2, 1, 3, 0]
    assert orders["newest_first"] == [2, 3, 0, 1]
    assert orders["largest_first"] == [3, 2, 1, 0]
    assert orders["tier_only"] == [2, 3, 1, 0]
    assert sorted(orders["isolation_forest"]) == [0, 1, 2, 3]


def test_figures_lie_in_their_intervals_and_are_the_same_each_time() -> None:
    told = evaluate_leads(leads(), budget=60)
    assert told == evaluate_leads(leads(), budget=60)
    assert (told["leads"], told["thefts"], told["budget"]) == (400, 50, 60)
    for figures in told["orders"].values():
        for figure in (*figures["precision"].values(), figures["recall_at_budget"]):
            assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
        assert figures["precision"]["50"]["value"] == figures["thefts_in_top"]["50"] / 50
        assert figures["precision"]["1000"]["value"] == 50 / 400  # fewer leads than the depth: all of them
    best = evaluate_leads(leads(priority=np.where(np.arange(400) % 8 == 0, 0.9, 0.1)), budget=60)["orders"]["score"]
    assert (best["precision"]["50"]["value"], best["recall_at_budget"]["value"]) == (1.0, 1.0)
    ratio = told["against_tier_only"]["50"]
    found = [told["orders"][name]["thefts_in_top"]["50"] for name in ("score", "tier_only")]
    assert ratio["value"] == pytest.approx(found[0] / found[1], abs=1e-4)


def test_an_order_that_tier_only_cannot_be_compared_with_is_said_so() -> None:
    theft = np.arange(400) >= 390
    told = evaluate_leads(leads(is_theft=theft, tier=np.where(theft, 3, 0)))
    assert told["against_tier_only"]["50"] is None
    assert "top 50: none by tier" in "\n".join(evaluation_lines(told))


def test_small_cells_are_hidden_and_no_total_tells_them() -> None:
    at = np.arange(400)
    region = np.select([at < 200, at < 390], ["11", "12"], "13")  # of the last ten leads one or two are thefts
    some = leads(groups={"region": region})
    told = {cell["group"]: cell for cell in evaluate_leads(some, budget=100)["parity"]["region"]}
    assert [told[name]["thefts"] for name in ("11", "12", "13")] == [25, None, None]  # 12 has 24, 13 has 1
    assert [told[name]["days_to_review"] is None for name in ("11", "12", "13")] == [False, True, True]
    assert [told[name]["own"] for name in ("11", "12", "13")] == [175, 166, 9]
    order = orders_of(some)["score"].tolist()
    days = [1 + order.index(n) // 100 for n in range(200) if some.is_theft[n]]
    assert told["11"]["days_to_review"] == round(sum(days) / len(days), 2)
    own = [order.index(n) < 100 for n in range(200) if not some.is_theft[n]]
    assert told["11"]["false_flags"] == round(sum(own) / len(own), 4)
    lines = [line.split("|") for line in evaluation_lines(evaluate_leads(some)) if line.startswith("| 13 ")]
    assert [cell.strip() for cell in lines[0][2:5]] == ["hidden", "9", ""]


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=6))
def test_what_is_hidden_is_never_one_cell_alone_nor_a_small_sum(counts: list[int]) -> None:
    """A column's total is known: hidden cells are two or more with 5 leads or more together, or nothing is shown."""
    groups = np.repeat([f"g{n}" for n in range(len(counts))], counts)
    some = leads(int(groups.size) + 1, groups={"t": np.append(groups, "none")}, is_theft=np.append(groups != "", False))
    cells = parity(some, np.arange(len(some)), 3)["t"]
    sizes = {f"g{n}": count for n, count in enumerate(counts)} | {"none": 0}
    hidden = [sizes[cell["group"]] for cell in cells if cell["thefts"] is None]
    shown = [cell for cell in cells if cell["thefts"] is not None]
    assert all(cell["thefts"] == sizes[cell["group"]] >= 5 for cell in shown)
    assert not shown or not hidden or (len(hidden) > 1 and sum(hidden) >= 5)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The book and the truth of a night that left some hundred leads."""
    root = tmp_path_factory.mktemp("judged")
    generate_desk(root, preset="all_signals", accounts=700, nights=1, seed=9)
    place = Place(root).made(root / "reference")
    place.night(date(2026, 11, 15))
    return place.book, root / "truth"


def test_a_night_with_truth_is_judged(judged: tuple[Path, Path]) -> None:
    book, truth = judged
    words = ["score", "evaluate", "--book", str(book), "--truth", str(truth), "--format", "json"]
    ran = CliRunner().invoke(app, words, catch_exceptions=False)
    assert ran.exit_code == 0
    told = json.loads(ran.stdout)
    assert told == evaluate(book, truth)
    assert told["night"] == "2026-11-15"
    assert told["model"] is None
    thefts = (truth / "thefts.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert 0.6 * len(thefts) < told["thefts"] <= len(thefts)
    assert told["leads"] > 5 * told["thefts"]
    assert set(told["orders"]) == {"score", "newest_first", "largest_first", "tier_only", "isolation_forest"}
    assert {cell["group"] for cell in told["parity"]["age"]} <= {
        *("under 25", "25 to 34", "35 to 44", "45 to 54", "55 to 64", "65 and more")
    }
    assert f"{told['leads']} open leads of R102" in evaluation_lines(told)[0]
    whole = read_leads(book, truth.parent, all_cases=True)
    assert told["thefts"] < whole.is_theft.sum() <= len(thefts)  # violations count here; no rule sees some forgers
    assert len(whole) > told["leads"]


def test_without_a_night_or_a_truth_nothing_is_judged(judged: tuple[Path, Path], tmp_path: Path) -> None:
    book, truth = judged
    with pytest.raises(UsageError, match="not sealed"):
        evaluate(book, truth, date(2026, 11, 16))
    with pytest.raises(UsageError, match="truth cannot be read"):
        evaluate(book, tmp_path)
    (tmp_path / "thefts.csv").write_text("provider_code,code\nX,1\n")
    with pytest.raises(UsageError, match="truth cannot be read"):
        evaluate(book, tmp_path)
    (tmp_path / "thefts.csv").write_text("provider_code,account_code\nX,1\n")
    with pytest.raises(UsageError, match="0 are thefts"):
        evaluate(book, tmp_path)
    with pytest.raises(UsageError, match="budget"):
        evaluate(book, truth, budget=0)
