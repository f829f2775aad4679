"""What must not change a sealed byte."""
