"""A slow, plain second implementation of SPEC sections 3 to 6, for the tests to compare with.

It is written from SPEC.md alone and shares no code with the program: where both agree, two readers of
the page agree. One loop per thing, dictionaries, no cleverness.
"""

from reference.judge import NightResult, ReferenceBook

__all__ = ["NightResult", "ReferenceBook"]
