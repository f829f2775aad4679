"""What a night does when something is wrong."""
