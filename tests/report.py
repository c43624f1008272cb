"""Adds up the JUnit files that ctest wrote, names what failed or was skipped, ends with one line of totals."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

LAST_LINES = 12


def reason_of(case):
    """Why a test was skipped: our system tests print `skipped: reason`, GoogleTest the GTEST_SKIP message."""
    output = case.findtext("system-out") or ""
    found = re.search(r"^skipped: (.*)$", output, re.M) or re.search(r": Skipped\n(.+)\n", output)
    return found.group(1) if found else "no reason given"


def why_failed(case):
    """What a failed test said last: its first lines scrolled by long ago."""
    lines = [line[:200] for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    return "".join(f"\n    {line}" for line in lines[-LAST_LINES:])


def main(paths):
    passed, failed, skipped = 0, [], []
    for path in map(Path, paths):
        if not path.exists():  # ctest died before it wrote anything
            failed.append(f"{path.stem}: ctest left no results")
            continue
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            name = f"{path.stem}: {case.get('name')}"
            if case.get("status") == "run":
                passed += 1
            elif case.find("skipped") is not None:
                # Only a test that said so itself is skipped; one that was disabled or could not start has failed.
                message = case.find("skipped").get("message") or ""
                if message.startswith("SKIP_"):
                    skipped.append(f"{name} ({reason_of(case)})")
                else:
                    failed.append(f"{name}: {message or 'not run'}")
            elif case.get("status") == "disabled":
                failed.append(f"{name}: disabled; skip it with a reason instead")
            else:
                failed.append(name + why_failed(case))
    for name in skipped:
        print(f"skipped  {name}")
    for name in failed:
        print(f"FAILED   {name}")
    if passed + len(failed) + len(skipped) == 0:
        print("no test has such a name")
        return 1
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
