"""C1 to C10: the goals of the embedded checkpoint store, LangGraph's SQLite saver beside its own, what encryption costs."""

import json
import shutil
import subprocess
import sys

from harness import ROOT, Failure, Row, median, rate, spread

MB = 1_000_000
MILLION = 1_000_000
GOALS = {"C1": 5.0, "C2": 50_000, "C3": 100.0, "C4": 500_000, "C5": 5 * MB, "C6": 100.0}
SAVERS = ["langgraph-checkpoint-sqlite==3.1.0", "langgraph-checkpoint==4.3.2"]


def operation(bench, name, *words):
    return bench.run("checkpoints", name, *words)


def filled(bench, name, count):
    data = bench.fresh_dir(name)
    made = operation(bench, "fill", "--dir", data, "--count", count)
    return data, made


def c1(bench):
    """create() in memory, 1 KB."""
    count = 50_000 if bench.quick else 300_000
    took = []
    bench.alternate([(took, lambda _: operation(bench, "create", "--backend", "memory", "--count", count)["us_each"])])
    return [Row("C1", "create, memory, 1 KB", f"{spread(took)} µs", "–", "–", "≤ 5 µs", "–", median(took) <= GOALS["C1"], {"us": took})]


def c2(bench):
    """create() of 1 KB by 32 threads, each waiting until it is durable; beside it what the disk takes for one sync."""
    count = 16_000 if bench.quick else 160_000
    made, one, disk = [], [], []
    raw = bench.fresh_dir("c2-raw")

    def create(threads, total):
        data = bench.fresh_dir("c2")
        try:
            return operation(bench, "create", "--dir", data, "--threads", threads, "--count", total)
        finally:
            shutil.rmtree(data)

    bench.alternate([
        (made, lambda _: create(32, count)), (one, lambda _: create(1, count // 32)),
        (disk, lambda _: bench.run("raw", "sync", "--dir", raw, "--size", 4096, "--seconds", 2)["latency_us"]["p50"])])
    per_s = [run["per_s"] for run in made]
    single = [run["p50_us"] for run in one]
    return [
        Row("C2", "create, durable, 1 KB, 32 threads", f"{spread(per_s, '{:,.0f}')}/s, {median([r['cpu_us_each'] for r in made]):.0f} µs of "
            "processor each", f"one sync of the disk: p50 {spread(disk, '{:.0f}')} µs", "–", "≥ 50,000/s", "–",
            median(per_s) >= GOALS["C2"], {"runs": made}),
        Row("C2", "the same, 1 thread", f"p50 {spread(single, '{:.0f}')} µs", f"one sync of the disk: p50 {median(disk):.0f} µs",
            spread([a / b for a, b in zip(single, disk)]), "–", "–", None, {"runs": one})]


def c3(bench):
    """The newest 100 of 100,000, after opening again."""
    data, _ = filled(bench, "c3", 100_000)
    runs = []
    bench.alternate([(runs, lambda _: operation(bench, "list", "--dir", data, "--count", 100_000))])
    took = [run["p50_us"] for run in runs]
    return [Row("C3", "list the newest 100 of 100,000", f"p50 {spread(took, '{:.0f}')} µs, first {median([r['first_us'] for r in runs]):.0f} µs",
                "–", "–", "≤ 100 µs", "–", median(took) <= GOALS["C3"], {"runs": runs})]


def c4(bench):
    """C4, C6, C7, C8: a million checkpoints in one session."""
    count = MILLION // (10 if bench.quick else 1)
    data, made = filled(bench, "c4", count)
    opened, exported, paged = [], [], []
    on = ("--dir", data, "--count", count)
    bench.alternate([(opened, lambda _: operation(bench, "open", *on)), (exported, lambda _: operation(bench, "export", *on)),
                     (paged, lambda _: operation(bench, "page", *on))])
    per_s = [run["per_s"] for run in exported]
    took = [run["ms"] for run in opened]
    growth = max(run["resident_max_kb"] - run["resident_before_kb"] for run in paged) / 1024
    pruned = operation(bench, "prune", *on)
    yield Row("C4", f"export of {count:,}", f"{spread(per_s, '{:,.0f}')}/s", "–", "–", "≥ 500,000/s", "–", median(per_s) >= GOALS["C4"],
              {"runs": exported})
    yield Row("C6", f"open {count:,} in one session ({made['disk_bytes'] / MB:.0f} MB, in the page cache)",
              f"{spread(took, '{:.0f}')} ms, {median([r['resident_kb'] for r in opened]) / 1024:.0f} MiB resident", "–", "–", "< 100 ms", "–",
              median(took) < GOALS["C6"], {"runs": opened, "fill": made})
    yield Row("C7", f"page through them, 1,000 a page ({rate(median([r['per_s'] for r in paged]))}/s)",
              f"resident memory +{growth:.1f} MiB at most", "–", "–", "constant", "–", growth <= 8, {"runs": paged})
    after = pruned["disk_bytes_after"] / MB
    yield Row("C8", f"prune to 1,000 of {count:,}, {pruned['seconds']:.1f} s: `du`",
              f"{pruned['disk_bytes_before'] / MB:.0f} → {after:.1f} MB open, {pruned['disk_bytes_closed'] / MB:.2f} MB closed",
              "–", "–", "bytes are back", "–", pruned["disk_bytes_closed"] < 2 * MB, pruned)


def c5(bench):
    """500 steps of a state of 400 KB that grows by 100 bytes and has 1,000 replaced, incompressible."""
    data = bench.fresh_dir("c5")
    made = operation(bench, "steps", "--dir", data, "--count", 500)
    return [Row("C5", "500 steps of a growing 400 KB state, 1 KB changed: `du`", f"{made['disk_bytes'] / MB:.2f} MB (open: "
                f"{made['disk_bytes_open'] / MB:.1f} MB with the write-ahead log)", f"as given: {made['given_bytes'] / MB:.0f} MB",
                f"{made['disk_bytes'] / made['given_bytes']:.3f}", "≤ 5 MB", "–", made["disk_bytes"] <= GOALS["C5"], made)]


def savers_python(bench):
    """A Python with both savers, in build/: langgraph-checkpoint-sqlite from PyPI and the wheel of this tree."""
    wheels = sorted((ROOT / "build" / "python").glob("chronik-*.whl")) if not bench.options.wheel else [bench.options.wheel]
    if not wheels:
        raise Failure("no wheel of clients/python: ./dev build python, or --wheel FILE")
    venv = ROOT / "build" / "venv-savers"
    python = venv / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True, timeout=120)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *SAVERS], check=True, capture_output=True,
                       text=True, timeout=600)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--force-reinstall", wheels[-1]],
                       check=True, capture_output=True, text=True, timeout=120)
    except subprocess.CalledProcessError as failed:
        raise Failure(f"installing the savers failed: {str(failed.stderr).strip().splitlines()[-1:]}") from failed
    return python


def c9(bench):
    """LangGraph's two savers through their common interface, each put durable."""
    python = savers_python(bench)
    steps = 50 if bench.quick else 500
    sides = {"chronik": [], "sqlite": [], "sqlite-full": []}

    def run(side):
        data = bench.fresh_dir(f"c9-{side}")
        command = [python, ROOT / "bench" / "saver.py", side, data, str(steps)]
        bench.note(["python3", *command[1:]])
        done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
        shutil.rmtree(data)
        if done.returncode != 0:
            raise Failure(f"saver.py {side}: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        return json.loads(done.stdout)

    bench.alternate([(kept, lambda _, side=side: run(side)) for side, kept in sides.items()])
    ours = sides["chronik"]
    for side in ("sqlite", "sqlite-full"):
        theirs = sides[side]
        name = f"SqliteSaver {theirs[0]['version']}, synchronous={theirs[0]['synchronous']}" + (" (its default)" if side == "sqlite" else "")
        for key, what, form in (("put_ms", f"put, p50 of {steps} steps of a growing 400 KB state, 1 KB changed", "{:.2f}"),
                                ("get_ms", "get_tuple of any of them, p50", "{:.2f}"),
                                ("list_ms", "list, 100 of them", "{:.1f}"),
                                ("disk_mb", "`du`, closed", "{:.2f}")):
            unit = "MB" if key == "disk_mb" else "ms"
            a, b = [run[key] for run in ours], [run[key] for run in theirs]
            yield Row("C9", what, f"ChronikSaver {spread(a, form)} {unit}", f"{name}: {spread(b, form)} {unit}",
                      spread([x / y for x, y in zip(a, b)], "{:.3f}"), "–", "–", None, {"ours": ours, "theirs": theirs})


def c10(bench):
    """The same work on a store that is encrypted and on one that is not."""
    count, steps = (16_000, 50) if bench.quick else (64_000, 500)
    sides = {(): [], ("--encrypted",): []}

    def run(flags):
        data, other = bench.fresh_dir("c10"), bench.fresh_dir("c10-steps")
        try:
            made = operation(bench, "create", "--dir", data, "--threads", 32, "--count", count, *flags)
            grown = operation(bench, "steps", "--dir", other, "--count", steps, *flags)
        finally:
            shutil.rmtree(data)
            shutil.rmtree(other)
        return {"per_s": made["per_s"], "cpu_us": made["cpu_us_each"], "step_ms": grown["seconds"] * 1e3 / steps,
                "disk_mb": grown["disk_bytes"] / MB}

    bench.alternate([(kept, lambda _, flags=flags: run(flags)) for flags, kept in sides.items()])
    plain, sealed = sides.values()
    for key, what, form, unit in (("per_s", "create, durable, 1 KB, 32 threads", "{:,.0f}", "/s"), ("cpu_us", "processor time of each", "{:.0f}", " µs"),
                                  ("step_ms", "a step of a growing 400 KB state", "{:.2f}", " ms"), ("disk_mb", "`du` of them", "{:.2f}", " MB")):
        a, b = [one[key] for one in sealed], [one[key] for one in plain]
        yield Row("C10", what, f"encrypted {spread(a, form)}{unit}", f"not {spread(b, form)}{unit}",
                  spread([x / y for x, y in zip(a, b)], "{:.2f}"), "–", "–", None, {"encrypted": sealed, "plain": plain})
