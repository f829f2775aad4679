"""What every suite stands on: a house with a book, a landing and the demonstration key; the rotating seed."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings

from creditaudit import night
from creditaudit.known_answers import check_known_answers
from place import Place
from rotating import ROTATING_SEED, SEED_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from creditaudit.audit.rules_tonight import Rulebook
    from creditaudit.intake.landing import DeliveredFile
    from creditaudit.known_answers import Answered

# A shared machine may be slow at any moment: no example fails for its time. In CI the examples go with the sources.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


def pytest_report_header() -> str:
    """Say which seed a failed run had."""
    return f"rotating seed: {SEED_VARIABLE}={ROTATING_SEED}"


# Files of many tests that each run nights or commands of their own: of these one run takes one half, other sources the
# other; TEST_ALL takes all of these and of the next.
HALVED = (
    *("audit/test_audit_touched.py", "book/test_book_prune_broken.py", "book/test_book_verify.py"),
    *("cases/test_cases_corrected.py", "cases/test_cases_fallen.py", "cases/test_cases_joined.py"),
    *("cases/test_cases_moves.py", "cases/test_cases_objected.py", "cases/test_cases_resting.py"),
    *("explain/test_explain_fault.py", "intake/test_intake_check_gaps.py", "intake/test_intake_doubts.py"),
    *("intake/test_intake_readmit_profiled.py", "reports/test_reports_listed.py"),
    *("crash/test_commands.py", "faults/test_bad_input.py", "faults/test_odd_deliveries.py", "faults/test_speech.py"),
    *("faults/test_usage.py", "e2e/test_repairs.py"),
)
# Files that build a long history for all their tests at once: one run leaves out the first, another the second.
TURNS = (
    (
        *("contracts/test_contracts_parity.py", "e2e/test_counts.py", "e2e/test_recalls.py"),
        *("scoring/test_scoring_answers.py",),
    ),
    (
        *("book/test_book_erase_recalled.py", "drift/test_drift.py", "e2e/test_recalls_absent.py"),
        *("e2e/test_vanishing.py", "golden/test_drift_of_samples.py"),
    ),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out one half of the tests of some files, and some files; what is asked for by name is run whole."""
    if os.environ.get("TEST_ALL") or any(".py" in asked for asked in config.args):
        return
    files = {item: item.nodeid.split("::")[0] for item in items}
    halved = [item for item, file in files.items() if file.endswith(HALVED)]
    out = {item for item in halved if crc32(f"{ROTATING_SEED} {item.nodeid}".encode()) % 2}
    out |= {item for item, file in files.items() if file.endswith(TURNS[ROTATING_SEED % 2])}
    config.hook.pytest_deselected(items=sorted(out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the rotating seed by name to whoever asks for it."""
    if "rotating_seed" in metafunc.fixturenames:
        metafunc.parametrize("rotating_seed", [ROTATING_SEED], ids=[f"seed{ROTATING_SEED}"], scope="session")


@pytest.fixture(scope="session")
def sample_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of the sample nights, run with two threads; for reading alone."""
    from golden.render import run_samples  # noqa: PLC0415 - most runs need no such book

    return run_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="session", autouse=True)
def _known_answers_are_asked_once() -> Iterator[None]:
    """Let nights of equal rules and profiles ask the known-answer persons once: most tests are about something else.

    Nights that are run as processes of their own ask every time, and so do the tests of ``unit/known_answers``.
    """
    remembered: dict[object, Answered] = {}

    def once(files: Iterable[DeliveredFile], *, rules: Rulebook, **rest: Any) -> Answered:
        given = list(files)
        words = {(f.feed, f.profile.name, f.profile.source.model_dump_json()) for f in given}
        judging = tuple(rule.sha256 for rule in rules.in_force)
        key = (judging, frozenset(words))
        if key not in remembered:
            remembered[key] = check_known_answers(given, rules=rules, **rest)
        return remembered[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(night, "check_known_answers", once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_lost_with_the_machine() -> Iterator[None]:
    """Let no test wait for a disk: what a flush is for is asked where processes are killed (``faults/crash``).

    Commands that run as processes of their own flush as ever, and a test may put its own flush in this one's place.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        yield


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of the collector's rounds: thousands of tests that stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A house with an empty book and the shipped reference tables."""
    return Place(tmp_path).made()
