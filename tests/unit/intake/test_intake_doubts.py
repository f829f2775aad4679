"""Warnings of tier 3 that need the book (SPEC 3.4), and the three counts of every file (SPEC 2)."""

from __future__ import annotations

import html
import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from place import Place

FIRST, SECOND, THIRD = (date(2026, 11, 20) + timedelta(days=n) for n in range(3))
ALL = {"kind": "full", "region_code": None}
# Of people born on 1949-12-31, 1990-03-07 and 1960-01-01.
NUMBERS = ("11010519491231002X", "110101199003070011", "110105196001011239")


def account(code: str, number: str = NUMBERS[0], **cells: str) -> dict[str, str]:
    return {
        "provider_code": "B01",
        "account_code": code,
        "report_date": "2026-11-19",
        "id_type": "10",
        "id_number": number,
        "account_type": "D1",
        "opened_at": "2024-03-01 10:00:00",
        "amount": "100",
        **cells,
    }


def loss(number: str, **cells: str) -> dict[str, str]:
    return {"report_no": number, "id_number": NUMBERS[0], "reported_at": "2024-01-10", **cells}


def event(number: str, **cells: str) -> dict[str, str]:
    return {
        "event_id": number,
        "id_number": NUMBERS[0],
        "event": "reported_lost",
        "effective_at": "2024-01-10",
        "withdraws_event_id": "",
        **cells,
    }


def run(
    place: Place,
    night: date,
    *,
    accounts: Sequence[dict[str, str]] = (),
    losses: Sequence[dict[str, str]] = (),
    events: Sequence[dict[str, str]] = (),
    control: Mapping[str, Any] | None = None,
) -> list[str]:
    """Run a night; returns the warnings of the manifest but those of suites, which the page has, too."""
    place.deliver(night, "accounts", accounts or [account("Z")])
    for feed, rows in (("loss_reports", losses or [loss("L0")]), ("invalid_cards", events or [event("E0")])):
        path = place.deliver(night, feed, rows)
        if control is not None:
            path.with_name("f.csv.ctl").write_text(json.dumps(control))
    place.night(night)
    every: list[str] = json.loads((place.folder(night) / "manifest.json").read_text())["summary"]["warnings"]
    warnings = [warning for warning in every if "expect_" not in warning]
    page = html.unescape((place.folder(night) / "night.html").read_text())
    assert all(warning in page for warning in warnings)
    assert not any(number in page for number in NUMBERS)
    return warnings


# --- vanished_notice -----------------------------------------------------------------------------------------------


def test_a_notice_that_a_full_registry_file_no_longer_has_is_told_and_stays(place: Place) -> None:
    """SPEC 3.4: "a notice that a full registry file no longer has: absence withdraws nothing"."""
    opening = {"provider_code": "B01", "account_code": "A1", "card_valid_from": "2020-01-01"}
    card = {"card_valid_from": "2020-01-01"}
    place.deliver(FIRST, "openings", [opening])
    events = [event("E1", **card), event("E2", event="withdrawn", withdraws_event_id="nobody"), event("E3")]
    run(place, FIRST, accounts=[account("A1")], losses=[loss("L1", **card), loss("L2")], events=events, control=ALL)
    before = {(r["rule_id"], r["notice_id"]) for r in place.rows(FIRST, "findings")}
    said = run(place, SECOND, losses=[loss("L2"), loss("L3")], events=[event("E3")], control=ALL)
    assert [w for w in said if w.startswith("vanished")] == [
        f"vanished_notice: {feed}: 1 notices of earlier nights are not in tonight's full files;"
        " absence withdraws nothing"
        for feed in ("loss_reports", "invalid_cards")
    ]
    after = {(r["rule_id"], r["notice_id"]) for r in place.rows(SECOND, "findings")}
    assert {("R101", "L1"), ("R101", "E1")} <= before <= after


def test_only_a_full_file_for_all_regions_can_miss_a_notice(place: Place) -> None:
    """SPEC 3.1: a scope key that is missing proves nothing; a notice has no region that could be asked."""
    run(place, FIRST, losses=[loss("L1"), loss("L2")])
    weak: list[dict[str, Any] | None] = [
        None,
        {"kind": "delta", "region_code": None},
        {"kind": "full"},
        {"kind": "full", "region_code": "11"},
    ]
    for number, control in enumerate(weak, start=1):
        assert run(place, FIRST + timedelta(days=number), losses=[loss("L2")], control=control) == []


def test_a_notice_outside_the_days_covered_or_quarantined_tonight_has_not_vanished(place: Place) -> None:
    losses = [loss("L1", reported_at="2023-12-31"), loss("L2"), loss("L3"), loss("L4", reported_at="2024-02-01")]
    run(place, FIRST, losses=losses)
    control = {**ALL, "covers_from": "2024-01-01", "covers_to": "2024-01-31"}
    broken = loss("L2", reported_at="no date")
    said = run(place, SECOND, losses=[broken, loss("L9")], events=[event("E0")], control=control)
    assert [w.split(":")[2] for w in said] == [
        " 1 notices of earlier nights are not in tonight's full files; absence withdraws nothing"
    ]


# --- mass_rekey ----------------------------------------------------------------------------------------------------


def rekeyed(provider: str, known: int, new: int) -> list[dict[str, str]]:
    """Accounts of a provider, of which some were those of B01."""
    moved = [account(f"N{n}", opened_at=f"2024-03-{n + 1:02} 10:00:00", provider_code=provider) for n in range(known)]
    fresh = [account(f"F{n}", NUMBERS[1], provider_code=provider, opened_at="2024-05-05") for n in range(new)]
    return [*moved, *fresh]


def test_a_first_file_half_of_which_was_anothers_is_told(place: Place) -> None:
    """SPEC 3.4: "a provider's first file in which ≥ 50 % of (person, opened_at, amount) equal another provider's"."""
    old = [account(f"A{n}", opened_at=f"2024-03-{n + 1:02} 10:00:00") for n in range(5)]
    run(place, FIRST, accounts=old)
    shares = {"B02": (3, 3), "B03": (3, 4), "B04": (4, 0), "B05": (0, 3)}
    for night in (SECOND, THIRD):
        for provider, (known, new) in shares.items():
            place.deliver(night, "accounts", rekeyed(provider, known, new), name=f"{provider}.csv")
    changes: list[dict[str, str]] = [
        {"amount": "101"},
        {"amount": ""},
        {"opened_at": "2024-03-01"},
        {"id_number": NUMBERS[1]},
    ]
    for number, change in enumerate(changes, start=6):
        other = account("N1", **{"provider_code": f"B{number:02}", "opened_at": "2024-03-01 10:00:00", **change})
        place.deliver(SECOND, "accounts", [other], name=f"B{number:02}.csv")
    assert run(place, SECOND, accounts=old) == [
        f"mass_rekey: accounts/{provider}.csv: {known} of {rows} accounts in the first file of {provider}"
        " have person, opening and amount of an account of another provider"
        for provider, known, rows in (("B02", 3, 6), ("B04", 4, 4))
    ]
    assert run(place, THIRD, accounts=old) == []  # no longer their first


def test_the_same_rows_in_one_night_are_no_rekeying_and_a_missing_amount_equals_a_missing_one(place: Place) -> None:
    """Without an earlier night nobody can tell whose accounts they were first."""
    both = [account("A1", amount=""), account("N1", provider_code="B02", amount="")]
    assert run(place, FIRST, accounts=both) == []
    [said] = run(place, SECOND, accounts=[account("C1", provider_code="B03", amount="")])
    assert said.startswith("mass_rekey: accounts/f.csv: 1 of 1 accounts in the first file of B03")


# --- area codes ----------------------------------------------------------------------------------------------------


def test_an_area_code_not_in_force_at_birth_is_counted_where_the_house_has_a_table(place: Place) -> None:
    """SPEC 3.4 and 4: an unknown area code is only a tier-3 warning; no table is shipped, so none is told."""
    accounts = [account(f"A{place_of}", number) for place_of, number in enumerate(NUMBERS)]
    odd = [account("A9", NUMBERS[1], id_type="1"), account("A8", "110101199003070012")]
    assert run(place, FIRST, accounts=accounts) == []
    table = "prefix,valid_from,valid_to,source\n110105,1949-12-31,1960-01-01,made up\n110101,1990-03-08,,made up\n"
    (place.book / "reference" / "area_codes.csv").write_text(table)
    assert run(place, SECOND, accounts=[*accounts, *odd]) == [
        "accounts/f.csv: 1 ID numbers with an area code that was not in force at birth"
    ]
    assert (place.folder(SECOND) / "reference" / "area_codes.csv").read_text() == table
    (place.book / "reference" / "area_codes.csv").write_text(table.replace("110101", "1101"))
    with pytest.raises(UsageError, match="area_codes"):
        run(place, THIRD)


# --- counts --------------------------------------------------------------------------------------------------------


def test_the_manifest_has_the_three_counts_of_every_file(place: Place) -> None:
    """SPEC 2: "delivered = accepted + quarantined holds for every file that is not refused"."""
    place.drop(FIRST, "openings", b"\xff\xff", name="bad.csv")
    run(place, FIRST, accounts=[account("A1"), account("A1"), account("A2", id_number=""), account("A3")])
    manifest = json.loads((place.folder(FIRST) / "manifest.json").read_text())
    counts = {i["feed"]: (i["delivered"], i["accepted"], i["quarantined"]) for i in manifest["inputs"]}
    assert counts == {
        "accounts": (4, 2, 2),
        "openings": (None, None, None),
        "loss_reports": (1, 1, 0),
        "invalid_cards": (1, 1, 0),
    }
    page = " ".join((place.folder(FIRST) / "night.html").read_text().split())
    assert '<td class="n">4</td><td class="n">2</td><td class="n">2</td>' in page


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_no_character_has_the_byte_of_a_line_end_inside(encoding: str) -> None:
    """So lines may be counted on bytes, and files cut behind any line end (SPEC 3.1)."""
    every = "".join(map(chr, (*range(0x80, 0xD800), *range(0xE000, 0x110000)))).encode(encoding)
    assert b"\n" not in every
    assert b"\r" not in every
