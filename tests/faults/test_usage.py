"""Keys, configuration, reference tables, the order of nights, a held book: exit 2 and 4 (SPEC 2, 9, 10)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from faults.answers import assert_one_clear_message, assert_refused, next_night
from faults.conftest import deliver_sound
from reference.small import ACCOUNT, NEXT, NIGHT

if TYPE_CHECKING:
    from collections.abc import Callable

    from place import Place

THIRD = NEXT.replace(day=NEXT.day + 1)


def test_no_key(house: Place) -> None:
    """SPEC 10.4: without a key there are no tokens; the message names the command that makes one."""
    environment = house.environment()
    del environment["CREDITAUDIT_KEY_FILE"]
    assert_refused(house, 2, "creditaudit keys new", "CREDITAUDIT_KEY_FILE", environment=environment)


def test_no_key_as_a_process(house: Place) -> None:
    """The same through the real command line."""
    environment = house.environment()
    del environment["CREDITAUDIT_KEY_FILE"]
    assert_one_clear_message(house.run(*next_night(house), environment=environment), 2, "creditaudit keys new")


@pytest.mark.parametrize(
    ("spoil", "fragments"),
    [
        (lambda house: house.key.unlink(), ("no such file", "creditaudit keys new")),
        (lambda house: house.key.chmod(0o640), ("read by others", "0640", "chmod 600")),
        (lambda house: house.key.write_text("{}"), ("not a key file",)),
        (lambda house: house.key.write_text('{"creditaudit_keys": 1, "keys": []}'), ("exactly one active key",)),
    ],
    ids=["gone", "readable", "other_content", "no_active_key"],
)
def test_a_key_file_that_cannot_be_used(
    house: Place, spoil: Callable[[Place], object], fragments: tuple[str, ...]
) -> None:
    """The message names the file, and never what is in it."""
    spoil(house)
    assert_refused(house, 2, str(house.key), *fragments)


@pytest.mark.parametrize("as_link", [False, True])
def test_a_key_in_the_book(house: Place, as_link: bool) -> None:
    """SPEC 10.4: the key is kept outside the book, also behind a link."""
    inside = house.book / "inbox" / "key.json"
    house.key.rename(inside)
    if as_link:
        house.key.symlink_to(inside)
    environment = {**house.environment(), "CREDITAUDIT_KEY_FILE": str(house.key if as_link else inside)}
    assert_refused(house, 2, "lies in the book", "move it out", environment=environment)


@pytest.mark.parametrize(
    ("old", "new", "fragments"),
    [
        ("[mandate]", '[mandate]\nwho = "x"', ("mandate.who",)),
        ("threads", "treads", ("engine.treads", "did you mean 'threads'")),
        ("[contract]", "[contracts]", ("contracts", "did you mean 'contract'")),
        ("[feeds.loss_reports]", "[feeds.lost_reports]", ("feeds.lost_reports", "did you mean 'loss_reports'")),
        ("expected = true", "expectd = true", ("expectd", "did you mean 'expected'")),
        ("threads = 2", "threads = 0", ("engine.threads",)),
        ("max_quarantine_share = 0.20", "max_quarantine_share = 20", ("contract.max_quarantine_share",)),
        ("[engine]", "[engine", ("not TOML", "line")),
    ],
    ids=["mandate", "engine", "section", "feed", "feed_key", "threads", "share", "toml"],
)
def test_a_configuration_that_is_not_understood(house: Place, old: str, new: str, fragments: tuple[str, ...]) -> None:
    """Unknown keys are refused with the nearest known name (docs/how-it-is-built.md, Held by tests)."""
    text = house.config.read_text(encoding="utf-8")
    assert old in text
    house.config.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert_refused(house, 2, "creditaudit.toml", *fragments)


@pytest.mark.parametrize("mandate", ["", "  "])
def test_no_mandate(house: Place, mandate: str) -> None:
    """SPEC 10.1: without a text that says who asked for this audit a night is refused."""
    house.config.write_text(f'[mandate]\ntext = "{mandate}"\n', encoding="utf-8")
    assert_refused(house, 2, "[mandate]", "creditaudit init")


def test_no_configuration_is_no_mandate(house: Place) -> None:
    """SPEC 3.1, 10.1: the defaults have no mandate."""
    house.config.unlink()
    assert_refused(house, 2, "[mandate]")


def test_a_configuration_that_is_named_must_be_there(house: Place) -> None:
    """A name given on the command line is never replaced by a default in silence."""
    assert_refused(house, 2, "gone.toml", arguments=next_night(house, "--config", str(house.root / "gone.toml")))


RECIPIENTS = "recipient,kind,provider_code,region_prefix,id_mask,encoding,language,pseudonym_key_id\n"
INSTITUTIONS = "provider_code,name,kind,region_code,parent_code,valid_from,valid_to\n"
BAD_TABLES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "mask_6_and_4": ("recipients", "pboc,pboc_liaison,,,6+4,utf-8-sig,zh,\n", ("id_mask", "pboc")),
    "mask_of_another_form": ("recipients", "pboc,pboc_liaison,,,all,utf-8-sig,zh,\n", ("id_mask", "N+M")),
    "kind": ("recipients", "pboc,police,,,3+4,utf-8-sig,zh,\n", ("column kind", "pboc_liaison, institution")),
    "encoding": ("recipients", "pboc,pboc_liaison,,,3+4,latin-1,zh,\n", ("column encoding", "gb18030")),
    "name_twice": ("recipients", "p,pboc_liaison,,,3+4,,,\n" * 2, ("column recipient", "twice")),
    "name_of_a_path": ("recipients", "../p,pboc_liaison,,,3+4,,,\n", ("column recipient", "folder")),
    "bad_date": ("institutions", "B01,a,bank,11,,2020-02-30,\n", ("line 2", "column valid_from", "not a date")),
    "cells": ("institutions", "B01,a,bank,11,,2020-02-28,\nB02,a\n", ("line 3", "2 cells")),
    "open_quote": ("institutions", '"B01,a,bank,11,,2020-02-28,\n', ("line 2", "quote")),
    "text_after_quote": ("institutions", '"B01"x,a,bank,11,,2020-02-28,\n', ("line 2", "quote")),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_reference_table_that_cannot_be_used(house: Place, kind: str) -> None:
    """SPEC 3.2, 10.1, 10.2: never 6+4; the table, the line and the column are named."""
    table, rows, fragments = BAD_TABLES[kind]
    path = house.book / "reference" / f"{table}.csv"
    header = {"recipients": RECIPIENTS, "institutions": INSTITUTIONS}[table]
    path.write_text(header + rows, encoding="utf-8")
    assert_refused(house, 2, f"reference/{table}.csv", *fragments)


def test_a_reference_table_that_lacks_a_column(house: Place) -> None:
    """SPEC 3.2: the columns named there must be in it."""
    (house.book / "reference" / "recipients.csv").write_text("recipient,kind\n", encoding="utf-8")
    assert_refused(house, 2, "reference/recipients.csv", "line 1", "provider_code")


def test_a_landing_that_is_not_there(house: Place) -> None:
    """The directory is named."""
    gone = house.root / "gone"
    arguments = ["night", "--book", str(house.book), "--landing", str(gone), "--night", NEXT.isoformat()]
    assert_refused(house, 2, str(gone), "--landing", arguments=arguments)


def test_a_night_without_a_folder(house: Place) -> None:
    """A date mistyped must not seal an empty night."""
    assert_refused(house, 2, THIRD.isoformat(), "no folder", arguments=house.asked("--night", THIRD.isoformat()))


def test_a_book_that_is_not_there(house: Place) -> None:
    """The message names the command that makes one."""
    gone = house.root / "desk" / "none"
    arguments = ["night", "--book", str(gone), "--landing", str(house.landing), "--night", NEXT.isoformat()]
    assert_refused(house, 2, str(gone), "creditaudit init", arguments=arguments)
    assert not gone.exists()


@pytest.mark.parametrize(
    "arguments",
    [("--night", "2026-02-30"), ("--night", "20261121"), (), ("--night", "2026-11-21", "--catch-up"), ("--nigth", "x")],
    ids=["no_date", "other_form", "no_choice", "two_choices", "unknown_option"],
)
def test_usage(house: Place, arguments: tuple[str, ...]) -> None:
    """SPEC 2: bad usage is exit 2 and says what was expected."""
    before = house.tree()
    said = house.say(*house.asked(*arguments))
    assert (said.code, said.out) == (2, "")
    assert "--night" in said.err
    assert house.tree() == before


def test_an_earlier_night_than_the_last_sealed_one(house: Place) -> None:
    """SPEC 2: nights are sealed in date order; new knowledge about an old date arrives as a later night."""
    earlier = NIGHT.replace(day=NIGHT.day - 1)
    deliver_sound(house, earlier)
    arguments = house.asked("--night", earlier.isoformat())
    assert_refused(house, 2, str(earlier), str(NIGHT), "later night", arguments=arguments)


def test_a_folder_that_comes_after_a_later_night_was_sealed(house: Place) -> None:
    """The schedule's own command names the way on, and that way seals; files that were moved are read."""
    late = NIGHT.replace(day=NIGHT.day - 1)
    path = house.deliver(late, "accounts", [{**ACCOUNT, "account_code": "LATE"}], name="late.csv")
    scheduled = house.asked("--catch-up", "--until", NEXT.isoformat())
    skip = ("--skip", late.isoformat(), "--reason")
    assert_refused(house, 2, " ".join(skip), arguments=scheduled)
    path.rename(house.landing / NEXT.isoformat() / "accounts" / path.name)
    assert house.say(*scheduled, *skip, "迟到").code == 0
    assert {row["file"] for row in house.rows(NEXT, "coverage")} == {"f.csv", path.name}


def test_an_earlier_night_that_waits(house: Place) -> None:
    """SPEC 2: refused until it is sealed or skipped with a reason; the seal names the reason and the files."""
    deliver_sound(house, THIRD)
    third = house.asked("--night", THIRD.isoformat())
    assert_refused(house, 2, str(THIRD), str(NEXT), "--skip", "--catch-up", arguments=third)
    skip = ("--skip", NEXT.isoformat())
    assert_refused(house, 2, "reason", "--reason", arguments=[*third, *skip])
    assert_refused(house, 2, "reason", arguments=[*third, *skip, "--reason", "  "])
    assert_refused(
        house, 2, str(NIGHT), "cannot be skipped", arguments=[*third, *skip, "--skip", str(NIGHT), "--reason", "x"]
    )
    assert house.say(*third, *skip, "--reason", "交付作废").code == 0
    manifest = json.loads((house.folder(THIRD) / "manifest.json").read_text(encoding="utf-8"))
    feeds = ("accounts", "openings", "invalid_cards", "loss_reports", "issuances")
    files = sorted(f"{feed}/f.csv" for feed in feeds)
    [entry] = manifest["skipped"]
    assert (entry["night"], entry["reason"], sorted(entry["files"])) == (NEXT.isoformat(), "交付作废", files)
    # Skipped for good: it cannot be sealed any more, and what lay there is not read by a later night.
    assert_refused(house, 2, str(NEXT), arguments=house.asked("--night", NEXT.isoformat()))
    assert {row["file"] for row in house.rows(THIRD, "coverage")} == {"f.csv"}


def test_catch_up_seals_all_waiting_nights_in_order(house: Place) -> None:
    """SPEC 2; as a process. Then nothing waits, and it says so."""
    deliver_sound(house, THIRD)
    said = house.run(*house.asked("--catch-up"))
    assert said.code == 0, said.err
    told = [line.split()[1] for line in (said.out + said.err).splitlines() if " sealed: " in line]
    assert told == [NEXT.isoformat(), THIRD.isoformat()]
    again = house.say(*house.asked("--catch-up"))
    assert (again.code, again.out) == (0, "")
    assert "no night is pending" in again.err


_HOLDER = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_book_held_by_another_process(house: Place) -> None:
    """SPEC 9: a second writer is refused at once, readers are never blocked; a killed writer frees the book."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(house.book / ".lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        before = house.tree()
        assert_one_clear_message(house.run(*next_night(house)), 4, str(house.book), "wait")
        assert house.tree() == before
        assert house.say("verify", "--book", str(house.book)).code == 0
    finally:
        holder.kill()
        holder.communicate()
    assert house.say(*next_night(house)).code == 0
