"""Crash safety: killed, refused by the file system and doubled, a night is as before or as after (SPEC 9)."""
