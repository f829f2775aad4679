"""Bytes to rows to typed cells to normalised columns, or quarantine."""
