"""Why an account is flagged or cleared, and what would change it."""

from creditaudit.explain.account import explain_account

__all__ = ["explain_account"]
