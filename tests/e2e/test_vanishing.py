"""Ways to vanish without being corrected, true corrections, and ways to come back, through real nights (SPEC 8.3).

One institution for each way. All deliver in full on nights 1 and 2; every case is answered on night 2; what matters
happens on nights 3 and 4 (a few go on to night 5), and what was corrected comes back on night 6.
"""

from __future__ import annotations

import pytest

from creditaudit.book.inbox import put
from creditaudit.book.layout import open_book
from e2e.correction_house import AMOUNT, OPENED, File, House, nth, number

NIGHTS = (3, 4)
STRANGER = number(5000)

# Ways to vanish, each with what the case says is missing on night 4 (part of it).
VANISHED = {
    "SHORT": "short:80%",
    "NOSCOPE": "scope_missing",
    "NOCTL": "no_full_delivery",
    "NOSHA": "not_stated",
    "NOROWS": "not_stated",
    "TOTALS": "refused_file",
    "HASH": "refused_file",
    "DELTA": "no_full_delivery",
    "QUARANTINE": "quarantined_row",
    "SAMEPERSON": "quarantined_row",
    "UNSPLIT": "quarantined_row",
    "NAMELESS": "quarantined_row",
    "RENAMED": "still_delivered",
    "CONTRADICTED": "possibly rekeyed: Z-CONTRADICTED",
    "REKEYEDDAY": "possibly rekeyed: N-REKEYEDDAY",
    "REKEYEDSUM": "possibly rekeyed: N-REKEYEDSUM",
    "SOLD": "possibly rekeyed: C-SOLD",
    "SILENT": "no_full_delivery",
    "NUMBER": "still_delivered",
    "ELSEWHERE": "no_full_delivery",
    "TWICE": "same_delivery",
    "SMALLER": "not_held_before",
    "BETWEEN": "still_delivered",
    "ONCE": "first_proof:2026-11-22",
    "UNION": "still_delivered",
    "HALVED": "short:50%",
    "LATE": "no_full_delivery",
    "REFUSEDPART": "refused_file",
}
# The same for corrections of a number or a value that are none, with the outcome answered.
UNCORRECTED = {
    "BADNUMBER": ("1", "number_unchanged"),
    "NUMBERBACK": ("1", "number_unchanged"),
    "NUMBERONCE": ("1", "first_proof:2026-11-22"),
    "BALANCE": ("3", "value_unchanged"),
    "FINER": ("3", "value_unchanged"),
    "VALUEBACK": ("3", "value_unchanged"),
}
# Undone between two proofs, so that night 5 brings a first one again.
AGAIN_FIRST = ("BETWEEN", "NUMBERBACK", "VALUEBACK")
# True corrections, with the outcome answered: verified by the second proof, on night 4 (SPLITOFF: on night 5).
CORRECTED = {
    **dict.fromkeys(("DELETED", "AGAIN", "SAMEROW", "REKEYED", "COLLECTED", "STALE", "NEIGHBOUR", "OTHERSUM"), "4"),
    "PARTS": "5",
    "FRAUD": "5",
    "GONE": "1",
    "MOVED": "1",
    "MOVEDBACK": "1",
    "REDATED": "3",
    "REDATEDBACK": "3",
    "SPLITOFF": "4",
}
# Those that come back on night 6, and how.
RETURNED = {
    "AGAIN": "delivered_again",
    "SAMEROW": "delivered_again",
    "STALE": "delivered_again",
    "REKEYED": "rekeyed:N-REKEYED",
    "COLLECTED": "collection:C-COLLECTED",
    "MOVEDBACK": "number_again",
    "REDATEDBACK": "value_again:opened_at",
}


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> tuple[House, House]:
    """The book after six nights, twice: in the second one, the last two nights judged everyone."""
    made = House.made(tmp_path_factory.mktemp("vanishing"))
    for name in VANISHED:
        made.way(name)
    for name, (outcome, _) in UNCORRECTED.items():
        made.way(name, outcome)
    for name, outcome in CORRECTED.items():
        made.way(name, outcome)
    _vanish(made)
    _seem_corrected(made)
    _correct(made)
    _return(made)
    for night in range(1, 5):
        if night == 4:
            _accept_smaller_base(made)
        made.run(night)
    judging_all = made.copied(tmp_path_factory.mktemp("everyone"))
    for night in (5, 6):
        made.run(night)
        judging_all.run(night, everyone=True)
    return made, judging_all


@pytest.fixture(scope="module")
def house(houses: tuple[House, House]) -> House:
    """The book after six nights."""
    return houses[0]


def _vanish(house: House) -> None:
    """Let the account of each way be gone from night 3 on, and yet not deleted."""
    for n in NIGHTS:
        every = {name: house.others(name, n) for name in VANISHED}
        plain = {name: File(rows) for name, rows in every.items()}
        for name in ("RENAMED", "CONTRADICTED", "REKEYEDDAY", "REKEYEDSUM", "SOLD"):
            house.deliver(n, name, plain[name])
        house.deliver(n, "SHORT", File(every["SHORT"][:8]))
        house.deliver(n, "NOSCOPE", File(every["NOSCOPE"], without=("business_codes",)))
        house.deliver(n, "NOCTL", File(every["NOCTL"], control=None))
        house.deliver(n, "NOSHA", File(every["NOSHA"], without=("sha256",)))
        house.deliver(n, "NOROWS", File(every["NOROWS"], without=("rows",)))
        house.deliver(n, "TOTALS", File(every["TOTALS"], control={"rows": 11}))
        house.deliver(n, "HASH", File(every["HASH"], control={"sha256": "0" * 64}))
        house.deliver(n, "DELTA", File(every["DELTA"], kind="delta"))
        bad = house.flagged("QUARANTINE", opened_at="2024-13-01")
        house.deliver(n, "QUARANTINE", File([*every["QUARANTINE"], bad]))
        same = house.account("SAMEPERSON", "Q", house.id_of("SAMEPERSON"), "2024-13-01")
        house.deliver(n, "SAMEPERSON", File([*every["SAMEPERSON"], same]))
        house.deliver(n, "UNSPLIT", File(every["UNSPLIT"], broken='UNSPLIT,"X\n'))
        nameless = house.account("NAMELESS", "", "unreadable", "2024-01-10")
        house.deliver(n, "NAMELESS", File([*every["NAMELESS"], nameless]))
        renamed = {**house.flagged("RENAMED"), "account_code": "Z-RENAMED"}
        house.deliver(n, "RENAMED", File([renamed], kind="delta"))
        other = {**house.flagged("CONTRADICTED", id_number=STRANGER), "account_code": "Z-CONTRADICTED"}
        house.deliver(n, "CONTRADICTED", File([other], kind="delta"))
        owner = house.id_of("REKEYEDDAY")
        day = house.account("REKEYEDDAY", "N-REKEYEDDAY", owner, "2024-01-10", amount="7")
        house.deliver(n, "REKEYEDDAY", File([day], kind="delta"))
        owner = house.id_of("REKEYEDSUM")
        total = house.account("REKEYEDSUM", "N-REKEYEDSUM", owner, "2025-02-02", amount=AMOUNT)
        house.deliver(n, "REKEYEDSUM", File([total], kind="delta"))
        sold = house.account("BUYER", "C-SOLD", house.id_of("SOLD"), "2026-11-01", account_type="C1", amount="1")
        house.deliver(n, "SOLD", File([{**sold, "original_provider_code": "SOLD"}], kind="delta"))
        house.deliver(n, "NUMBER", File([house.flagged("NUMBER", id_number=STRANGER), *every["NUMBER"]]))
        house.deliver(n, "ELSEWHERE", File(every["ELSEWHERE"], provider="OTHERBANK"))
        house.deliver(n, "TWICE", File(house.others("TWICE", 3)))
        house.deliver(n, "SMALLER", File(every["SMALLER"], control={"region_code": "31"}))
        house.deliver(n, "BETWEEN", plain["BETWEEN"])
        house.deliver(n, "UNION", File(every["UNION"][:5]), File([*every["UNION"][5:], house.flagged("UNION")]))
        house.deliver(n, "HALVED", File([*every["HALVED"][:5], *every["HALVED"][:5]]))
        house.deliver(n, "REFUSEDPART", File(every["REFUSEDPART"]), File([house.flagged("REFUSEDPART")]))
        house.files[n, "REFUSEDPART"][1].control = {"rows": 2}
    house.deliver(5, "BETWEEN", File(house.others("BETWEEN", 5)))
    house.deliver(4, "BETWEEN", File([house.flagged("BETWEEN")], kind="delta"))
    house.deliver(3, "ONCE", File(house.others("ONCE", 3)))
    for n in (3, 4):
        house.late[n].append((n - 1, "LATE", File(house.others("LATE", n), provider="LATE")))
    for name in ("RENAMED", "CONTRADICTED"):
        rename = {"provider_code": name, "old_account_code": f"A-{name}", "new_account_code": f"Z-{name}"}
        house.feeds[3, "account_renames"].append({**rename, "effective_on": nth(3).isoformat()})


def _seem_corrected(house: House) -> None:
    for n in (*NIGHTS, 5):
        later = f"2026-11-{10 + n}"
        changed = {
            "BADNUMBER": {"id_number": "110105198001010011"},  # its check character is wrong
            "NUMBERBACK": {} if n == 4 else {"id_number": STRANGER},
            "NUMBERONCE": {"id_number": STRANGER},
            "BALANCE": {"balance": "999", "status": "closed"},
            "FINER": {"opened_at": OPENED[:16]},
            "VALUEBACK": {} if n == 4 else {"opened_at": "2023-06-01"},
        }
        for name, cells in changed.items():
            if n == 3 or (n == 4 and name != "NUMBERONCE") or name in AGAIN_FIRST:
                house.deliver(n, name, File([house.flagged(name, report_date=later, **cells), *house.others(name, n)]))


def _correct(house: House) -> None:
    for n in (*NIGHTS, 5):
        for name in CORRECTED if n < 5 else ("SPLITOFF",):
            rows, later = house.others(name, n), f"2026-11-{10 + n}"
            if name in {"MOVED", "MOVEDBACK"}:
                rows = [house.flagged(name, report_date=later, id_number=STRANGER), *rows]
            elif name in {"REDATED", "REDATEDBACK"}:
                rows = [house.flagged(name, report_date=later, opened_at="2023-06-01"), *rows]
            if name == "PARTS":
                house.deliver(n, name, File(rows[:4]), File(rows[4:]))
            else:
                house.deliver(n, name, File(rows[:7] if name == "SPLITOFF" else rows))


def _accept_smaller_base(house: House) -> None:
    """Accept, after night 3, that one institution has given off some of its accounts."""
    body = {"provider_code": "SPLITOFF", "region_code": None, "business_codes": None, "evidence_ref": "branch sold"}
    put(open_book(house.place.book), "smaller_base", by="auditor", reason="test", body=body, on=None)


def _return(house: House) -> None:
    """Bring some of them back on night 6; the others get a neighbour that is none of them."""
    house.deliver(6, "AGAIN", File([house.flagged("AGAIN", report_date="2026-11-20")], kind="delta"))
    house.deliver(6, "SAMEROW", File([house.flagged("SAMEROW")], kind="delta"))
    house.deliver(6, "STALE", File([house.flagged("STALE", report_date="2026-10-01")], kind="delta"))
    owner = house.id_of("REKEYED")
    house.deliver(6, "REKEYED", File([house.account("REKEYED", "N-REKEYED", owner, "2024-01-10")], kind="delta"))
    sold = house.account("BUYER2", "C-COLLECTED", house.id_of("COLLECTED"), "2026-11-01", account_type="C1", amount="1")
    link = {"original_provider_code": "COLLECTED", "original_account_code": "A-COLLECTED"}
    house.deliver(6, "COLLECTED", File([{**sold, **link}], kind="delta"))
    for name in ("MOVEDBACK", "REDATEDBACK"):
        house.deliver(6, name, File([house.flagged(name, report_date="2026-11-20")], kind="delta"))
    # Another person's account of the same day and amount; the person's own of another amount; another value again.
    house.deliver(6, "NEIGHBOUR", File([house.account("NEIGHBOUR", "X", STRANGER, "2024-01-10")], kind="delta"))
    owner = house.id_of("OTHERSUM")
    house.deliver(6, "OTHERSUM", File([house.account("OTHERSUM", "X", owner, "2024-01-10", amount="9")], kind="delta"))
    again = house.flagged("MOVED", report_date="2026-11-20", id_number=number(5001))
    house.deliver(6, "MOVED", File([again], kind="delta"))
    again = house.flagged("REDATED", report_date="2026-11-20", opened_at="2023-07-07")
    house.deliver(6, "REDATED", File([again], kind="delta"))


@pytest.mark.parametrize("name", VANISHED)
def test_what_only_vanished_is_not_closed(house: House, name: str) -> None:
    assert {house.state(n, name) for n in range(3, 7)} == {"correction_due"}
    assert VANISHED[name] in str(house.case(4, name)["blind_spots"])


@pytest.mark.parametrize("name", UNCORRECTED)
def test_what_only_seems_corrected_is_not_closed(house: House, name: str) -> None:
    assert {house.state(n, name) for n in range(3, 7)} == {"correction_due"}
    assert UNCORRECTED[name][1] in str(house.case(4, name)["blind_spots"])


@pytest.mark.parametrize("name", AGAIN_FIRST)
def test_what_is_undone_between_begins_anew(house: House, name: str) -> None:
    assert "first_proof:2026-11-22" in str(house.case(3, name)["blind_spots"])
    assert "first_proof:2026-11-24" in str(house.case(5, name)["blind_spots"])


@pytest.mark.parametrize("name", CORRECTED)
def test_a_true_correction_closes_on_the_second_proof(house: House, name: str) -> None:
    second = 5 if name == "SPLITOFF" else 4
    assert house.state(second - 1, name) == "correction_due"
    assert f"first_proof:{nth(second - 1)}" in str(house.case(second - 1, name)["blind_spots"])
    assert house.state(second, name) == "correction_verified"
    [proof] = [
        str(e["proof"]) for e in house.place.rows(nth(6), "case_events")
        if e["case_id"] == house.cases[name] and e["to_state"] == "correction_verified"
    ]  # fmt: skip
    assert nth(second - 1).isoformat() in proof
    assert nth(second).isoformat() in proof


def test_what_comes_back_reopens_and_nothing_else_does(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    found = {name: house.state(6, name) for name in CORRECTED}
    back = {name for name, state in found.items() if state == "reappeared"}
    kinds: dict[str, set[str]] = {}
    for name, how in RETURNED.items():
        kinds.setdefault(how.split(":")[0], set()).add(name)
    with capsys.disabled():
        for kind, names in sorted(kinds.items()):
            said = {n for n in back if n in names or RETURNED.get(n, "").startswith(kind)}
            print(  # noqa: T201
                f"\n{kind}: recall {len(said & names)}/{len(names)}, precision {len(said & names)}/{len(said)}", end=""
            )
    assert back == set(RETURNED)
    assert set(found.values()) == {"reappeared", "correction_verified"}
    proofs = {e["case_id"]: e["proof"] for e in house.place.rows(nth(6), "case_events") if e["event"] == "reappeared"}
    assert {name: str(proofs[house.cases[name]]).removeprefix("returned:") for name in back} == RETURNED
    followed = {r["follows"] for r in house.place.rows(nth(6), "cases") if r["state"] in {"lead", "sent"}}
    assert {house.cases[name] for name in back} <= followed


def test_an_absent_account_is_judged_no_more_until_it_is_delivered_again(house: House) -> None:
    def judged(night: int) -> set[str]:
        return {str(f["account_code"]) for f in house.place.rows(nth(night), "findings")}

    assert {"A-DELETED", "A-SAMEROW", "A-PARTS"} <= judged(4)
    assert not {"A-DELETED", "A-SAMEROW", "A-PARTS", "A-GONE"} & judged(5)
    assert {"A-SAMEROW", "A-AGAIN", "A-STALE"} <= judged(6)
    assert "A-DELETED" not in judged(6)
    assert {"A-SHORT", "A-SILENT", "A-DELTA"} <= judged(6)


def test_leaving_out_and_taking_back_touches_whom_it_changes(houses: tuple[House, House]) -> None:
    touched, everyone = (h.place.sealed() for h in houses)
    assert touched == everyone
