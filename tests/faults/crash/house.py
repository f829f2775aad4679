"""A night that is about to run, what the book is before and after it, and what may be found once it was disturbed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from creditaudit.audit.rulebook import load_rules
from creditaudit.book.inbox import put
from creditaudit.book.keys import load_keys
from creditaudit.book.layout import open_book
from creditaudit.book.seal import verify
from creditaudit.feeds import FEEDS
from faults.conftest import deliver_sound
from place import Place, changed
from reference.small import ACCOUNT, NIGHT, OPENING, REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from faults.crash.kernel import Operation
    from faults.crash.programs import Programs

T = TypeVar("T")

# The first night of a quarter writes complete states too: every way of writing that a night has.
TONIGHT = date(2027, 1, 5)
_OTHER = "110105194912310046"
_PARTIAL = f"nights/.{TONIGHT.isoformat()}.partial"
_SEALED = f"nights/{TONIGHT.isoformat()}"
_DERIVED = "reference/rules"
# What a killed run leaves: hidden, so no reader takes it for a night; the next run removes it.
_LEFTOVERS = "nights/."

# One thread: the same operations in the same order each time, so that a place among them has a number.
ARGUMENTS = ("--night", TONIGHT.isoformat(), "--threads", "1")


@dataclass(frozen=True)
class Point:
    """A place in a night: the n-th time that this is about to be done."""

    operation: Operation
    time: int

    def __str__(self) -> str:
        return f"{self.operation.kind} of {self.operation.path}, time {self.time}"


class Waiting:
    """A book with a sealed night, the next one delivered, a rule's change approved and a file recalled for it.

    Parameters
    ----------
    root : Path
    programs : Programs
    """

    def __init__(self, root: Path, programs: Programs) -> None:
        self._root = root
        self._programs = programs
        self._numbers = count()
        self.place = Place(root / "waiting").made()
        deliver_sound(self.place, NIGHT)
        bad = self.place.deliver(NIGHT, "loss_reports", [{**REPORT, "report_no": "L9"}], name="bad.csv")
        self.place.night(NIGHT)
        _deliver_more(self.place)
        rule = load_rules()[0]
        text = f"{rule.text.rstrip()}\n-- approved anew\n"
        body = {"folder": f"{rule.rule_id}_{rule.name}", "text": text}
        book = open_book(self.place.book)
        put(book, "rule_approval", by="审批人", reason="test", body=body, on=TONIGHT)
        sha256 = hashlib.sha256(bad.read_bytes()).hexdigest()
        put(book, "recall", by="审批人", reason="test", body={"sha256": sha256}, on=TONIGHT)
        self.before = self.place.tree()
        done = self.fresh()
        process = programs.start(done.asked(*ARGUMENTS), done.environment(), watched=True)
        process.attend(done.root, lambda _: None)
        self.code, said = process.end()
        assert self.code in {0, 5}, said
        self.after = done.tree()
        self.operations = process.operations
        assert changed(self.before, {k: v for k, v in self.after.items() if not k.startswith(_SEALED)}) == sorted(
            ["latest", f"{_DERIVED}/{body['folder']}/rule.sql"]
        )

    def fresh(self) -> Place:
        """The house before the night, in a folder of its own."""
        return self.place.copied(self._root / f"trial-{next(self._numbers)}")

    def points(self) -> list[Point]:
        """The first and the last time of everything that the night does to one file or folder, in their order."""
        return points_of(self.operations)

    def faults(self, place: Place) -> list[str]:
        """Say what is wrong with a book whose night was disturbed: it is as before it, or as after it, and holds."""
        tree = place.tree()
        inner = {name: value for name, value in tree.items() if not name.startswith(_LEFTOVERS)}
        wrong = [f"not as before: {name}" for name in changed(self.before, inner)]
        if _SEALED in tree:
            # The rename was the commit; the link and the derived copy after it are each as before or as after.
            wrong = [
                f"not as after: {name}"
                for name in changed(self.after, inner)
                if not (name == "latest" or name.startswith(_DERIVED)) or inner.get(name) != self.before.get(name)
            ]
            wrong += ["a partial night beside the sealed one"] if _PARTIAL in tree else []
        return wrong + _unsound(place, 1 + (_SEALED in tree))

    def faults_without(self, place: Place, file: str) -> list[str]:
        """Say what is wrong with a night sealed without a delivered file: it names it, and all else is as after."""
        night = json.loads((place.book / _SEALED / "manifest.json").read_text(encoding="utf-8"))
        refused = [f"{entry['feed']}/{entry['file']}" for entry in night["inputs"] if entry["refused"]]
        wrong = [] if refused == [file] else [f"the night names {refused}"]
        inner = {name: value for name, value in place.tree().items() if not name.startswith(_SEALED)}
        outer = {name: value for name, value in self.after.items() if not name.startswith(_SEALED)}
        return wrong + [f"not as after: {name}" for name in changed(outer, inner)] + _unsound(place, 2)

    def faults_after_a_further_run(self, place: Place) -> list[str]:
        """Run the night again, undisturbed: the book is byte for byte as after a night that nothing disturbed."""
        code, said = self._programs.run(place.asked(*ARGUMENTS), place.environment())
        wrong = [] if code in {0, self.code} else [f"a further run ends with {code}: {said}"]
        return wrong + [f"not mended by a further run: {name}" for name in changed(self.after, place.tree())]

    def is_sealed(self, place: Place) -> bool:
        """Whether the night is among the sealed ones."""
        return _SEALED in place.tree()

    def left(self, place: Place) -> bool:
        """Whether anything at all differs from before the night."""
        return bool(changed(self.before, place.tree()))


def _unsound(place: Place, nights: int) -> list[str]:
    found = verify(open_book(place.book), load_keys(str(place.key), place.book))
    return [] if (found.nights, found.with_key) == (nights, True) else [f"verify finds {found}"]


def points_of(operations: list[Operation]) -> list[Point]:
    """The first and the last time of everything that a run does to one file or folder, in their order."""
    times = Counter(operations)
    seen: Counter[Operation] = Counter()
    found = []
    for operation in operations:
        seen[operation] += 1
        if seen[operation] in {1, times[operation]}:
            found.append(Point(operation, seen[operation]))
    return found


def distinct(points: list[Point]) -> list[Point]:
    """Keep the first of the points that differ only in which feed, rule or part they are for."""
    names = re.compile("|".join(sorted(FEEDS, key=len, reverse=True)) + r"|R\d{3}_\w+|\d{5,6}")
    found: dict[object, Point] = {}
    for point in points:
        kind, path = point.operation.kind, names.sub("*", point.operation.path)
        found.setdefault((kind, path, point.time == 1), point)
    return list(found.values())


def _deliver_more(place: Place) -> None:
    """Deliver a second night: a row that changed, another person, a row that is quarantined, a file of nothing new."""
    deliver_sound(place, TONIGHT, without=("accounts", "openings"))
    other = {**ACCOUNT, "account_code": "A2", "id_number": _OTHER}
    rows = [{**ACCOUNT, "report_date": "2027-01-04"}, other, {**ACCOUNT, "account_code": "A3", "opened_at": "?"}]
    place.deliver(TONIGHT, "accounts", rows)
    place.deliver(TONIGHT, "openings", [OPENING, {**OPENING, "account_code": "A2"}])
    place.deliver(TONIGHT, "loss_reports", [{**REPORT, "report_no": "L2", "id_number": _OTHER}], name="g.csv")


def in_pairs(trials: Iterable[T], run: Callable[[int, T], list[str]]) -> list[str]:
    """Run trials two at a time; returns what was wrong, with the trial that found it."""

    def one(numbered: tuple[int, T]) -> list[str]:
        found = [f"{numbered[1]}: {wrong}" for wrong in run(*numbered)]
        if found:
            tell("\n".join(found))  # at once: all trials take minutes
        return found

    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        return [wrong for found in pool.map(one, enumerate(trials)) for wrong in found]


def tell(figures: str) -> None:
    """Print what was tried; pytest shows it with ``-s``, and where a test fails."""
    sys.stdout.write(f"{figures}\n")


def forget(place: Place) -> None:
    """Remove the house of a trial that went well."""
    shutil.rmtree(place.root)
