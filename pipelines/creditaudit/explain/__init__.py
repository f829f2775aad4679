"""Why an account is flagged or cleared, and what would change it."""

from creditaudit.explain.account import explain_account
from creditaudit.explain.recalled import recalls_of_case
from creditaudit.explain.render import spoken
from creditaudit.explain.value import Explanation

__all__ = ["Explanation", "explain_account", "recalls_of_case", "spoken"]
