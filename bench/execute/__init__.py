"""Runs cells in worker processes."""
