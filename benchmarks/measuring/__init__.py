"""What ``night_bench.py`` and ``render.py`` are made of."""
