"""Nothing that a command says holds a raw value: its answers, its failures, its traceback, and what it hands out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import stat
import traceback
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import typer

from creditaudit.audit.rulebook import load_rules
from creditaudit.book.seal import canonical
from creditaudit.cli import app
from creditaudit.engines import engine_aside
from creditaudit.errors import CreditAuditError
from e2e.secrets import NAMES, NUMBERS, PHONES, found_in, leaks_of
from e2e.telltale import ROWS, SECOND, THIRD, deliver_telltales
from reference.small import NIGHT
from unit.responding import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from place import Place, Spoken


@pytest.fixture(scope="module")
def told(spoken: tuple[Place, list[Spoken]], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two sealed nights over tell-tale deliveries; a third waits."""
    place = spoken[0].copied(tmp_path_factory.mktemp("told"))
    deliver_telltales(place, THIRD)
    return place


def _sent(place: Place) -> dict[str, str]:
    """Return a case that was sent, its token and who got it, as their sheet has them."""
    for path in sorted(place.book.glob("nights/*/reports/*/exceptions.csv")):
        content = path.read_bytes()
        text = content.decode("utf-8-sig" if content.startswith(b"\xef\xbb\xbf") else "gb18030")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            [case_id, row_token, *_] = row.values()
            return {"case_id": case_id, "row_token": row_token, "answered_by": path.parent.name}
    raise AssertionError("no case was sent")


# Every command and form takes minutes: `make test-leaks`. With every run the ones that say most.
FULL = "LEAKS_FULL" in os.environ
FORMS = ("table", "json", "csv") if FULL else ("table",)


def _asked(place: Place) -> Iterator[list[str]]:
    """Commands that read a book; in full, all of them in all their forms."""
    book, landing = ["--book", str(place.book)], ["--landing", str(place.landing)]
    case = _sent(place)["case_id"]
    night = SECOND.isoformat()
    for form in FORMS:
        yield ["queue", *book, "--format", form]
        yield ["case", case, *book, "--format", form]
    for form in ("text", "json") if FULL else ("json",):
        yield ["status", *book, *landing, "--format", form]
        yield ["doctor", *book, *landing, "--format", form]
    yield ["show", *book]
    yield ["quarantine", "list", *book]
    yield ["ready", *book, *landing, "--night", THIRD.isoformat()]
    yield ["source", "check", "default", str(place.landing / night / "accounts" / "spoilt.csv"), "--feed", "accounts"]
    yield from _asked_in_full(place, case) if FULL else ()


def _asked_in_full(place: Place, case: str) -> Iterator[list[str]]:
    book, night = ["--book", str(place.book)], SECOND.isoformat()
    for form in FORMS:
        yield ["trace", *book, case, "--format", form]
    for form in ("text", "json"):
        yield ["explain", *book, "--account", "B01/S", "--format", form]
    for language in ("zh", "en"):
        yield ["case", case, *book, "--html", "--language", language]
    yield ["queue", *book, "--overdue"]
    yield ["trace", *book, "--file", "accounts/sound.csv"]
    for row in place.rows(SECOND, "coverage"):
        if row["feed"] == "inquiries":
            yield ["trace", *book, "--file", f"inquiries/{row['file']}"]
    yield ["as-of", night, *book]
    for table in ("findings", "cases", "quarantine", "coverage", "clearances", "case_events", "institutions"):
        yield ["as-of", night, *book, table]
    yield ["verify", *book]
    yield ["verify", *book, "--against", str(place.folder(NIGHT) / "manifest.json")]
    yield ["upgrade", *book]
    yield ["duties", "check", *book]
    yield ["remedies", "check", *book]
    yield ["score", "train", *book, "--from", NIGHT.isoformat(), "--to", night, "--by", "x"]
    for feed in ROWS:
        for name in ("sound.csv", "spoilt.csv", "broken.csv"):
            path = place.landing / night / feed / name
            yield ["source", "check", "default", str(path), "--feed", feed, "--night", night]


def test_no_answer_of_a_command_leaks(told: Place) -> None:
    """SPEC 10.4: stdout and stderr of every command that reads a book, in words and as JSON lines."""
    for words in _asked(told):
        said = told.say(*words)
        assert said.code in {0, 2, 5}, (words, said.err)
        assert said.out + said.err, words
        assert found_in((said.out + said.err).encode()) == set(), words
    assert leaks_of(told.book) == []


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS if FULL else ("explain", "night", "case", "keys new", "respond"))
def test_no_failure_repeats_a_number_of_the_commands_own_words(
    name: str, told: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SPEC 10.4: what a person typed in the wrong place stands in the log of a scheduler, too."""
    monkeypatch.chdir(tmp_path)
    place = told
    given = {"book": str(place.book), "landing": str(place.landing), "night": SECOND.isoformat(), "by": "x"}
    given |= {"feed": "accounts", "reason": "x", "form": "json"}
    command = COMMANDS[name]
    before = place.tree()
    secrets = (NUMBERS[0], PHONES[0])
    for wrong in (param for param in command.params if not getattr(param, "is_flag", False)):
        words = name.split(" ")
        for place_of, param in enumerate(command.params):
            told_word = secrets[place_of % 2]
            if param is not wrong and (param.name not in given or not param.required):
                if param.required:
                    words += _worded(param, given.get(param.name, "2026-11-20"))
                continue
            words += _worded(param, told_word if param is wrong else given[param.name])
        said = place.say(*words)
        assert found_in(said.err.encode()) == set(), words
        for path in (place.book / "inbox").iterdir():
            assert found_in(path.read_bytes()) == set(), words
    assert {path: digest for path, digest in place.tree().items() if path in before} == before


def _worded(param: Any, value: str) -> list[str]:
    if param.param_type_name == "argument":
        return [value]
    return [param.opts[0], value]


def _written_by_hand() -> dict[str, dict[str, Any]]:
    """Decisions that no command makes, with secrets wherever there is text: a night lists them, and quotes none."""
    told = f"{NUMBERS[0]} {NAMES[0]} {PHONES[0]} \x1b[2J"
    target = {"night": SECOND.isoformat(), "file": told, "row": 1, "cells": [told] * 7}
    columns = ["provider_code", "account_code", "report_date", "id_type", "id_number", "account_type", "opened_at"]
    rule = next(rule for rule in load_rules() if rule.rule_id == "R101")
    model = {"creditaudit_model": 1, "kind": "tail", "features": [told], "edges": [[]], "values": [[]], "knots": []}
    model |= {"levels": [], "base": 0.0, "lookups": {}, "population": {}}
    return {
        "readmission": {"feed": "accounts", "columns": columns, "rows": [target]},
        "recall": {"sha256": "0" * 64, "remark": told},
        "removal": {"removal": "erase", "key_id": told, "persons": [told]},
        "rule_approval": {"folder": f"R101_{rule.name}", "text": rule.text.replace("lane:", f"{told[:-5]}:")},
        "model": {"model": model, "card": {}, "sha256": hashlib.sha256(canonical(model)).hexdigest()},
        "smaller_base": {"provider_code": "B01", "region_code": None, "business_codes": told, "evidence_ref": told},
        "answer": {"file_sha256": told, "rows": [{"row": 1, "case_id": told, "outcome": told, "evidence_ref": told}]},
        told: {"x": told},
    }


def _left(place: Place, kind: str, body: dict[str, Any]) -> str:
    """Put an entry into the inbox that its name fits; returns the name."""
    said = {"creditaudit_inbox": 1, "decided_on": THIRD.isoformat(), "kind": kind, "body": body}
    data = json.dumps({**said, "by": PHONES[0], "reason": NUMBERS[0]}).encode()
    path = place.book / "inbox" / f"{THIRD.isoformat()}-{hashlib.sha256(data).hexdigest()}.json"
    path.write_bytes(data)
    return path.name


def test_what_people_write_leaks_nothing(told: Place, tmp_path: Path) -> None:
    """SPEC 10.4: answers, decisions and reasons are sealed; what is refused goes back as it was handed in."""
    place = told.copied(tmp_path / "house")
    wide = NUMBERS[0].translate({ord(digit): ord(digit) - 0x30 + 0xFF10 for digit in "0123456789"})
    holder = NAMES[0]
    said = [NUMBERS[0], wide, f"{NUMBERS[0][:6]} {NUMBERS[0][6:14]} {NUMBERS[0][14:]}", PHONES[0], f"+86 {PHONES[1]}"]
    said += [
        holder,
        " ".join(holder),
        "\u200b".join(NUMBERS[0]),
        "-".join((PHONES[0][:3], PHONES[0][3:7], PHONES[0][7:])),
    ]
    file = place.root / "answers.csv"
    good = {**_sent(place), "outcome": "0", "answered_on": THIRD.isoformat()}
    bad = {**good, "case_id": NUMBERS[0], "comment": f"{NAMES[1]} {PHONES[0]}"}
    write(file, [{**good, "comment": "；".join(said)}, bad])
    book, before = ["--book", str(place.book)], len(list((place.book / "inbox").iterdir()))
    base = ["--provider", "B01", "--evidence-ref", f"x {NUMBERS[0]}", "--by", PHONES[0], "--reason", f"of {NUMBERS[1]}"]
    outcomes = [place.say("respond", *book, str(file), "--format", form) for form in ("table", "json", "csv")]
    by_hand = {_left(place, kind, body) for kind, body in _written_by_hand().items()}
    outcomes.append(place.say("accept-base", *book, *base))
    outcomes.append(place.say("prune", *book, "--keep-nights", "1", "--by", PHONES[1], "--reason", NUMBERS[0]))
    skip = ["--skip", THIRD.isoformat(), "--reason", f"of {NUMBERS[0]}"]
    fourth = THIRD + timedelta(days=1)
    shutil.copytree(place.landing / THIRD.isoformat(), place.landing / fourth.isoformat())
    outcomes.append(place.say(*place.asked("--night", fourth.isoformat(), *skip)))
    assert [one.code for one in outcomes] == [0] * 6, [one.err for one in outcomes]
    for one in outcomes:
        assert found_in((one.out + one.err).encode()) == set()
    refused = file.with_name("answers.csv.refused.csv")
    assert stat.S_IMODE(refused.stat().st_mode) == 0o600
    assert found_in(refused.read_bytes()), "it is theirs, as they handed it in"
    assert len(list((place.book / "inbox").iterdir())) >= before + 3
    assert [leak for leak in leaks_of(place.book) if leak.split(":")[0].removeprefix("inbox/") not in by_hand] == []
    refusals = json.loads((place.folder(fourth) / "manifest.json").read_text())["summary"]["refused_decisions"]
    assert len([one for one in refusals if any(name in one or name[11:27] in one for name in by_hand)]) == len(by_hand)


def test_rows_that_were_corrected_lie_in_the_inbox_alone(told: Place, tmp_path: Path) -> None:
    """SPEC 10.4: the readmitted rows of the inbox are the third place; the file to correct is its owner's alone."""
    place = told.copied(tmp_path / "house")
    book = ["--book", str(place.book)]
    file = tmp_path / "correct.csv"
    asked = ["--night", SECOND.isoformat(), "--feed", "accounts", "--out", str(file)]
    outcomes = [place.say("quarantine", "export", *book, *asked)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found_in(file.read_bytes())
    outcomes.append(place.say("quarantine", "readmit", *book, str(file), "--by", PHONES[0], "--reason", NUMBERS[0]))
    for one in outcomes:
        assert found_in((one.out + one.err).encode()) == set(), one.err
    assert all("/" not in leak.split(":")[0].removeprefix("inbox/") for leak in leaks_of(place.book))
    assert all(leak.startswith("inbox/") for leak in leaks_of(place.book))
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (place.book / "inbox").iterdir())


def test_what_the_engine_says_of_a_value_stays_within(told: Place) -> None:
    """SPEC 10.4: no traceback shows it, neither the engine's own words nor the literals of the query."""
    failing = [
        f"SELECT CAST('{NUMBERS[0]}' AS INTEGER)",
        f"SELECT * FROM accounts WHERE code = '{NUMBERS[0]}' AND phone = '{PHONES[0]}'",
        f"SELECT error('{PHONES[0]}')",
        f"SELECT * FROM read_parquet('/nowhere/{NUMBERS[0]}.parquet')",
    ]
    with engine_aside(reads=told.book) as engine:
        for sql in failing:
            with pytest.raises(CreditAuditError) as failed:
                engine.fetch(sql)
            shown = "".join(traceback.format_exception(failed.value))
            assert found_in(shown.encode()) == set(), sql


@pytest.mark.skipif(not FULL, reason="a library of pages and four kernels: `make test-leaks`")
def test_no_page_of_a_library_and_no_notebook_leaks(told: Place, tmp_path: Path) -> None:
    """SPEC 10.4: Great Expectations' pages, and the outputs of notebooks."""
    from unit.test_notebooks import NOTEBOOKS, outputs_of  # noqa: PLC0415

    said = told.say("docs", "--book", str(told.book))
    assert said.code == 0, said.err
    assert (told.book / "docs").is_dir()
    assert leaks_of(told.book) == []
    for path in NOTEBOOKS:
        assert found_in(str(outputs_of(path, told.book, tmp_path)).encode()) == set(), path.stem
