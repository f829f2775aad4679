"""The worlds that the order of the queue is judged on: the truth adds up, and what is said to be off is off."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from creditaudit.cli import app
from creditaudit.errors import UsageError
from creditaudit.feeds import FEEDS
from creditaudit.synth import generate_desk
from creditaudit.synth.presets import PRESETS

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNTS = 6000
Rows = list[dict[str, str]]


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def delivered(out: Path, feed: str) -> Rows:
    return [row for path in sorted((out / "landing").glob(f"*/{feed}/desk.csv")) for row in rows_of(path)]


class World:
    """One preset: its thefts, and the holders' own accounts after a report, by account code."""

    def __init__(self, out: Path, preset: str) -> None:
        self.summary = generate_desk(out, preset=preset, accounts=ACCOUNTS, nights=2, seed=3)
        self.out = out
        self.accounts = {row["account_code"]: row for row in delivered(out, "accounts")}
        self.openings = {row["account_code"]: row for row in delivered(out, "openings")}
        self.thefts = {row["account_code"]: row for row in rows_of(out / "truth" / "thefts.csv")}
        self.own = {row["account_code"]: row for row in rows_of(out / "truth" / "own_accounts.csv")}
        self.later = {code for code, row in self.own.items() if row["after_report"] == "true"}
        self.reported = {row["id_number"]: row["reported_at"] for row in delivered(out, "loss_reports")}

    def shares(self) -> dict[str, tuple[float, float]]:
        """Return how often each signal is seen in thefts, and in the holders' later accounts."""
        seen = {
            "overdue": lambda code: self.accounts[code]["overdue_amount"] not in {"", "0"},
            "remote": lambda code: self.openings.get(code, {}).get("channel") in {"online", "agent"},
            "bent": lambda code: self.openings.get(code, {}).get("operator_id") in {"op0000", "op0001"},
            "ring": lambda code: self.openings.get(code, {}).get("phone", "") >= "10050000000",
            "soon": self._soon,
            "large": lambda code: float(self.accounts[code]["amount"] or 0) > 60_000,
        }
        stolen = {code for code, row in self.thefts.items() if row["story"] == "lost_card"}
        return {
            name: tuple(sum(map(of, group)) / len(group) for group in (stolen, self.later))  # type: ignore[misc]
            for name, of in seen.items()
        }

    def _soon(self, code: str) -> bool:
        row = self.thefts.get(code) or self.own[code]
        wait = datetime.fromisoformat(row["opened_at"]) - datetime.fromisoformat(self.reported[row["id_number"]])
        return wait.days < 200


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    return {name: World(tmp_path_factory.mktemp(name), name) for name in PRESETS}


def test_there_is_one_to_tune_on_and_six_or_more_to_judge_by() -> None:
    assert [p.name for p in PRESETS.values() if p.tuned_on] == ["all_signals"]
    asked = {"no_overdue", "thief_pays", "same_region", "shared_branch", "no_amounts", "tiny_provider"}
    assert asked <= {p.name for p in PRESETS.values() if not p.tuned_on}


@pytest.mark.parametrize("name", PRESETS)
def test_the_truth_adds_up(name: str, worlds: dict[str, World]) -> None:
    world = worlds[name]
    assert world.accounts.keys() == world.thefts.keys() | world.own.keys()
    assert not world.thefts.keys() & world.own.keys()
    summary = json.loads((world.out / "truth" / "summary.json").read_text(encoding="utf-8"))
    assert summary == asdict(world.summary)
    assert (summary["thefts"], summary["own_accounts"]) == (len(world.thefts), len(world.own))
    assert summary["accounts"] == sum(rows["accounts"] for rows in summary["rows"].values()) == len(world.accounts)
    assert abs(len(world.accounts) - ACCOUNTS) < 0.1 * ACCOUNTS
    assert 0.02 < len(world.thefts) / len(world.accounts) < 0.06
    for code, theft in world.thefts.items():
        assert world.accounts[code]["id_number"] == theft["id_number"]
        assert theft["story"] == "forged_card" or theft["opened_at"] > theft["reported_at"]
    if name != "tiny_provider":
        assert summary["providers"] == 24


@pytest.mark.parametrize("name", ["no_amounts", "tiny_provider"])
def test_files_are_whole_and_told_in_their_control(name: str, worlds: dict[str, World]) -> None:
    for path in (worlds[name].out / "landing").glob("*/*/desk.csv"):
        content = path.read_bytes()
        control = json.loads(path.with_name("desk.csv.ctl").read_text(encoding="utf-8"))
        assert control["sha256"] == hashlib.sha256(content).hexdigest()
        rows = rows_of(path)
        assert control["rows"] == len(rows)
        assert all(None not in row and None not in row.values() for row in rows)
        header = content.split(b"\n", 1)[0].decode().split(",")
        assert header == [column.name for column in FEEDS[path.parent.name].columns]


def test_every_signal_speaks_where_none_is_off(worlds: dict[str, World]) -> None:
    for name, (theft, own) in worlds["all_signals"].shares().items():
        assert theft > own + 0.08, name


@pytest.mark.parametrize(
    ("preset", "signals"),
    [("no_overdue", ["overdue"]), ("shared_branch", ["bent", "ring"]), ("slow_thief", ["soon"])],
)
def test_a_signal_that_is_off_tells_nothing(preset: str, signals: list[str], worlds: dict[str, World]) -> None:
    plain, shares = worlds["all_signals"].shares(), worlds[preset].shares()
    for name, (theft, own) in shares.items():
        if name in signals:
            assert abs(theft - own) < 0.07, name
        else:
            assert theft > own + 0.08, name
            assert abs(theft - plain[name][0]) < 0.1, name


def test_thieves_who_pay_are_overdue_less_often_than_holders(worlds: dict[str, World]) -> None:
    theft, own = worlds["thief_pays"].shares()["overdue"]
    assert theft < own - 0.05


def test_no_amount_is_delivered_where_none_is(worlds: dict[str, World]) -> None:
    for row in worlds["no_amounts"].accounts.values():
        assert (row["amount"], row["balance"], row["overdue_amount"], row["status"]) == ("", "", "", "1")


def test_thieves_stay_in_the_region_where_they_do(worlds: dict[str, World]) -> None:
    def away(world: World) -> list[float]:
        """Part of the accounts after the loss, thefts and own, in a region where the person had none before."""
        before: dict[str, set[str]] = {}
        for code in world.own.keys() - world.later:
            row = world.accounts[code]
            before.setdefault(row["id_number"], set()).add(row["region_code"])
        found = []
        for group in (world.thefts.keys(), world.later):
            rows = [world.accounts[c] for c in group if world.accounts[c]["id_number"] in before]
            found.append(sum(r["region_code"] not in before[r["id_number"]] for r in rows) / len(rows))
        return found

    theft, own = away(worlds["all_signals"])
    assert theft > own + 0.25
    theft, own = away(worlds["same_region"])
    assert abs(theft - own) < 0.08


def test_institutions_of_the_tiny_world_are_tiny(worlds: dict[str, World]) -> None:
    world = worlds["tiny_provider"]
    assert world.summary.providers == ACCOUNTS // 30
    codes = [row["provider_code"] for row in world.accounts.values()]
    assert max(codes.count(code) for code in set(codes)) < 70


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        generate_desk(tmp_path / name, preset="all_signals", accounts=600, nights=2, seed=5)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        digests.append([(str(p.relative_to(tmp_path / name)), p.read_bytes()) for p in files])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "wrong", [("--preset", "nothing"), ("--accounts", "599"), ("--seed", "-1")], ids=lambda pair: pair[0]
)
def test_what_cannot_be_made_is_refused(wrong: tuple[str, str], tmp_path: Path) -> None:
    asked = {
        "--preset": "no_overdue",
        "--accounts": "600",
        "--nights": "1",
        "--seed": "1",
        "--out": str(tmp_path / "x"),
    }
    words = [word for pair in (asked | dict([wrong])).items() for word in pair]
    with pytest.raises(UsageError, match="no delivery was written"):
        CliRunner().invoke(app, ["synth", *words], catch_exceptions=False)
