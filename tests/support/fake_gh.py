#!/usr/bin/env python3
"""Stands where an action calls `gh api`: answers with the pages in $PAGES, and keeps in $SENT what would be written.

$PAGES: {endpoint: [page, ...]}, or {endpoint: path of a file} for bytes.
"""

import json
import os
import sys
from pathlib import Path

import jq

assert sys.argv[1] == "api"
assert os.environ["GH_TOKEN"] == "a token"
given: dict[str, list[str]] = {"endpoint": []}
words = iter(sys.argv[2:])
for word in words:
    if word in ("--method", "-f", "-F", "--jq"):
        given.setdefault(word, []).append(next(words))
    elif word in ("--paginate", "--silent"):
        given[word] = []
    else:
        given["endpoint"].append(word)
(endpoint,) = given["endpoint"]
(method,) = given.get("--method", ["GET"])
if method == "GET":
    with Path(os.environ["ASKED"]).open("a") as file:
        file.write(json.dumps([endpoint, given.get("-f", [])]) + "\n")
    answer = json.loads(Path(os.environ["PAGES"]).read_text())[endpoint]
    if isinstance(answer, str):
        sys.stdout.buffer.write(Path(answer).read_bytes())
    for page in answer if isinstance(answer, list) else []:
        for found in jq.compile(given["--jq"][0]).input_value(page).all():
            print(found)
else:
    (field,) = given["-F"]
    assert field.startswith("body=@")
    with Path(os.environ["SENT"]).open("a") as file:
        file.write(json.dumps([method, endpoint, Path(field[6:]).read_text()]) + "\n")
