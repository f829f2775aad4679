"""Flags credit accounts opened after the holder reported the resident ID card lost.

The command line (``creditaudit --help``) is the public surface; ``creditaudit.night`` shows the order of
the stages. Importing this package loads no engine.
"""

__version__ = "0.1.0"
