"""What is read from outside, given bytes that nobody meant (``make fuzz``; the corpus is replayed with every run)."""
