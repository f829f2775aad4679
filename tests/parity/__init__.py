"""The program beside the slow reference, night for night."""
