"""Flags credit accounts opened after the holder reported the resident ID card lost.

The command line (``creditaudit --help``) is the public surface; ``creditaudit.night`` shows the order of
the stages; ``creditaudit.open_book`` reads a book as it was. Importing this package loads no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from creditaudit.as_of import open_book
    from creditaudit.case_view import shown_rows
    from creditaudit.explain.account import explain_account
    from creditaudit.trial import rule_cases, try_rule

__all__ = ["__version__", "explain_account", "open_book", "rule_cases", "shown_rows", "try_rule"]
__version__ = "0.1.0"

# Where each name of the public surface lives: loaded on first use.
_HOMES = {
    "open_book": "creditaudit.as_of",
    "explain_account": "creditaudit.explain.account",
    "shown_rows": "creditaudit.case_view",
    "try_rule": "creditaudit.trial",
    "rule_cases": "creditaudit.trial",
}


def __getattr__(name: str) -> Any:
    """Load what reads a book on first use."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
