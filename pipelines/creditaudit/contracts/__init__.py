"""The contract of every feed: expectation suites in Great Expectations' own JSON, run by the engine (SPEC 3.4).

The suites speak of the typed rows as the night accepted them, after keys are resolved (``intake/<feed>/``). What
refuses a file or quarantines a row is decided before, in the intake. An expectation of severity ``critical`` verifies
that the intake kept its word; one of severity ``warning`` is a warning of tier 3; ``info`` is only recorded. Nothing
here decides a finding.
"""
