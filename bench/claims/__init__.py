"""The textbook claims, one per file: where it is from, what is run for it, and the criterion fixed beforehand."""
