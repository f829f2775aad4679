"""The book: sealed nights, the chain of seals, keys, the inbox, the rows in force."""
