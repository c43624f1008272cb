#!/usr/bin/env python3
"""How much of the rooms the simulator reaches, by itself: lines of src/wal, src/log and src/coord that chronik-sim ran.

    tests/sim/coverage.py                  the worlds below; a line per file and room
    tests/sim/coverage.py --seeds 100      more worlds
    tests/sim/coverage.py --missing FILE   shows the lines of FILE (a part of its path) that no world reached

Needs chronik-sim of the build `coverage` (./dev coverage makes it). Exit code 1 if a room is below the bound.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("wal", "log", "coord")
BOUND = 85.0


def run_worlds(program, directory, first, seeds, seconds, world):
    """One process; its counts go into a file of its own."""
    profile = directory / f"{first}.profraw"
    words = [program, "--seed", str(first), "--seeds", str(seeds), "--seconds", str(seconds), "--world", world, "--quiet",
             "--no-shrink"]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"LLVM_PROFILE_FILE": str(profile)})
    if done.returncode != 0:
        print(done.stdout[-4000:], done.stderr[-2000:])
    return done.returncode == 0, profile


def room_of(path):
    parts = Path(path).relative_to(ROOT / "src").parts
    return parts[0] if parts[0] in ROOMS else None


def measured(program, profile):
    """Lines (reached, all) by file, of what is compiled into the program."""
    done = subprocess.run(["llvm-cov-19", "export", "-summary-only", f"-instr-profile={profile}", program],
                          capture_output=True, text=True, check=True)
    files = {}
    for file in json.loads(done.stdout)["data"][0]["files"]:
        path = file["filename"]
        if path.startswith(str(ROOT / "src") + "/") and room_of(path):
            files[str(Path(path).relative_to(ROOT / "src"))] = (file["summary"]["lines"]["covered"],
                                                               file["summary"]["lines"]["count"])
    return files


def print_table(files):
    """True if every room is above the bound."""
    good = True
    for room in ROOMS:
        mine = {name: counts for name, counts in sorted(files.items()) if name.startswith(room + "/")}
        reached, lines = (sum(counts[i] for counts in mine.values()) for i in (0, 1))
        share = 100.0 * reached / max(lines, 1)
        for name, (got, of) in mine.items():
            print(f"  {name:<32} {got:>5} of {of:>5}  {100.0 * got / max(of, 1):6.1f} %")
        print(f"{room:<34} {reached:>5} of {lines:>5}  {share:6.1f} %{'' if share >= BOUND else f'  below {BOUND} %'}")
        good = good and share >= BOUND
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/coverage/bin/chronik-sim"))
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--seconds", type=int, default=60, help="simulated, under faults, for each seed")
    parser.add_argument("--world", default="all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--missing", metavar="FILE", help="of the last measurement, without running anything")
    options = parser.parse_args()
    directory = Path(options.program).resolve().parent.parent / "profiles"
    merged = directory / "all.profdata"

    if options.missing:
        sources = [str(path) for path in sorted((ROOT / "src").rglob("*")) if options.missing in str(path)]
        shown = subprocess.run(["llvm-cov-19", "show", f"-instr-profile={merged}", options.program, *sources],
                               capture_output=True, text=True, check=True).stdout
        print("\n".join(line for line in shown.splitlines() if line.endswith(":") or "|      0|" in line))
        return 0

    directory.mkdir(exist_ok=True)
    for old in directory.glob("*.prof*"):
        old.unlink()
    share = max(1, options.seeds // (options.jobs * 2))
    starts = range(options.seed, options.seed + options.seeds, share)
    end = options.seed + options.seeds

    def run(first):
        return run_worlds(options.program, directory, first, min(share, end - first), options.seconds, options.world)

    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(run, starts))
    profiles = [str(profile) for _, profile in results if profile.exists()]
    subprocess.run(["llvm-profdata-19", "merge", "-sparse", "-o", str(merged), *profiles], check=True)
    print(f"lines reached by {options.seeds} worlds from seed {options.seed}, {options.seconds} simulated seconds each:")
    good = print_table(measured(options.program, merged))
    passed = all(ok for ok, _ in results)
    if not passed:
        print("some worlds failed")
    return 0 if good and passed else 1


if __name__ == "__main__":
    sys.exit(main())
