"""Whether the tests of touched-only nights would see it if somebody who is touched were forgotten.

    cd tests && python -m property.mutants [--histories N] [NAME …]

Each mutant is the program without one way by which a night finds out who is touched (SPEC 2). First the unit tests of
``audit/touched.py`` are run on it, then, where they pass, random histories with fixed seeds, until one fails. A mutant
that nothing catches is printed as survived, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "pipelines"
UNIT = "tests/unit/audit/test_audit_touched.py"
HISTORIES = "tests/property/test_histories.py"
SEED = 7


@dataclass(frozen=True)
class Mutant:
    """One text of the program that is replaced by another; it stands in its file exactly once."""

    name: str
    file: str
    text: str
    other: str = ""

    @property
    def path(self) -> Path:
        """The file below the source root."""
        return Path("creditaudit") / self.file

    def made(self, source: str) -> str:
        """Return the text of the file with the mutation."""
        if source.count(self.text) != 1:
            raise LookupError(f"{self.name}: the text stands {source.count(self.text)} times in {self.file}")
        return source.replace(self.text, self.other)


_TOUCHED, _SCOPE, _EVERYONE = "audit/touched.py", "audit/scope.py", "audit/everyone.py"

MUTANTS = (
    Mutant("persons of replaced rows", _TOUCHED, '("changed", "replaced"))', '("changed",))'),
    Mutant("persons of quarantined rows", _TOUCHED, '"quarantined_numbers" in changes.changed', "False"),
    Mutant(
        "persons of readmitted rows",
        _TOUCHED,
        '"readmitted_rows" in changes.changed:  # a number that hides no more',
        "False:",
    ),
    Mutant("inquiries that have waited", _TOUCHED, "for days in changes.waits:", "for days in ():"),
    Mutant(
        "accounts of tonight's openings, checks and objections",
        _TOUCHED,
        'for table in ("openings", "opening_changes", "verifications", "objections")',
        "for table in ()",
    ),
    Mutant(
        "accounts that a check or an objection named before",
        _TOUCHED,
        'for table in ("verifications", "objections")',
        "for table in ()",
    ),
    Mutant("tonight's renames", _TOUCHED, 'if "account_renames" in changes.changed:', "if False:"),
    Mutant(
        "ends of replaced renames",
        _TOUCHED,
        '        parts.append(f"{ends} replaced_account_renames")\n',
        "        pass\n",
    ),
    Mutant(
        "renames that begin by date",
        _TOUCHED,
        'return [*parts, *(f"{side} standing_account_renames{begins}" for side in (starts, ends))]',
        "return [*parts, *(begins and () or ())]",
    ),
    Mutant(
        "accounts of a check's session",
        _TOUCHED,
        'return [_openings_of("touched_sessions", "provider_code", "session_id")] if found else []',
        "return [] if found else []",
    ),
    Mutant(
        "accounts of an impostor's handler number",
        _TOUCHED,
        'return [_openings_of("touched_handlers", "handler_id_norm")]',
        "return []",
    ),
    Mutant(
        "impostors that were another number",
        _TOUCHED,
        " UNION SELECT id_norm FROM replaced_impostors",
        "",
    ),
    Mutant("full issuances files", _TOUCHED, "        if rules:\n", "        if not rules:\n"),
    Mutant(
        "full verifications files",
        _TOUCHED,
        "\" WHERE d.feed = 'verifications' AND d.provider_code = f.provider_code)\"\n        )\n    if",
        "\" WHERE d.feed = 'verifications' AND FALSE)\"\n        )\n    if",
    ),
    Mutant(
        "retention that ends by date",
        _TOUCHED,
        """return f"COALESCE({' OR '.join(windows)}, FALSE)\"""",
        'return "FALSE" if windows else "FALSE"',
    ),
    Mutant(
        "accounts that reach a touched one",
        _SCOPE,
        '"SELECT l.code FROM links AS l WHERE l.target IN (SELECT code FROM backward_codes)"',
        '"SELECT l.code FROM links AS l WHERE 1 = 0"',
    ),
    Mutant(
        "accounts joined by a rename with a touched one",
        _SCOPE,
        '        found = _with_parts(engine, "backward_codes")\n',
        "        found = 0\n",
    ),
    Mutant(
        "other persons of renamed accounts",
        _SCOPE,
        '"SELECT person FROM renamed_people WHERE part IN (SELECT part FROM scope_parts)"',
        '"SELECT person FROM renamed_people WHERE 1 = 0"',
    ),
    Mutant(
        "renamed accounts of the persons",
        _SCOPE,
        '"SELECT part FROM renamed_people WHERE person IN (SELECT person FROM scope_people)"',
        '"SELECT part FROM renamed_people WHERE 1 = 0"',
    ),
    Mutant("rows of renamed codes in the narrow pass", _SCOPE, " UNION SELECT code FROM rename_parts"),
    Mutant(
        "accounts that the judged ones reach",
        _SCOPE,
        '"SELECT DISTINCT target AS code FROM links WHERE person IN (SELECT person FROM scope_people)"',
        '"SELECT DISTINCT target AS code FROM links WHERE 1 = 0"',
    ),
    Mutant(
        "accounts that those reach",
        _SCOPE,
        '"SELECT l.target AS code FROM links AS l WHERE l.code IN (SELECT code FROM context_codes)"',
        '"SELECT l.target AS code FROM links AS l WHERE 1 = 0"',
    ),
    Mutant(
        "institutions that begin or end",
        _EVERYONE,
        'if _institutions_change(read(judging.reference, "institutions"), book.last, judging.night):',
        "if False:",
    ),
    Mutant(
        "changed reference tables",
        _EVERYONE,
        "for table in sorted(set(REFERENCE) - _ADDRESSES):",
        "for table in ():",
    ),
)


def _fails(mutant: Mutant, test: str, histories: int) -> bool:
    """Run tests on a copy of the program with the mutation; says whether they failed."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "pipelines"
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        path = copy / mutant.path
        path.write_text(mutant.made(path.read_text(encoding="utf-8")), encoding="utf-8")
        more = {"PYTHONPATH": str(copy), "CREDITAUDIT_TEST_SEED": str(SEED)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test],
            cwd=REPOSITORY,
            env={**os.environ, **more, "CREDITAUDIT_TEST_HISTORIES": str(histories)},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{mutant.name}: the tests did not run\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def main() -> int:
    """Print one line per mutant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=60, help="random histories that a mutant must survive")
    parser.add_argument("names", nargs="*", help="only these mutants")
    given = parser.parse_args()
    survived = 0
    for mutant in MUTANTS:
        if given.names and mutant.name not in given.names:
            continue
        by = "a unit test" if _fails(mutant, UNIT, 0) else None
        if by is None and given.histories and _fails(mutant, HISTORIES, given.histories):
            by = "a history"
        survived += by is None
        sys.stdout.write(f"{'caught by ' + by if by else 'SURVIVED':24} without {mutant.name}\n")
        sys.stdout.flush()
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
