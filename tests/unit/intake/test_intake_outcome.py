"""What tier 1 means for the night: refused, degraded or complete (SPEC 2, 3.1, 3.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from creditaudit.feeds import FEEDS
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.outcome import Assessment, assess
from creditaudit.intake.receive import FileReport
from creditaudit.settings import FeedSettings, Settings

EXPECTED = ("accounts", "invalid_cards", "loss_reports")
REGISTRIES = ("invalid_cards", "loss_reports", "issuances")


def assessed(files: dict[str, list[str | None]], settings: Settings | None = None) -> Assessment:
    """Assess files given as feed to reasons (None: read)."""
    reports = [
        FileReport(DeliveredFile(feed, f"{place}.csv", Path("x")), refused=reason)
        for feed, reasons in files.items()
        for place, reason in enumerate(reasons)
    ]
    return assess(reports, settings or Settings())


def whole(**more: list[str | None]) -> dict[str, list[str | None]]:
    return {**{feed: [None] for feed in EXPECTED}, **more}


def test_a_night_with_all_that_is_expected_is_complete() -> None:
    assert assessed(whole()) == Assessment((), {})


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_without_any_file_degrades_where_it_is_expected(feed: str) -> None:
    found = assessed({name: files for name, files in whole().items() if name != feed})
    assert found.refusals == ()
    assert list(found.stale) == ([feed] if feed in EXPECTED else [])


@pytest.mark.parametrize("feed", FEEDS)
def test_a_bad_file_beside_a_good_one(feed: str) -> None:
    """A registry refuses the night; any other feed is incomplete."""
    found = assessed(whole(**{feed: [None, "zero bytes"]}))
    if feed in REGISTRIES:
        assert found == Assessment((f"{feed}/1.csv: zero bytes",), {})
    else:
        assert found == Assessment((), {feed: (f"incomplete: {feed}/1.csv: zero bytes",)})


@pytest.mark.parametrize("feed", FEEDS)
def test_a_feed_of_bad_files_only(feed: str) -> None:
    """Left without any file an expected feed refuses the night, as a registry always does."""
    found = assessed(whole(**{feed: ["a", "b"]}))
    refuses = feed in {*REGISTRIES, *EXPECTED}
    assert found.refusals == ((f"{feed}/0.csv: a", f"{feed}/1.csv: b") if refuses else ())
    assert list(found.stale) == ([] if refuses else [feed])


def test_what_is_expected_can_be_configured() -> None:
    settings = Settings(feeds={"accounts": FeedSettings(expected=False), "openings": FeedSettings(expected=True)})
    assert list(assessed(whole(), settings).stale) == ["openings"]
    assert assessed(whole(accounts=["a"]), settings).refusals == ()
    assert assessed(whole(openings=["a"]), settings).refusals == ("openings/0.csv: a",)
    assert "accounts" not in assessed({}, settings).stale


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = assessed({"accounts": ["a"], "issuances": ["b"], "openings": ["c"], "invalid_cards": [None]})
    assert found.refusals == ("accounts/0.csv: a", "issuances/0.csv: b")
    assert list(found.stale) == ["openings", "loss_reports"]
