"""The command line: commands, exit codes, what is said and where (SPEC 2, 8, 9)."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from creditaudit import __version__
from creditaudit.explain import explain_account
from creditaudit.explain.value import Event
from creditaudit.runlog import Stage
from place import Place, changed, tree_of
from reference.small import NIGHT, NUMBER, OPENING
from unit.commanded import deliver, own_rules, text_of

if TYPE_CHECKING:
    from pathlib import Path

NEXT = NIGHT + timedelta(days=1)
AFTER_NEXT = NIGHT + timedelta(days=2)
STRANGER = "110105196001011239"


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house with one sealed night, for commands that only read."""
    place = Place(tmp_path_factory.mktemp("sealed")).made()
    deliver(place, NIGHT)
    place.night(NIGHT)
    return place


# --- words ---------------------------------------------------------------------------------------------------------


def test_the_version(place: Place) -> None:
    assert place.say("version") == type(place.say("version"))(0, f"{__version__}\n", "")


def test_a_crash_leaves_no_memory_on_the_disk(place: Place) -> None:
    """SPEC 10.4: what the system would write of a process that dies has the rows that it was at."""
    place.say("version")
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)


def test_exit_codes_are_listed_in_the_order_of_the_page(place: Place) -> None:
    said = place.say("exit-codes")
    assert [int(line.split()[0]) for line in said.out.splitlines()] == [2, 4, 70, 3, 6, 5, 1, 0]
    table = place.say("exit-codes", "--markdown").out.splitlines()
    assert table[0] == "| exit code | meaning |"
    assert len(table) == 10


@pytest.mark.parametrize(
    "arguments",
    [
        ("nosuch",),
        ("--nosuch",),
        ("night",),
        ("explain", "--book", "x"),
        ("rules", "nosuch"),
        ("rules", "approve", "R101"),
        ("synth", "--out", "x", "--accounts", "0", "--nights", "1", "--seed", "1"),
        ("verify",),
        ("keys", "new"),
    ],
)
@pytest.mark.parametrize("is_json", [False, True])
def test_bad_usage_is_exit_2_in_words_or_as_json(place: Place, arguments: tuple[str, ...], is_json: bool) -> None:
    said = place.say(*(("--log-format", "json") if is_json else ()), *arguments)
    assert (said.code, said.out) == (2, "")
    [line] = said.err.splitlines()
    if is_json:
        spoken = json.loads(line)
        assert spoken["exit_code"] == 2
        line = spoken["note"]
    assert "Next step" in line


@pytest.mark.parametrize("spelling", [("--log-format", "json"), ("--log-format=json",)])
def test_json_is_one_object_a_line(sealed: Place, spelling: tuple[str, ...]) -> None:
    said = sealed.say(*spelling, *sealed.asked("--night", NIGHT.isoformat()))
    assert said.code == 0
    notes = [json.loads(line)["note"] for line in said.err.splitlines()]
    assert len(notes) == 2
    assert "was sealed before; nothing changed" in notes[1]


def test_an_error_as_json_has_its_parts(place: Place) -> None:
    said = place.say("--log-format", "json", "show", "--book", str(place.root / "gone"))
    spoken = json.loads(said.err)
    assert (said.code, spoken["error"], spoken["exit_code"]) == (2, "UsageError", 2)
    assert spoken["file"] == str(place.root / "gone")
    assert all(spoken[name] for name in ("what", "why", "next_step"))


# --- init and keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "offered"), [("ver", ["verify", "version"]), ("night --lan", ["--landing"])])
def test_the_shell_completes_commands_and_options(place: Place, typed: str, offered: list[str]) -> None:
    """What `creditaudit --install-completion` makes a shell ask."""
    words = {"COMP_WORDS": f"creditaudit {typed}", "COMP_CWORD": str(len(typed.split(" ")))}
    program = "import sys; sys.argv = ['creditaudit']; from creditaudit.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**place.environment(), "_CREDITAUDIT_COMPLETE": "complete_bash", **words},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, sorted(done.stdout.split()), done.stderr) == (0, offered, "")


def test_init_makes_a_book_and_never_writes_over_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    said = place.say("init", str(place.book), "--mandate", "首次")
    assert said.code == 0
    assert "put your mandate into it" in said.err
    assert stat.S_IMODE(place.book.stat().st_mode) == 0o700
    before = tree_of(tmp_path)
    again = place.say("init", str(place.book), "--mandate", "第二次")
    assert (again.code, "not changed" in again.err) == (0, True)
    assert tree_of(tmp_path) == before
    assert "首次" in place.config.read_text(encoding="utf-8")


def test_init_into_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("x", encoding="utf-8")
    before = tree_of(tmp_path)
    assert Place(tmp_path).say("init", str(tmp_path / "letters")).code == 2
    assert tree_of(tmp_path) == before


@pytest.mark.parametrize(("kind", "word"), [("new", "back it up"), ("demo", "DEMONSTRATION KEY")])
def test_keys_are_written_for_their_owner_and_never_over_a_file(tmp_path: Path, kind: str, word: str) -> None:
    place = Place(tmp_path)
    said = place.say("keys", kind, str(tmp_path / "k"))
    assert (said.code, word in said.err) == (0, True)
    content = (tmp_path / "k").read_bytes()
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert json.loads(content)["keys"][0]["secret"] not in said.err
    assert place.say("keys", kind, str(tmp_path / "k")).code == 2
    assert (tmp_path / "k").read_bytes() == content


# --- nights --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [("--night", NEXT.isoformat()), ("--catch-up",)])
@pytest.mark.parametrize("skip", [NEXT, AFTER_NEXT])
def test_a_skip_that_no_night_comes_after_is_refused(
    sealed: Place, tmp_path: Path, choice: tuple[str, ...], skip: date
) -> None:
    """SPEC 2: a skip is recorded in the seal of a later night; it is never dropped in silence."""
    place = sealed.copied(tmp_path / "house")
    deliver(place, NEXT)
    before = place.tree()
    said = place.say(*place.asked(*choice, "--skip", skip.isoformat(), "--reason", "x"))
    assert said.code == 2
    assert f"night {skip} cannot be skipped" in said.err
    assert place.tree() == before


def test_a_run_log_that_cannot_be_written_is_found_before_the_night(sealed: Place, tmp_path: Path) -> None:
    place = sealed.copied(tmp_path / "house")
    deliver(place, NEXT)
    before = place.tree()
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--run-log", str(tmp_path / "gone" / "log")))
    assert (said.code, "the run log cannot be written" in said.err) == (2, True)
    assert place.tree() == before


def test_a_run_log_lies_outside_the_book_one_object_a_stage(sealed: Place, tmp_path: Path) -> None:
    place = sealed.copied(tmp_path / "house")
    deliver(place, NEXT)
    log = tmp_path / "log.jsonl"
    log.write_text('{"night": "before"}\n', encoding="utf-8")
    assert place.say(*place.asked("--night", NEXT.isoformat(), "--run-log", str(log))).code == 0
    first, *stages = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert first == {"night": "before"}
    assert {s["night"] for s in stages} == {NEXT.isoformat()}
    assert [s["name"] for s in stages][:2] == ["receive", "contract"]
    assert "seal" in [s["name"] for s in stages]
    assert all(set(s) == {"night", *Stage.__dataclass_fields__} for s in stages)


# --- reading -------------------------------------------------------------------------------------------------------


def test_show_and_explain_print_results(sealed: Place, place: Place) -> None:
    shown = sealed.say("show", "--book", str(sealed.book))
    assert (shown.code, shown.err) == (0, "")
    for word in ("R101", "violation", "B01", "pboc", str(sealed.folder(NIGHT) / "night.html")):
        assert word in shown.out
    assert "no sealed night" in place.say("show", "--book", str(place.book)).out
    explained = sealed.say("explain", "--book", str(sealed.book), "--account", "B01/A1")
    assert (explained.code, "R101 violation" in explained.out) == (0, True)
    assert sealed.say("explain", "--book", str(sealed.book), "--account", "B01/A9").code == 2
    assert sealed.say("explain", "--book", str(sealed.book), "--account", "B01/A1", "--night", "2026-11-19").code == 2


def test_explain_prints_no_number_that_a_key_may_be(sealed: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """SPEC 10.4: in words and as JSON."""
    checked = Event("check", 0, 0, {"kind": "k", "result": "valid", "check": "8613812345678"})
    told = replace(explain_account(sealed.book, "B01/A1"), account_code=f"L{NUMBER}", timeline=(checked,))
    monkeypatch.setattr("creditaudit.explain.explain_account", lambda *_: told)
    asked = ("explain", "--book", str(sealed.book), "--account", "B01/A1")
    for form in ("text", "json"):
        out = sealed.say(*asked, "--format", form).out
        assert "B01/L***" in out
        assert not [secret for secret in (NUMBER, "13812345678") if secret in out]
    assert json.loads(out)["timeline"][0]["check"] == "***"


def test_readers_change_nothing(sealed: Place) -> None:
    before = sealed.tree()
    for arguments in (("show",), ("verify",), ("explain", "--account", "B01/A1")):
        sealed.say(arguments[0], "--book", str(sealed.book), *arguments[1:])
    assert changed(before, sealed.tree()) == []


def test_synth_writes_into_an_empty_folder_only(place: Place) -> None:
    out = place.root / "out"
    asked = ("synth", "--out", str(out), "--accounts", "100", "--nights", "1", "--seed", "1")
    assert place.say(*asked).code == 0
    before = tree_of(out)
    said = place.say(*asked)
    assert (said.code, said.out) == (2, "")
    assert tree_of(out) == before


def piped(place: Place, *arguments: str, lines: int) -> tuple[int, str, str]:
    """Run a command into a pipe whose reader leaves after some lines, as ``head`` does."""
    told, says = os.pipe()
    command = [sys.executable, "-m", "creditaudit.cli", *arguments]
    if not lines:
        os.close(told)
    with subprocess.Popen(command, stdout=says, stderr=subprocess.PIPE, text=True, env=place.environment()) as run:
        os.close(says)
        heard = ""
        if lines:
            with os.fdopen(told) as reader:
                heard = "".join(reader.readline() for _ in range(lines))
        _, err = run.communicate(timeout=120)
    return run.returncode, heard, err


@pytest.mark.parametrize("arguments", [("show",), ("verify",), ("explain", "--account", "B01/A1")])
def test_a_reader_who_leaves_early_is_no_finding_and_no_fault(sealed: Place, arguments: tuple[str, ...]) -> None:
    """SPEC 2: exit 1 means new findings, 70 an internal error; ``| head -1`` is neither."""
    command, *more = arguments
    assert piped(sealed, command, "--book", str(sealed.book), *more, lines=0) == (0, "", "")


def test_a_reader_who_leaves_amidst_a_long_list(sealed: Place, tmp_path: Path) -> None:
    """More than a pipe holds: the break comes while the command still speaks."""
    place = sealed.copied(tmp_path / "house")
    place.deliver(NEXT, "openings", [OPENING] * 4001)
    place.night(NEXT)
    code, heard, err = piped(place, "quarantine", "list", "--book", str(place.book), lines=1)
    assert (code, heard.startswith("night\t")) == (0, True)
    assert int(err.removesuffix(" quarantined rows\n")) >= 4000


def test_a_reader_who_leaves_changes_no_other_exit_code(sealed: Place, tmp_path: Path) -> None:
    """SPEC 2: what a command found is its exit code, whoever listens."""
    assert piped(sealed, "--help", lines=0) == (0, "", "")
    assert piped(sealed, "nosuch", lines=0)[0] == 2
    folder = own_rules(tmp_path / "rules", "R108")
    path = text_of(folder, "R108")
    path.write_text(path.read_text(encoding="utf-8").replace(" < ", " <= "), encoding="utf-8")
    assert piped(sealed, "rules", "test", "R108", "--folder", str(folder), lines=0)[0] == 2


# --- verify --------------------------------------------------------------------------------------------------------


def without_key(place: Place) -> dict[str, str]:
    return {name: value for name, value in place.environment().items() if name != "CREDITAUDIT_KEY_FILE"}


def test_verify_says_what_it_checked(sealed: Place) -> None:
    files = sum(p.is_file() for p in sealed.folder(NIGHT).rglob("*")) - 1
    with_key = sealed.say("verify", "--book", str(sealed.book))
    assert (with_key.code, with_key.out) == (0, f"1 nights, {files} files: hashes and seals hold\n")
    alone = sealed.say("verify", "--book", str(sealed.book), environment=without_key(sealed))
    assert alone.code == 0
    assert "without the key, seals were not checked" in alone.out


def test_one_flipped_byte_in_any_kind_of_file_is_named(sealed: Place, tmp_path: Path) -> None:
    """SPEC 9: one file of each kind, with the key and without; every file in ``unit/book/test_book_verify.py``."""
    place = sealed.copied(tmp_path / "house")
    folder = place.folder(NIGHT)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    kinds = {p.relative_to(folder).parts[0] for p in files}
    assert kinds >= {
        "manifest.json",
        "night.html",
        "published",
        "intake",
        "state",
        "quarantine",
        "reports",
        "reference",
    }
    assert {p.parent.name for p in files} >= {"accounts", "pboc", "R101_lost_card_used"}
    for path in {p.relative_to(folder).parts[0]: p for p in files}.values():
        sound = path.read_bytes()
        assert sound
        path.unlink()  # so that the file under the other name keeps its bytes
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        for environment in (None, without_key(place)):
            said = place.say("verify", "--book", str(place.book), environment=environment)
            assert (said.code, said.out) == (70, "")
            assert NIGHT.isoformat() in said.err
            assert path.relative_to(folder).as_posix() in said.err
            assert "restore" in said.err
        path.write_bytes(sound)
    assert place.say("verify", "--book", str(place.book)).code == 0


def test_what_lies_outside_the_chain_is_no_damage(sealed: Place, tmp_path: Path) -> None:
    """SPEC 9."""
    place = sealed.copied(tmp_path / "house")
    (place.book / "latest").unlink()
    for table in (place.book / "reference").glob("*.csv"):
        table.write_text("x", encoding="utf-8")
    (place.book / "inbox" / "note").write_text("x", encoding="utf-8")
    (place.book / "nights" / ".2026-11-21.partial").mkdir()
    assert place.say("verify", "--book", str(place.book)).code == 0
