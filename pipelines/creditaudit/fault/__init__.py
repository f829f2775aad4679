"""The fault lane: what was the institution's duty, could it know, did it check, and what that indicates (SPEC 7)."""
