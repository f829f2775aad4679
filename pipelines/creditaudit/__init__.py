"""Flags credit accounts opened after the holder reported the resident ID card lost.

The command line (``creditaudit --help``) is the public surface; ``creditaudit.night`` shows the order of
the stages; ``creditaudit.open_book`` reads a book as it was. Importing this package loads no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from creditaudit.as_of import open_book

__all__ = ["__version__", "open_book"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load what reads a book on first use."""
    if name == "open_book":
        return import_module("creditaudit.as_of").open_book
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
