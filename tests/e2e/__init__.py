"""Whole nights: what is published, what leaks, what is true."""
