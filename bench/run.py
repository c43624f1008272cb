#!/usr/bin/env python3
"""Measures of docs/performance.md, as ratios taken in one run: prints a Markdown table with the exact commands.

    bench/run.py                    all measures
    bench/run.py P1 P2              some
    bench/run.py checkpoints        the checkpoint store's: C1 to C10 (C4 includes C6 to C8; C9 needs ./dev build python)
    bench/run.py --kafka P6 P7      with Apache Kafka beside (bench/kafka_reference.sh)

Both sides alternate, five rounds at least, medians; what was acknowledged is read back in the same run. Exit code 1 when a
run failed or did not reconcile, and with --gate also when a gate was missed.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from checkpoints import c1, c2, c3, c4, c5, c9, c10
from footprint import p6, p7, p8, p9, p11
from harness import ROOT, Bench, Failure
from latency import p3, p4
from reading import p10, p12
from throughput import p1, p2

MEASURES = {"P1": p1, "P2": p2, "P3": p3, "P4": p4, "P6": p6, "P7": p7, "P8": p8, "P9": p9, "P10": p10, "P11": p11, "P12": p12}
CHECKPOINTS = {"C1": c1, "C2": c2, "C3": c3, "C4": c4, "C5": c5, "C9": c9, "C10": c10}


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", metavar="Pn", help=f"of {', '.join(MEASURES | CHECKPOINTS)}, checkpoints (default: {', '.join(MEASURES)})")
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds of each measure (default 5)")
    parser.add_argument("--quick", action="store_true", help="short runs, to try the script; not for figures")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", help="build directory (default build/release)")
    parser.add_argument("--dir", type=Path, default=ROOT / "build" / "bench-data", help="scratch directory on the disk to measure")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="server setting; may be repeated")
    parser.add_argument("--server", help="measure this command instead of chronik-server; {dir} and {port} are filled in")
    parser.add_argument("--kafka", action="store_true", help="take Apache Kafka as the peer in P6 and P7")
    parser.add_argument("--kafka-dir", type=Path, help="an unpacked Kafka to use for --kafka (default: fetched)")
    parser.add_argument("--p9-gb", type=float, default=10, help="data before the kill in P9 (default 10)")
    parser.add_argument("--wheel", type=Path, help="of clients/python, for C9 (default: the one in build/python)")
    parser.add_argument("--json", type=Path, help="also write everything to this file")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a gate is missed")
    options = parser.parse_args(words)
    asked = [name.upper() for name in options.measures] or list(MEASURES)
    options.measures = [each for name in asked for each in (CHECKPOINTS if name == "CHECKPOINTS" else [name])]
    known = MEASURES | CHECKPOINTS
    for name in options.measures:
        if name not in known:
            parser.error(f"no such measure: {name} (there are {', '.join(known)})")
    if options.rounds < 5 and not options.quick:
        parser.error("figures need --rounds 5 or more (--quick allows fewer)")
    if options.kafka_dir:
        options.kafka = True
        os.environ["KAFKA_DIR"] = str(options.kafka_dir.resolve())
    served = any(name in MEASURES for name in options.measures)
    needed = ["chronik-bench"] + (["chronik-server"] if served and not options.server else [])
    for program in needed:
        if not (options.build / "bin" / program).exists():
            parser.error(f"{options.build / 'bin' / program} is missing: build it first")
    return options


def environment(options):
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    file_system = subprocess.run(["stat", "-f", "-c", "%T", str(options.dir)], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return {"load_average": os.getloadavg()[0], "commit": commit, "cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory), "kernel": platform.release(),
            "file_system": file_system, "rounds": options.rounds, "settings": options.set}


def verdict(row):
    return "–" if row.ok is None else "yes" if row.ok else "**no**"


def markdown(machine, rows, failures, bench):
    settings = f", settings {' '.join(machine['settings'])}" if machine["settings"] else ""
    lines = [f"Commit {machine['commit']}; {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, "
             f"Linux {machine['kernel']}, {machine['file_system']}; medians of {machine['rounds']} paired rounds (lowest–highest)"
             f"{settings}; load average before the start {machine['load_average']:.1f}." + (f" The server is `{bench.options.server}`." if bench.options.server else ""), "",
             f"| # | Measure | {'The server' if bench.options.server else 'Chronik'} | Against | Ratio | Gate | Aim | Met |",
             "|---|---|---|---|---|---|---|---|"]
    lines += [f"| {r.measure} | {r.what} | {r.ours} | {r.against} | {r.ratio} | {r.gate} | {r.aim} | {verdict(r)} |" for r in rows]
    lines += [f"| {name} | failed: {why} | | | | | | **no** |" for name, why in failures.items()]
    for name, commands in bench.commands.items():
        lines += ["", f"{name}:", "```", *commands, "```"]
    return "\n".join(lines)


def main():
    options = parse(sys.argv[1:])
    options.dir.mkdir(parents=True, exist_ok=True)
    machine = environment(options)
    if machine["load_average"] > 1:
        print(f"warning: load average {machine['load_average']:.1f}: something else is running, latencies will show its "
              "time slices", file=sys.stderr)
    bench = Bench(options)
    rows, failures = [], {}
    for name in options.measures:
        print(f"{name} ...", file=sys.stderr, flush=True)
        bench.measure = name
        try:
            for row in (MEASURES | CHECKPOINTS)[name](bench):
                rows.append(row)
                print(f"  {row.what}: {row.ours} | {row.against} | {row.ratio}", file=sys.stderr, flush=True)
        except (Failure, subprocess.SubprocessError, OSError) as why:
            failures[name] = str(why)
            print(f"  failed: {why}", file=sys.stderr, flush=True)
        for scratch in bench.work.glob(f"{name.lower()}-*"):
            shutil.rmtree(scratch, ignore_errors=True)
    print(markdown(machine, rows, failures, bench))
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "rows": [vars(row) for row in rows], "failures": failures,
                                            "commands": bench.commands}, indent=1, ensure_ascii=False) + "\n")
    missed = options.gate and any(row.ok is False and row.gate != "–" for row in rows)
    return 1 if failures or missed else 0


if __name__ == "__main__":
    sys.exit(main())
