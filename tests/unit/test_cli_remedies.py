"""``creditaudit remedies check``: the table, and the cases of the last night that it has no word for (SPEC 8.5)."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from place import Place

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = date(2026, 11, 20)
NUMBER = "110105194912310021"


def sealed_with_a_case(place: Place) -> Place:
    """Seal a night in which one credit card was opened with a card that was reported lost."""
    account = {"provider_code": "B01", "account_code": "A1", "report_date": "2026-11-19", "id_type": "10"}
    opened = {"id_number": NUMBER, "account_type": "R2", "opened_at": "2024-03-05 10:00:00"}
    place.deliver(NIGHT, "accounts", [account | opened])
    opening = {"provider_code": "B01", "account_code": "A1", "document_kind": "permanent"}
    place.deliver(NIGHT, "openings", [opening | {"card_valid_from": "2016-03-04"}])
    lost = {"report_no": "L1", "id_number": NUMBER, "card_valid_from": "2016-03-04"}
    place.deliver(NIGHT, "loss_reports", [lost | {"reported_at": "2024-01-02 09:00:00"}])
    place.night(NIGHT)
    return place


def test_the_shipped_table_and_a_new_book_have_nothing_to_look_at(tmp_path: Path) -> None:
    place = Place(tmp_path)
    answer = place.say("remedies", "check")
    assert (answer.code, answer.out) == (0, "")
    assert "rows of remedies, 0 to look at" in answer.err
    place.made()
    answer = place.say("remedies", "check", "--book", str(place.book))
    assert (answer.code, answer.out) == (0, "")
    assert "no sealed night yet" in answer.err


def test_a_case_that_matches_no_row_of_the_books_table_is_named(tmp_path: Path) -> None:
    place = sealed_with_a_case(Place(tmp_path).made())
    assert place.say("remedies", "check", "--book", str(place.book)).code == 0
    table = place.book / "reference" / "remedies.csv"
    header = "remedy_id,account_type,tier,state,fault,next_step,who,basis,in_force_from,in_force_to,source\n"
    table.write_text(f"{header}later,R2,R101,*,*,x,house,y,2024-03-06,,\n", encoding="utf-8")
    answer = place.say("remedies", "check", "--book", str(place.book))
    assert answer.code == 2
    (case,) = place.rows(NIGHT, "cases")
    lines = answer.out.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["no_source", " later"], ["no_remedy", f" {case['case_id']}"]]
    assert "account_type R2, tier R101, verdict violation" in lines[1]
    table.write_text(f"{header}in time,R2,R101,*,*,x,house,y,2024-03-05,2024-03-05,z\n", encoding="utf-8")
    assert place.say("remedies", "check", "--book", str(place.book)).code == 0


def test_a_night_copies_the_table_and_an_older_book_has_the_shipped_one(tmp_path: Path) -> None:
    place = Place(tmp_path).made()
    (place.book / "reference" / "remedies.csv").unlink()
    sealed_with_a_case(place)
    copied = place.folder(NIGHT) / "reference" / "remedies.csv"
    assert copied.read_text(encoding="utf-8").startswith("remedy_id,")
    assert place.say("remedies", "check", "--book", str(place.book)).code == 0


def test_a_table_with_two_rows_of_one_name_refuses_the_night(tmp_path: Path) -> None:
    place = Place(tmp_path).made()
    table = place.book / "reference" / "remedies.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([*rows, rows[-1]]) + "\n", encoding="utf-8")
    place.deliver(NIGHT, "accounts", [{"provider_code": "B01"}])
    answer = place.say(*place.asked("--night", NIGHT.isoformat()))
    assert answer.code == 2
    assert "reference/remedies.csv" in answer.err
    answer = place.say("remedies", "check", "--book", str(place.book))
    assert answer.code == 2
    assert answer.out.startswith("double_id: reappeared-follow")
