"""Synthetic deliveries with the truth beside them, for samples, tests and benchmarks. No real person is in them."""

from creditaudit.synth.desk import DeskSummary, generate_desk
from creditaudit.synth.generator import SynthSummary, generate

__all__ = ["DeskSummary", "SynthSummary", "generate", "generate_desk"]
