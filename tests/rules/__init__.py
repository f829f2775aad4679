"""Rules: their cases, their lint, their loader, and mutants of every text that judges."""
