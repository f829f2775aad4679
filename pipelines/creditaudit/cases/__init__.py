"""The matters that people work on, made of findings."""
