"""Files with exactly one damaged row: each damage, in each column, at several places, in each dialect."""
