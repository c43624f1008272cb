"""The differences that are as they should be: differences.json, with the reason of each, and its table in
docs/compatibility.md.

A row: {"api", "steps": pattern on labels, "path": pattern, "what": the difference in words, "why": its reason}, and, if it
is to be mended, "mend": true. Patterns are those of file names.
"""

import json
from pathlib import Path

import script

HERE = Path(__file__).resolve().parent


def rows():
    return json.loads((HERE / "differences.json").read_text(encoding="utf-8"))


def listing(value):
    return value if isinstance(value, list) else [value]


def covers(row, label, path):
    return (any(script.matches(pattern, label) for pattern in listing(row["steps"])) and
            any(script.matches(pattern.replace("[", "[[]"), path) for pattern in listing(row["path"])))


def judge(differences, scenarios):
    """(differences that are not listed, rows that no longer occur although their scenario ran)."""
    known = rows()
    used = set()
    unlisted = []
    for difference in differences:
        label, _, _, path, _, _ = difference
        hits = [index for index, row in enumerate(known) if covers(row, label, path)]
        used.update(hits)
        if not hits:
            unlisted.append(difference)
    gone = []
    for index, row in enumerate(known):
        ran = all(any(script.matches(name, pattern.split("/")[0]) or script.matches(pattern.split("/")[0], name) for name in scenarios)
                  for pattern in listing(row["steps"]))
        if index not in used and ran:
            gone.append(row)
    return unlisted, gone


def merged(differences):
    """The same difference at several versions, once: -> its versions."""
    found = {}
    for label, api, version, path, theirs, ours in differences:
        found.setdefault((label, api, path, json.dumps(theirs), json.dumps(ours)), []).append(version)
    return found
