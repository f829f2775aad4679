"""Who gets a folder of reports (SPEC 10.1, 10.2)."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from report_desk import COLUMNS

from creditaudit.book.keys import Key, Keyring
from creditaudit.errors import UsageError
from creditaudit.masking import Mask
from creditaudit.reports.case_cells import spoken
from creditaudit.reports.recipients import Recipient, read_recipients, without_key
from unit.kit import interval

Row = dict[str, Any]


def recipients(*rows: Row) -> pa.Table:
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    return pa.Table.from_pylist(list(rows), schema=schema)


def test_recipients_are_read_with_their_defaults_in_order() -> None:
    found = read_recipients(
        recipients(
            {
                "recipient": "z",
                "kind": "institution",
                "provider_code": "B01",
                "encoding": "gb18030",
                "language": "en",
                "id_mask": "1+1",
            },
            {"recipient": "人行", "kind": "pboc_liaison"},
            {"recipient": "a", "kind": "pboc_liaison"},
        )
    )
    assert found == (
        Recipient("a", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh"),
        Recipient("z", "institution", Mask(1, 1), "gb18030", "en", "B01"),
        Recipient("人行", "pboc_liaison", Mask(3, 4), "utf-8-sig", "zh"),
    )
    assert read_recipients(recipients()) == ()


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"recipient": None}, "recipient"),
        ({"recipient": ".."}, "recipient"),
        ({"recipient": ".hidden"}, "recipient"),
        ({"recipient": "a/b"}, "recipient"),
        ({"recipient": "a\x1b[2J"}, "recipient"),
        ({"recipient": "\u202ea"}, "recipient"),
        ({"recipient": "人" * 100}, "recipient"),
        ({"kind": "institution"}, "provider_code"),  # SPEC 10.1: "An institution sees only its own rows"
        ({"recipient": "a\\b"}, "recipient"),
        ({"kind": None}, "kind"),
        ({"kind": "bank"}, "kind"),
        ({"encoding": "utf-8"}, "encoding"),
        ({"language": "fr"}, "language"),
        ({"id_mask": "6+4"}, "id_mask"),
    ],
)
def test_a_recipient_that_cannot_be_served_is_refused(change: Row, column: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_recipients(recipients({"recipient": "r", "kind": "pboc_liaison", **change}))
    assert f"reference/recipients.csv, column {column}" in str(refused.value)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="twice"):
        read_recipients(recipients(*[{"recipient": "r", "kind": "pboc_liaison"}] * 2))


@pytest.mark.parametrize("text", ["2024-02-29", "2024-02-29 10:05", "2024-02-29 10:05:07", "2024-02-29 00:00:00"])
def test_an_interval_is_said_as_it_was_given(text: str) -> None:
    start, end = (int((moment - interval("1970-01-01")[0]).total_seconds()) for moment in interval(text))
    columns = (pa.chunked_array([pa.array([value, None], pa.int64())]) for value in (start, end))
    assert spoken(*columns).to_pylist() == [text, None]


RING = Keyring((Key("K2", "active", b"2" * 32), Key("K1", "superseded", b"1" * 32), Key("K0", "retired", b"0" * 32)))


def keyed(key_id: str | None) -> tuple[Recipient, ...]:
    return read_recipients(recipients({"recipient": "r", "kind": "pboc_liaison", "pseudonym_key_id": key_id}))


@pytest.mark.parametrize("key_id", [None, "K1", "K2"])
def test_a_key_that_is_not_retired_serves(key_id: str | None) -> None:
    assert keyed(key_id)[0].key_id == key_id
    assert without_key(keyed(key_id), RING) == []


def test_a_key_that_the_key_file_does_not_have_is_told() -> None:
    """Docs, decisions: the active key makes the tokens, and night.html says so."""
    [said] = without_key(keyed("K9"), RING)
    assert "recipient r" in said
    assert "active key" in said


def test_a_retired_key_is_refused() -> None:
    """SPEC 8.2: tokens of a retired key are not accepted: nobody could answer."""
    with pytest.raises(UsageError, match="retired") as refused:
        without_key(keyed("K0"), RING)
    assert "column pseudonym_key_id" in str(refused.value)
