"""``creditaudit accept-base``: what is recorded, and what is refused (SPEC 8.3, 9)."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from creditaudit.book.inbox import Entry, base_flaw, flaw

if TYPE_CHECKING:
    from place import Place

WHO = ("--by", "auditor", "--reason", "a branch was sold", "--on", "2026-12-01")
WHOLE = {"provider_code": "B01", "region_code": None, "business_codes": None, "evidence_ref": "D-1"}


def test_a_smaller_base_is_recorded_with_its_scope(place: Place) -> None:
    scope = ("--provider", "B01", "--region", "11", "--business", "91", "--business", "81")
    reference = "sale, asked by 13812345678"
    said = place.say("accept-base", "--book", str(place.book), *scope, "--evidence-ref", reference, *WHO)
    assert said.code == 0, said.err
    [path] = (place.book / "inbox").glob("*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (content["kind"], content["decided_on"], content["by"]) == ("smaller_base", "2026-12-01", "auditor")
    stated = {"provider_code": "B01", "region_code": "11", "business_codes": ["81", "91"]}
    assert content["body"] == {**stated, "evidence_ref": "sale, asked by ***"}


def test_what_is_left_out_means_all(place: Place) -> None:
    said = place.say("accept-base", "--book", str(place.book), "--provider", "*", "--evidence-ref", "D-1", *WHO)
    assert said.code == 0, said.err
    [path] = (place.book / "inbox").glob("*.json")
    assert json.loads(path.read_text(encoding="utf-8"))["body"] == {**WHOLE, "provider_code": None}


def test_without_evidence_nothing_is_recorded(place: Place) -> None:
    said = place.say("accept-base", "--book", str(place.book), "--provider", "B01", "--evidence-ref", " ", *WHO)
    assert said.code == 2
    assert "evidence_ref" in said.err
    assert not list((place.book / "inbox").glob("*.json"))


@pytest.mark.parametrize(
    "change",
    [
        {"evidence_ref": None},
        {"evidence_ref": " "},
        {"provider_code": ""},
        {"region_code": 11},
        {"business_codes": []},
        {"business_codes": ["81", None]},
        {"business_codes": "81"},
    ],
)
def test_an_entry_without_a_whole_scope_or_evidence_is_refused(change: dict[str, object]) -> None:
    assert base_flaw(WHOLE) is None
    assert base_flaw({**WHOLE, **change}) is not None


def test_a_scope_that_is_not_stated_is_not_all() -> None:
    body = {name: value for name, value in WHOLE.items() if name != "region_code"}
    entry = Entry(date(2026, 12, 1), "smaller_base", "by", "why", body, "0" * 64)
    assert flaw(entry) == "its body does not state a whole scope"
