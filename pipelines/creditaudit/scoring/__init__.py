"""The order of the queue: features of candidates, a frozen additive model, and the formula without one (SPEC 7.4)."""
