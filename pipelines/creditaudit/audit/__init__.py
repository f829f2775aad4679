"""Sift, notices, lineage, and the rules that run on them."""
