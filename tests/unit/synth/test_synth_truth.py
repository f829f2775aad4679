"""The truth agrees with the files, read back by plain Python; and the committed sample is what its command makes."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from delivered_rows import interval, landing, person_of, table

from creditaudit.synth import generate

if TYPE_CHECKING:
    from datetime import datetime

SAMPLES = Path(__file__).parents[3] / "data" / "samples"
Key = tuple[str, str]


@pytest.fixture(scope="module", params=[(3_000, 5, 21), (110_000, 2, 22)], ids=["small", "three chunks"])
def out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("truth")
    accounts, nights, seed = request.param
    generate(path, accounts=accounts, nights=nights, seed=seed)
    return path


@dataclass
class Known:
    """What the files say about some accounts, first sound row of each, and about their holders' notices."""

    rows: dict[Key, tuple[str, dict[str, str]]]
    shown: dict[Key, tuple[str, str]]
    notices: dict[str, list[tuple[str, str, datetime]]]
    withdrawn: set[str]


def known_accounts(out: Path, wanted: set[Key]) -> Known:
    known = Known({}, {}, {}, set())
    for file in landing(out, "accounts", "openings"):
        for row in file.rows:
            key = (row["provider_code"], row["account_code"])
            if key in wanted and file.feed == "accounts" and row["account_type"] != "D9":
                known.rows.setdefault(key, (file.night, row))
            elif key in wanted and file.feed == "openings" and row["channel"] != "web":
                known.shown.setdefault(key, (file.night, row["card_valid_from"].replace("-", "")))
    return known


def add_notices(out: Path, known: Known) -> None:
    persons = {person_of(row["id_number"]) for _, row in known.rows.values()} - {None}
    for file in landing(out, "loss_reports", "invalid_cards"):
        for row in file.rows:
            person = person_of(row["id_number"])
            if person is None or person not in persons:
                continue
            if row.get("withdrawn_at") or row.get("event") == "withdrawn":
                known.withdrawn.add(person)
            at = interval(row.get("reported_at") or row.get("effective_at") or "")
            if at and row.get("event", "reported_lost") == "reported_lost":
                card = row["card_valid_from"].replace("-", "")
                known.notices.setdefault(person, []).append((file.night, card, at[1]))


def decided_on(known: Known, key: Key) -> str | None:
    """Return the first night on which the account is certainly one opened with the card that was reported."""
    night, row = known.rows.get(key, ("", {}))
    moment = interval(row.get("agreement_at") or row.get("opened_at") or "")
    person = person_of(row.get("id_number", ""))
    if key not in known.shown or moment is None or person is None or person in known.withdrawn:
        return None
    opened, card_shown = known.shown[key]
    return min(
        (
            max(night, opened, when)
            for when, card, reported in known.notices.get(person, [])
            if card and card == card_shown and moment[0] > reported
        ),
        default=None,
    )


def test_thefts_are_determined_as_the_files_say(out: Path) -> None:
    thefts = {(r["provider_code"], r["account_code"]): r for r in table(out / "truth" / "thefts.csv")}
    told = {key: r["determined_on"] for key, r in thefts.items() if r["determined"] == "true"}
    known = known_accounts(out, set(thefts))
    add_notices(out, known)
    read_back = {key: decided_on(known, key) for key in thefts}
    assert {key: night for key, night in read_back.items() if night} == told
    assert len(told) >= 8
    assert len(told) < len(thefts)
    assert len(set(told.values())) > 1  # some only on a later night


def test_no_determined_theft_lacks_its_rule_or_precedes_its_report(out: Path) -> None:
    for row in table(out / "truth" / "thefts.csv"):
        if row["determined"] == "true":
            assert row["expected_rule"] == "R101"
            assert row["moment_at"] > row["reported_at"] > row["lost_at"]
            assert row["card_valid_from"] < row["lost_at"]


def test_own_accounts_with_a_newer_card_show_one(out: Path) -> None:
    own = table(out / "truth" / "own_accounts.csv")
    lost = {r["id_number"]: r["card_valid_from"] for r in table(out / "truth" / "notices.csv")}
    newer = [r for r in own if r["newer_card_shown"] == "true"]
    assert newer
    assert all(lost.get(r["id_number"], "") < r["shown_card_valid_from"] for r in newer)
    thefts = {(r["provider_code"], r["account_code"]) for r in table(out / "truth" / "thefts.csv")}
    assert not thefts & {(r["provider_code"], r["account_code"]) for r in own}


def test_notices_are_where_the_truth_says(out: Path) -> None:
    nights: dict[str, set[str]] = {}
    for file in landing(out, "loss_reports", "invalid_cards"):
        for row in file.rows:
            nights.setdefault(row.get("report_no") or row.get("event_id", ""), set()).add(file.night)
    for row in table(out / "truth" / "notices.csv"):
        if row["intact"] == "true":
            assert row["delivered_on"] in nights[row["notice_id"]]


def test_the_sample_is_what_its_command_makes(tmp_path: Path) -> None:
    told = json.loads((SAMPLES / "truth" / "summary.json").read_text("utf-8"))
    generate(tmp_path, accounts=told["accounts"], nights=told["nights"], seed=told["seed"])
    made = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    parts = [SAMPLES / part for part in ("landing", "reference", "truth")]  # sources/ is written by hand
    kept = sorted(p.relative_to(SAMPLES) for part in parts for p in part.rglob("*") if p.is_file())
    assert made == kept
    for name in made:
        new, old = (tmp_path / name).read_bytes(), (SAMPLES / name).read_bytes()
        if name.suffix == ".gz":  # another build of zlib may compress otherwise
            new, old = gzip.decompress(new), gzip.decompress(old)
        if ".gz.ctl" in name.name:
            new, old = (json.dumps({**json.loads(b), "sha256": ""}).encode() for b in (new, old))
        assert new == old, name
    text = (SAMPLES / "README.md").read_text("utf-8")
    assert f"--accounts {told['accounts']} --nights {told['nights']} --seed {told['seed']}" in text
