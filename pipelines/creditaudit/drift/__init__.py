"""What changed between two sealed nights, what caused it, who had been told what, and who must be told now (SPEC 9)."""

from __future__ import annotations

from creditaudit.drift.compare import drift
from creditaudit.drift.value import CAUSES, Drift

__all__ = ["CAUSES", "Drift", "drift"]
