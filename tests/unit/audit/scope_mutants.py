"""The ways by which a night finds out who is touched (SPEC 2), each left out in turn: what a test must notice."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

TOUCHED, SCOPE = "creditaudit.audit.touched", "creditaudit.audit.scope"


@dataclass(frozen=True)
class Mutant:
    """One text of a module, which stands there exactly once, and what stands there instead.

    ``scene`` notices it (``test_audit_scope.SCENES``); None: the renamed rows do.
    """

    scene: str | None
    name: str
    module: str
    text: str
    other: str = ""

    def made(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        """Return the module with the mutation, under a name of its own."""
        file = import_module(self.module).__file__
        assert file is not None
        source = Path(file).read_text(encoding="utf-8")
        assert source.count(self.text) == 1, f"{self.name}: the text stands {source.count(self.text)} times"
        made = ModuleType(f"{self.module}_mutant")
        monkeypatch.setitem(sys.modules, made.__name__, made)
        exec(compile(source.replace(self.text, self.other), file, "exec"), made.__dict__)  # noqa: S102
        return made


MUTANTS = (
    Mutant(
        "a row that went to another person",
        "persons of replaced rows",
        TOUCHED,
        '("changed", "replaced"))',
        '("changed",))',
    ),
    Mutant(
        "a person of tonight's rows",
        "persons of tonight's rows",
        TOUCHED,
        "        if feed in changes.changed\n",
        "        if feed is None\n",
    ),
    Mutant(
        "a number in a quarantined row",
        "persons of quarantined rows",
        TOUCHED,
        '"quarantined_numbers" in changes.changed',
        "False",
    ),
    Mutant(
        "a number that hides no more",
        "persons of readmitted rows",
        TOUCHED,
        '"readmitted_rows" in changes.changed:  # a number that hides no more',
        "False:",
    ),
    Mutant(
        "an inquiry that has waited 90 days since last night",
        "inquiries that have waited",
        TOUCHED,
        "for days in changes.waits:",
        "for days in ():",
    ),
    Mutant(
        "an opening",
        "accounts of tonight's openings, checks and objections",
        TOUCHED,
        'named = ("openings", "opening_changes", "verifications", "objections")',
        "named = ()",
    ),
    Mutant(
        "a check that went to another account",
        "accounts that a check or an objection named before",
        TOUCHED,
        'for table in ("verifications", "objections")',
        "for table in ()",
    ),
    Mutant(
        "a rename that led elsewhere",
        "tonight's renames",
        TOUCHED,
        'if "account_renames" in changes.changed:',
        "if False:",
    ),
    Mutant(
        "a rename that led elsewhere",
        "ends of replaced renames",
        TOUCHED,
        'parts.append(f"{ends} replaced_account_renames")',
        "pass",
    ),
    Mutant(
        "renames of which one begins tonight",
        "renames that begin by date",
        TOUCHED,
        "for side in (starts, ends))]",
        "for side in ())]",
    ),
    Mutant(
        "a check that went to another session",
        "accounts of a check's session",
        TOUCHED,
        '[_openings_of("touched_sessions", "provider_code", "session_id")] if found',
        "[] if found",
    ),
    Mutant(
        "a check that went to another session",
        "sessions that a check named before",
        TOUCHED,
        " UNION SELECT provider_code, session_id FROM replaced_verifications WHERE session_id IS NOT NULL",
    ),
    Mutant(
        "an impostor who was another number",
        "accounts of an impostor's handler number",
        TOUCHED,
        '[_openings_of("touched_handlers", "handler_id_norm")]',
        "[]",
    ),
    Mutant(
        "an impostor who was another number",
        "impostors that were another number",
        TOUCHED,
        " UNION SELECT id_norm FROM replaced_impostors",
    ),
    Mutant(
        "a full issuances file",
        "full issuances files",
        TOUCHED,
        "        if rules:\n",
        "        if not rules:\n",
    ),
    Mutant(
        "a full verifications file",
        "full verifications files",
        TOUCHED,
        "(SELECT 1 FROM changed_full_deliveries AS d\"\n            \" WHERE d.feed = 'verifications' AND",
        "(SELECT 1 FROM changed_full_deliveries AS d\"\n            \" WHERE d.feed = 'verifications' AND FALSE AND",
    ),
    Mutant(
        "a repaired gap of a full verifications file",
        "repaired gaps of full verifications files",
        TOUCHED,
        "r.replaces_file = d.file\"\n            \" WHERE d.feed = 'verifications' AND",
        "r.replaces_file = d.file\"\n            \" WHERE d.feed = 'verifications' AND FALSE AND",
    ),
    Mutant(
        "five years that end tonight",
        "retention that ends by date",
        TOUCHED,
        "join(windows)}, FALSE)",
        "join(windows)}, FALSE) AND FALSE",
    ),
    Mutant(
        "what renames join with a touched one, whether contradicted or not",
        "rows of renamed codes in the narrow pass",
        SCOPE,
        " UNION SELECT code FROM rename_parts",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "settlement links",
        SCOPE,
        "FROM reach WHERE settles IS NOT NULL",
        "FROM reach WHERE 1 = 0",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "links to originals",
        SCOPE,
        "FROM reach WHERE comes_from IS NOT NULL",
        "FROM reach WHERE 1 = 0",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "codes of touched persons",
        SCOPE,
        " UNION SELECT code FROM reach WHERE is_moved",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "accounts that reach a touched one",
        SCOPE,
        "FROM links AS l WHERE l.target IN (SELECT code FROM backward_codes)",
        "FROM links AS l WHERE 1 = 0",
    ),
    Mutant(
        "an account that leads to the old code of a touched one",
        "codes joined with a touched one",
        SCOPE,
        '_with_parts(engine, "backward_codes")',
        "0",
    ),
    Mutant(
        "five years that end tonight",
        "persons by the date alone",
        SCOPE,
        " UNION SELECT person FROM reach WHERE closes",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "persons of those who reach a touched one",
        SCOPE,
        " UNION SELECT person FROM reach WHERE code IN (SELECT code FROM backward_codes)",
    ),
    Mutant(
        "what renames join with another account of one who leads to a touched one",
        "other persons of renamed accounts",
        SCOPE,
        "FROM renamed_people WHERE part IN (SELECT part FROM scope_parts)",
        "FROM renamed_people WHERE 1 = 0",
    ),
    Mutant(
        "what renames join with another account of one who leads to a touched one",
        "renamed accounts of the persons",
        SCOPE,
        "FROM renamed_people WHERE person IN (SELECT person FROM scope_people)",
        "FROM renamed_people WHERE 1 = 0",
    ),
    Mutant(
        "what renames join with an account that is reached",
        "accounts that the judged ones reach",
        SCOPE,
        "FROM links WHERE person IN (SELECT person FROM scope_people)",
        "FROM links WHERE 1 = 0",
    ),
    Mutant(
        "accounts that reach a touched one, and those that it reaches",
        "accounts that those reach",
        SCOPE,
        "FROM links AS l WHERE l.code IN (SELECT code FROM context_codes)",
        "FROM links AS l WHERE 1 = 0",
    ),
    Mutant(
        "what renames join with an account that is reached",
        "codes joined with an account that is reached",
        SCOPE,
        '_with_parts(engine, "context_codes")',
        "0",
    ),
    Mutant(
        None,
        "renamed codes without being read",
        SCOPE,
        " UNION ALL SELECT code, FALSE AS is_context FROM rename_parts",
    ),
)
