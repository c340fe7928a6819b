"""Runs in the formats of other tools: a file here is a format, found by existing, as tasks and architectures are.

A file `my_tool.py` declares `FORMAT = Format(...)` and is the format `my-tool`. What it imports beyond archbench's own
requirements it imports on top: it is loaded when it is asked for, and a package that is missing is one line.
"""
