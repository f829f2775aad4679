"""What generate() writes: proportions, control files, damage, numbers, and the same bytes every time."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import pytest
from delivered_rows import File, check_character, digest, interval, landing, person_of, table

from creditaudit.feeds import FEEDS
from creditaudit.synth import SynthSummary, generate

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNTS = 52_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SynthSummary]:
    out = tmp_path_factory.mktemp("synth")
    return out, generate(out, accounts=ACCOUNTS, nights=3, seed=11)


@pytest.fixture(scope="module")
def files(run: tuple[Path, SynthSummary]) -> list[File]:
    return landing(run[0])


def first_night(files: list[File], feed: str) -> list[dict[str, str]]:
    return [row for f in files if f.feed == feed and f.night == "2026-11-15" for row in f.rows]


def share(rows: list[dict[str, str]], column: str, value: str) -> float:
    return Counter(r[column] for r in rows)[value] / len(rows)


def test_every_feed_is_there_with_its_columns(files: list[File]) -> None:
    assert {f.feed for f in files if f.night == "2026-11-15"} == set(FEEDS)
    for file in files:
        if file.rows:
            assert list(file.rows[0]) == [c.name for c in FEEDS[file.feed].columns]


def test_closed_lists_hold_but_for_the_damage(files: list[File]) -> None:
    for feed, spec in FEEDS.items():
        rows = [r for f in files if f.feed == feed for r in f.rows]
        for column in spec.columns:
            if column.codes:
                wrong = sum(1 for r in rows if r[column.name] and r[column.name] not in column.codes)
                assert wrong <= max(3, len(rows) * 0.0005), (feed, column.name)


def test_proportions(run: tuple[Path, SynthSummary], files: list[File]) -> None:
    summary = run[1]
    accounts, openings = first_night(files, "accounts"), first_night(files, "openings")
    assert summary.persons == ACCOUNTS // 3
    assert 0.08 <= summary.proportions["persons_who_reported"] <= 0.12
    assert summary.theft_accounts <= 0.001 * ACCOUNTS
    assert summary.determined_thefts >= 8
    assert 0.46 <= summary.proportions["date_only_moments"] <= 0.54
    assert 0.02 <= summary.proportions["odd_numbers"] <= 0.045
    dates_only = sum(len(r["opened_at"]) <= 10 for r in accounts) / len(accounts)
    assert 0.46 <= dates_only <= 0.54
    legacy_or_bad = sum(len(r["id_number"]) == 15 or person_of(r["id_number"]) is None for r in accounts)
    assert 0.015 <= legacy_or_bad / len(accounts) <= 0.04
    assert 0.005 <= share(accounts, "account_type", "C1") <= 0.02
    assert all(share(accounts, "account_type", t) > 0.005 for t in FEEDS["accounts"].columns[7].codes)
    credit_lines = [r for r in accounts if r["account_type"] == "R4"]
    assert 0.7 <= sum(bool(r["agreement_at"]) for r in credit_lines) / len(credit_lines) <= 0.9
    bought = [r for r in accounts if r["account_type"] == "C1"]
    assert sum(bool(r["original_provider_code"]) for r in bought) > 0.7 * len(bought)
    assert 0.05 <= sum(bool(r["settlement_account_code"]) for r in accounts) / len(accounts) <= 0.3
    assert share(openings, "card_valid_from", "") < 0.2
    assert share(openings, "document_kind", "permanent") > 0.97
    assert {"长期", "99991231", "00000000"} <= {r["card_valid_to"] for r in openings}
    assert set(Counter(r["kind"] for r in first_night(files, "issuances"))) >= {"permanent", "temporary"}


def test_most_accounts_after_a_loss_are_the_holders_own_with_the_new_card(run: tuple[Path, SynthSummary]) -> None:
    own = table(run[0] / "truth" / "own_accounts.csv")
    after = [r for r in own if r["after_report"] == "true"]
    newer = [r for r in after if r["newer_card_shown"] == "true"]
    assert len(after) > 10 * run[1].theft_accounts
    assert len(newer) > 0.6 * len(after)


def test_most_loss_reports_have_a_twin_hours_or_days_later(files: list[File]) -> None:
    reports = {person_of(r["id_number"]): interval(r["reported_at"]) for r in first_night(files, "loss_reports")}
    entered = {
        person_of(r["id_number"]): interval(r["effective_at"])
        for r in first_night(files, "invalid_cards")
        if r["event"] == "reported_lost"
    }
    both = reports.keys() & entered.keys() - {None}
    assert len(both) > 0.7 * len(reports)
    for person in both:
        first, second = reports[person], entered[person]
        if first and second:
            assert -1 <= (second[1] - first[0]).total_seconds() / 86_400 <= 5


def test_later_nights_are_deltas_of_even_length(run: tuple[Path, SynthSummary]) -> None:
    nights = run[1].rows
    later = [nights["2026-11-16"], nights["2026-11-17"]]
    for rows in later:
        assert 0.005 * ACCOUNTS <= rows["accounts"] <= 0.01 * ACCOUNTS
        assert rows["loss_reports"] > 0
        assert rows["invalid_cards"] > 0
        assert rows["account_renames"] > 0
    assert abs(later[0]["accounts"] - later[1]["accounts"]) < 0.1 * later[0]["accounts"]


def test_a_year_of_nights_has_news_on_its_last_one_too(tmp_path: Path) -> None:
    nights = generate(tmp_path, accounts=3000, nights=366, seed=3).rows
    first, *later = nights.values()
    assert len(later) == 365
    assert all(rows["accounts"] > 0 for rows in later)
    assert first["accounts"] > 1500
    assert 0 < first["loss_reports"] < sum(rows["loss_reports"] for rows in later)


def test_control_files_agree_with_their_files(files: list[File]) -> None:
    with_control = 0
    for file in files:
        control = file.control
        if control is None:
            continue
        with_control += 1
        assert control["rows"] == len(file.rows) + file.broken
        assert control["sha256"] == hashlib.sha256(file.path.read_bytes()).hexdigest()
        held_by_one = "provider_code" in control or file.feed in {"loss_reports", "invalid_cards", "issuances"}
        is_full = file.night == "2026-11-15" and held_by_one
        assert control["kind"] == ("full" if is_full else "delta")
    assert with_control > 0.7 * len(files)


def test_the_register_of_cards_claims_everything_in_most_runs(tmp_path: Path) -> None:
    claims = []
    for seed in range(5):
        out = tmp_path / str(seed)
        generate(out, accounts=100, nights=1, seed=seed)
        (register,) = landing(out, "issuances")
        claims.append("region_code" in (register.control or {}))
    assert claims == [False, True, True, True, True]


def test_damage_is_there_and_far_below_what_refuses_a_file(run: tuple[Path, SynthSummary], files: list[File]) -> None:
    rows = sum(len(f.rows) + f.broken for f in files)
    broken = sum(f.broken for f in files)
    assert 0.0002 <= broken / rows <= 0.0012
    assert all(f.broken <= 0.02 * (len(f.rows) + f.broken) + 1 for f in files)
    assert 0.0004 <= run[1].damaged_rows / rows <= 0.0015


def test_encodings_compression_and_line_ends_vary(files: list[File]) -> None:
    named = [f for f in files if f.feed in {"accounts", "openings"} and f.night == "2026-11-15"]
    assert Counter(f.encoding for f in named).keys() == {"utf-8", "utf-8-sig", "gb18030"}
    assert {f.path.suffix for f in files} == {".csv", ".gz"}
    assert {b"\r\n" in f.path.read_bytes() for f in named} == {True, False}


def test_numbers_are_valid_distinct_and_never_reserved(files: list[File]) -> None:
    numbers = {r["id_number"].upper() for r in first_night(files, "issuances")}
    plain = [n for n in numbers if n]
    assert len(plain) > 0.9 * ACCOUNTS / 3
    assert all(check_character(n[:17]) == n[17] for n in plain)
    for feed in FEEDS:
        assert not [r for r in first_night(files, feed) if r.get("id_number", "").startswith("999999")]


def test_keys_are_unique(files: list[File]) -> None:
    for feed in ("accounts", "openings", "verifications", "invalid_cards", "inquiries"):
        key = {"accounts": 2, "openings": 2, "verifications": 2, "inquiries": 2}.get(feed, 1)
        keys = Counter(tuple(r.values())[:key] for r in first_night(files, feed))
        assert not [k for k, times in keys.items() if times > 1 and all(k)], feed


def test_no_row_speaks_of_days_after_its_night(files: list[File]) -> None:
    columns = {
        "accounts": ("opened_at", "report_date", "agreement_at", "closed_on"),
        "verifications": ("checked_at",),
        "loss_reports": ("reported_at", "entered_at", "visible_at", "withdrawn_at", "lost_at"),
        "invalid_cards": ("effective_at", "entered_at", "visible_at"),
        "issuances": ("collected_at",),
        "inquiries": ("inquired_at",),
        "objections": ("received_on",),
    }
    for file in files:
        for column in columns.get(file.feed, ()):
            spans = [interval(r[column]) for r in file.rows]
            latest = max((s[0].date() for s in spans if s), default=date.min)
            assert latest <= date.fromisoformat(file.night), (file.path, column)


def test_validity_follows_age(files: list[File]) -> None:
    long_term = {"长期", "99991231", "00000000", "9999-12-31"}
    seen = set()
    for row in first_night(files, "issuances"):
        issued = interval(row["card_valid_from"])
        if row["kind"] != "permanent" or issued is None or not row["id_number"]:
            continue
        age = (issued[0].date() - date.fromisoformat(row["id_number"][6:14])).days / 365.25
        years = 0 if row["card_valid_to"] in long_term else int(row["card_valid_to"][:4]) - issued[0].year
        for bound, valid in ((16, 5), (26, 10), (46, 20), (200, 0)):
            if age < bound - 0.02:
                assert years == valid, row
                seen.add(valid)
                break
            if age < bound + 0.02:
                break
    assert seen == {5, 10, 20, 0}


@pytest.mark.parametrize("makers", [{"threads": 1}, {"threads": 3}, {"processes": 2}], ids=str)
def test_equal_arguments_give_equal_bytes_whatever_the_makers(
    tmp_path: Path, run: tuple[Path, SynthSummary], makers: dict[str, int]
) -> None:
    again = generate(tmp_path, accounts=ACCOUNTS, nights=3, seed=11, **makers)
    assert again == run[1]
    assert digest(tmp_path) == digest(run[0])


def test_another_seed_gives_other_rows(tmp_path: Path) -> None:
    generate(tmp_path / "a", accounts=200, nights=1, seed=1)
    generate(tmp_path / "b", accounts=200, nights=1, seed=2)
    assert digest(tmp_path / "a") != digest(tmp_path / "b")


def test_the_summary_is_written_as_returned(run: tuple[Path, SynthSummary]) -> None:
    written = json.loads((run[0] / "truth" / "summary.json").read_text("utf-8"))
    assert written["determined_thefts"] == run[1].determined_thefts
    assert written["rows"] == run[1].rows


def test_reference_tables(run: tuple[Path, SynthSummary], files: list[File]) -> None:
    institutions = table(run[0] / "reference" / "institutions.csv")
    codes = {r["provider_code"] for r in institutions}
    assert {f.path.name.split(".")[0] for f in files if f.feed == "accounts"} == codes
    assert all(len(c) == 14 for c in codes)
    assert {r["parent_code"] for r in institutions} <= codes | {""}
    recipients = table(run[0] / "reference" / "recipients.csv")
    assert [r["kind"] for r in recipients].count("pboc_liaison") == 1
    assert {r["encoding"] for r in recipients} == {"utf-8-sig", "gb18030"}
    assert {r["language"] for r in recipients} == {"zh", "en"}


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    for changed in (
        {"accounts": 99},
        {"nights": 0},
        {"seed": -1},
        {"encodings": ("latin-1",)},
        {"encodings": ()},
        {"first_night": date(2020, 1, 1)},
    ):
        arguments = {"accounts": 100, "nights": 1, "seed": 1} | changed
        with pytest.raises(ValueError, match="must"):
            generate(tmp_path, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    (tmp_path / "landing").mkdir()
    with pytest.raises(FileExistsError, match="landing"):
        generate(tmp_path, accounts=100, nights=1, seed=1)
