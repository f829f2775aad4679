"""Spark beside DuckDB: the same text, the same answer (`make test-spark`)."""
