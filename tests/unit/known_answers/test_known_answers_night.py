"""A night and its known answers: exit 6, nothing of them in the book, deliveries that prove nothing (SPEC 2, 11)."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from credit_reports import LOAN, STATE, account, envelope, report
from creditaudit import night
from creditaudit.errors import RefusedError
from creditaudit.known_answers import KnownAnswerError, WrongAnswer, check_known_answers
from creditaudit.known_answers.declared import Terms, meant_rows, persons
from creditaudit.runlog import RunLog
from place import Place
from unit.commanded import deliver as small
from unit.kit import NIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from creditaudit.intake.outcome import Assessment

NEXT = NIGHT + timedelta(1)
ROWS = 60
# A number, a code or an institution of the known-answer persons.
RESERVED = re.compile(rb"999999\d{6}|KA\d{5}|KA999999")


def rows_of(feed: str, day: Any) -> list[dict[str, str]]:
    """Return sixty rows of one feed, none of which meets another feed's person."""
    common: Mapping[str, Callable[[int], dict[str, str]]] = {
        "accounts": lambda n: {
            **{"provider_code": "B01", "account_code": f"A{n}", "report_date": f"{day}", "id_type": "20"},
            **{"id_number": f"P{n}", "account_type": "D1", "opened_at": "2026-01-05", "business_code": "10"},
        },
        "openings": lambda n: {"provider_code": "B01", "account_code": f"A{n}", "card_valid_from": "2020-01-05"},
        "verifications": lambda n: {
            **{"provider_code": "B01", "check_id": f"K{n}", "checked_at": "2026-01-05", "check_kind": "in_person"},
            "result": "pass",
        },
        "invalid_cards": lambda n: {
            **{"event_id": f"E{n}", "id_number": f"11010519491231{n:03d}X", "event": "damaged"},
            "effective_at": "2026-01-05",
        },
        "loss_reports": lambda n: {
            "report_no": f"L{n}",
            "id_number": f"11010519491231{n:03d}X",
            "reported_at": "2026-01-05",
        },
        "issuances": lambda n: {
            "id_number": f"11010519491231{n:03d}X",
            "card_valid_from": "2020-01-05",
            "kind": "permanent",
        },
    }
    return [common[feed](n) for n in range(ROWS)]


FEEDS = ("accounts", "openings", "verifications", "invalid_cards", "loss_reports", "issuances")


def deliver(place: Place, day: Any) -> None:
    for feed in FEEDS:
        path = place.deliver(day, feed, rows_of(feed, day))
        said = {"kind": "full", "provider_code": "B01", "region_code": None, "business_codes": None}
        path.with_name(f"{path.name}.ctl").write_text(json.dumps(said), encoding="utf-8")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A quiet night with full files; known answers are asked for it, whatever was asked before. Copied, or read."""
    place = Place(tmp_path_factory.mktemp("quiet")).made()
    deliver(place, NIGHT)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(night, "check_known_answers", check_known_answers)
        place.night(NIGHT)
    return place


def summary_of(place: Place, day: Any) -> dict[str, Any]:
    manifest = json.loads((place.folder(day) / "manifest.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = manifest["summary"]
    return found


def test_a_night_without_findings_is_quiet_and_proven(house: Place) -> None:
    summary = summary_of(house, NIGHT)
    assert summary["quiet"] == "quiet, proven"
    assert summary["known_answers"]["unproven"] == []
    assert summary["known_answers"]["profiles"] == ["default"]
    assert summary["known_answers"]["persons"] > 35
    page = (house.folder(NIGHT) / "night.html").read_text(encoding="utf-8")
    assert "quiet, proven" in page
    assert "unproven" not in page


def searched(folder: Path) -> set[str]:
    """Search every file, and every cell of Parquet files: no reserved number, code or institution; return the names."""
    names = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        names.add(path.name)
        held = path.read_bytes()
        if path.suffix == ".parquet":
            held = str(pq.read_table(path).to_pydict()).encode()
        assert RESERVED.search(held) is None, path
    return names


def test_nothing_of_a_known_answer_is_in_the_book(house: Place) -> None:
    assert len(searched(house.book)) > 40
    assert summary_of(house, NIGHT)["delivered"] == ROWS * len(FEEDS)


def test_nothing_of_a_known_answer_is_in_anything_that_a_night_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With findings, sheets, Data Docs, a run log, lineage, a credit report; and one of few touched that is refused."""
    monkeypatch.setattr(night, "check_known_answers", check_known_answers)
    place = Place(tmp_path / "house")
    place.root.mkdir()
    place.made()
    small(place, NIGHT)
    place.drop(NIGHT, "reports", envelope(report(account(LOAN, STATE)).encode()), name="p.xml")
    beside = tmp_path / "beside"
    beside.mkdir()
    logs = ("--run-log", str(beside / "run.log"), "--lineage", str(beside / "lineage.json"))
    said = place.say(*place.asked("--night", NIGHT.isoformat(), *logs))
    assert said.code == 0, said.err
    assert place.say("docs", "--book", str(place.book)).code == 0
    small(place, NEXT)
    monkeypatch.setattr("creditaudit.fault.checks.kept_since", lambda _night, _years: date(1990, 1, 1))
    refused = place.say(*place.asked("--night", NEXT.isoformat(), "--run-log", str(beside / "refused.log")))
    assert refused.code == 6
    spoken = said.out + said.err + refused.out + refused.err
    assert RESERVED.search(spoken.encode()) is None
    names = searched(place.book) | searched(beside)
    assert {"night.html", "exceptions.csv", "findings.parquet", "index.html", "run.log", "lineage.json"} <= names
    assert any(name.startswith("CA-") for name in names)
    # The search finds what it looks for.
    terms = Terms(1, NIGHT, {}, "D1")
    rows = str([meant_rows(person, terms) for person in persons()]).encode()
    assert len(RESERVED.findall(rows)) > 100


def test_a_night_that_judges_only_who_is_touched_asks_them_all(
    house: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one thread and with two it is the same night, and that of judging everyone."""
    monkeypatch.setattr(night, "check_known_answers", check_known_answers)
    place = house.copied(tmp_path / "one")
    deliver(place, NEXT)
    other = place.copied(tmp_path / "two")
    log = RunLog()
    place.night(NEXT, threads=1, log=log)
    [looked] = [stage.note for stage in log.stages if stage.name == "judge"]
    assert not looked.startswith("everyone")
    assert summary_of(place, NEXT)["known_answers"] == summary_of(house, NIGHT)["known_answers"]
    other.night(NEXT, threads=2, everyone=True)
    assert other.sealed() == place.sealed()


def test_a_wrong_answer_is_exit_6_and_the_book_is_as_before(
    house: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = house.copied(tmp_path)
    deliver(place, NEXT)
    wrong = [WrongAnswer("R101", "lost_card", "icbc", "A1 R101 violation", "")]

    def judged_wrongly(*_: Any, **asked: Any) -> None:
        raise KnownAnswerError(asked["night"], wrong)

    before = place.tree()
    monkeypatch.setattr(night, "check_known_answers", judged_wrongly)
    log = tmp_path / "run.log"
    said = place.say(*place.asked("--night", NEXT.isoformat(), "--run-log", str(log)))
    assert said.code == 6
    for words in ("R101", "lost_card", "icbc", "nothing was sealed", f"refused/{NEXT}/night.html"):
        assert words in said.err
    page = place.book / "refused" / NEXT.isoformat() / "night.html"
    told = page.read_text(encoding="utf-8")
    assert "Known answers were judged wrongly".lower() in told.lower()
    for words in ("R101", "lost_card", "icbc", "A1 R101 violation"):
        assert words in told
    after = {name: digest for name, digest in place.tree().items() if not name.startswith("refused")}
    assert after == before
    assert "failed: KnownAnswerError" in log.read_text(encoding="utf-8")


# --- deliveries that are broken: exit 3 or 5 that very night --------------------------------------------------------


class _ReachedError(Exception):
    """The contract let the night pass."""


def _cut(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[: len(lines) // 2])


def _dates_swapped(content: bytes) -> bytes:
    return content.replace(b"2026-01-05", b"05/01/2026")


# Feed, what becomes of its bytes (None: the feed is missing), exit code.
DELIVERIES: dict[str, tuple[str, Callable[[bytes], bytes] | None, int]] = {
    "accounts missing": ("accounts", None, 5),
    "invalid cards missing": ("invalid_cards", None, 5),
    "loss reports missing": ("loss_reports", None, 5),
    "half the accounts": ("accounts", _cut, 5),
    "half the checks": ("verifications", _cut, 5),
    "half the invalid cards": ("invalid_cards", _cut, 5),
    "a registry of a header alone": ("loss_reports", lambda c: c.splitlines(keepends=True)[0], 5),
    "a registry of zero bytes": ("invalid_cards", lambda _: b"", 3),
    "openings of zero bytes": ("openings", lambda _: b"", 5),
    "a torn archive": ("loss_reports", lambda c: gzip.compress(c)[:-20], 3),
    "an unknown encoding": ("issuances", lambda c: c.replace(b"permanent", b"\xff\xfeperm"), 3),
    "a column that is missing": ("invalid_cards", lambda c: c.replace(b"event_id", b"event_no"), 3),
    "another delimiter": ("accounts", lambda c: c.replace(b",", b";"), 3),
    "dates in another order": ("accounts", _dates_swapped, 3),
    "a registry's dates in another order": ("loss_reports", _dates_swapped, 3),
    "codes of another bank": ("invalid_cards", lambda c: c.replace(b"damaged", b"05"), 3),
}


def broken(place: Place, what: str) -> None:
    deliver(place, NEXT)
    feed, change, _ = DELIVERIES[what]
    path = place.landing / NEXT.isoformat() / feed / "f.csv"
    if change is None:
        for one in path.parent.iterdir():
            one.unlink()
    elif "archive" in what:
        path.with_name("g.csv.gz").write_bytes(change(path.read_bytes()))
        path.unlink()
        path.with_name("f.csv.ctl").unlink()
    else:
        path.write_bytes(change(path.read_bytes()))


@pytest.fixture(scope="module")
def waiting(house: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A house whose next night seals nothing: one for all broken deliveries."""
    return house.copied(tmp_path_factory.mktemp("waiting"))


def reached(*_: Any) -> None:
    raise _ReachedError


@pytest.mark.parametrize("what", DELIVERIES)
def test_a_broken_delivery_is_told_that_night(waiting: Place, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    found: list[Assessment] = []
    judge = night.assess
    monkeypatch.setattr(night, "_admit", reached)
    monkeypatch.setattr(night, "assess", lambda *given: found.append(judge(*given)) or found[0])
    broken(waiting, what)
    feed, _, code = DELIVERIES[what]
    with pytest.raises(RefusedError if code == 3 else _ReachedError) as ended:
        waiting.night(NEXT)
    if code == 3:
        assert feed in str(ended.value)
    else:
        assert set(found[0].stale) == {feed}


def test_a_night_that_saw_half_says_so(house: Place, tmp_path: Path) -> None:
    """SPEC 2: exit 5, and no part is quiet, proven."""
    place = house.copied(tmp_path)
    broken(place, "half the accounts")
    said = place.say(*place.asked("--night", NEXT.isoformat()))
    assert said.code == 5
    assert "quiet, unproven because feed accounts is missing or incomplete" in said.err
    assert summary_of(place, NEXT)["quiet"] == "quiet, unproven because feed accounts is missing or incomplete"
    assert "quiet, proven" not in (place.folder(NEXT) / "night.html").read_text(encoding="utf-8")
