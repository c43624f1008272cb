#!/usr/bin/env python3
"""Shows that the simulator finds bugs: each canary (base/canary.h) must be caught.

    tests/sim/canaries.py                 replays the recorded catching seed of each (canaries.json beside this file)
    tests/sim/canaries.py --search [N]    searches N seeds (default 200) for each, and records what it finds

Needs chronik-sim of the build `canary` (./dev build canary chronik-sim), or --program.
"""

import argparse
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORD = HERE / "canaries.json"
SECONDS = 30  # simulated, for each seed


def names():
    text = (ROOT / "src/base/canary.h").read_text()
    return [name for name in re.findall(r'^    "(\w+)",$', text, re.M) if name != "none"]


def run(program, canary, seed):
    """How the run ended: None if nothing was noticed, else the property (or the signal) that gave the bug away."""
    # Every fourth world is a calm one: among many faults, a wake-up that is missing is soon made up for.
    faults = "2.5" if seed % 4 else "0.05"
    done = subprocess.run([program, "--canary", canary, "--seed", str(seed), "--seeds", "1", "--seconds", str(SECONDS),
                           "--faults", faults, "--quiet", "--no-shrink"], capture_output=True, text=True, timeout=300)
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"signal {-done.returncode}"
    found = re.search(r"^  \[([\w ]+)\]", done.stdout, re.M)
    if not found:
        raise SystemExit(f"canaries: {done.stdout}{done.stderr}")
    return found[1]


def search(program, canary, seeds):
    for seed in range(1, seeds + 1):
        caught = run(program, canary, seed)
        if caught:
            return {"seed": seed, "property": caught}
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/canary/bin/chronik-sim"))
    parser.add_argument("--search", type=int, nargs="?", const=200, metavar="N")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("canary", nargs="*", help="only these")
    options = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    chosen = options.canary or names()

    def one(canary):
        if options.search:
            return canary, search(options.program, canary, options.search)
        known = record.get(canary)
        caught = known and run(options.program, canary, known["seed"])
        return canary, caught and {"seed": known["seed"], "property": caught}

    passed = failed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for canary, caught in pool.map(one, chosen):
            if caught:
                passed += 1
                record[canary] = caught
                print(f"{canary}: caught by seed {caught['seed']} ({caught['property']})", flush=True)
            else:
                failed += 1
                print(f"{canary}: NOT caught", flush=True)
    if options.search:
        RECORD.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
