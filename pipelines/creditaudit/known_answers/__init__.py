"""Known-answer records: synthetic persons whom every night judges beside the delivered ones (SPEC 11)."""

from __future__ import annotations

from creditaudit.known_answers.check import Answered, KnownAnswerError, WrongAnswer, check_known_answers

__all__ = ["Answered", "KnownAnswerError", "WrongAnswer", "check_known_answers"]
