"""One side of C9: a LangGraph saver, steps of a growing state, each put durable; prints one JSON object.

    saver.py chronik|sqlite|sqlite-full DIR STEPS

sqlite is SqliteSaver as from_conn_string() gives it; sqlite-full sets PRAGMA synchronous=FULL on its connection.
"""

import contextlib
import importlib.metadata
import json
import random
import statistics
import string
import sys
import time
from pathlib import Path

STATE = 400_000
CHANGE = 1_000
GROWTH = 100
LETTERS = string.ascii_letters + string.digits
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}


@contextlib.contextmanager
def opened(side, data):
    if side == "chronik":
        from chronik.langgraph import ChronikSaver
        with ChronikSaver.from_conn_string(str(data)) as saver:
            yield saver, "every put is synced", importlib.metadata.version("chronik")
        return
    from langgraph.checkpoint.sqlite import SqliteSaver
    with SqliteSaver.from_conn_string(str(data / "store.db")) as saver:
        saver.setup()
        if side == "sqlite-full":
            saver.conn.execute("PRAGMA synchronous=FULL")
        level = saver.conn.execute("PRAGMA synchronous").fetchone()[0]
        yield saver, SYNCHRONOUS[level], importlib.metadata.version("langgraph-checkpoint-sqlite")


def noise(count, chance):
    return "".join(chance.choices(LETTERS, k=count))


def timed(call, into):
    start = time.perf_counter()
    result = call()
    into.append((time.perf_counter() - start) * 1e3)
    return result


def main(side, data, steps):
    from langgraph.checkpoint.base import empty_checkpoint
    chance = random.Random(1)
    state = noise(STATE, chance)
    puts, gets, lists = [], [], []
    configs, kept = [], {}
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    with opened(side, data) as (saver, synchronous, version):
        for step in range(steps):
            at = chance.randrange(len(state) - CHANGE)
            state = state[:at] + noise(CHANGE, chance) + state[at + CHANGE:] + noise(GROWTH, chance)
            checkpoint = empty_checkpoint()
            checkpoint["channel_values"] = {"document": state, "step": step}
            checkpoint["channel_versions"] = {"document": step + 1, "step": step + 1}
            metadata = {"source": "loop", "step": step, "parents": {}}
            config = timed(lambda: saver.put(config, checkpoint, metadata, checkpoint["channel_versions"]), puts)
            configs.append(config)
            if step % 50 == 0:
                kept[step] = state
    with opened(side, data) as (saver, _, _):
        for step, wanted in kept.items():
            found = timed(lambda: saver.get_tuple(configs[step]), gets)
            if found.checkpoint["channel_values"] != {"document": wanted, "step": step}:
                raise SystemExit(f"step {step} came back as something else")
        thread = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        for _ in range(3):
            page = timed(lambda: list(saver.list(thread, limit=min(100, steps))), lists)
            if [one.metadata["step"] for one in page] != list(range(steps - 1, steps - 1 - len(page), -1)) or len(page) != min(100, steps):
                raise SystemExit("the list is not what was put")
        if len(list(saver.list(thread))) != steps:
            raise SystemExit("steps are missing")
    disk = sum(entry.stat().st_blocks * 512 for entry in data.rglob("*") if entry.is_file())
    print(json.dumps({"side": side, "version": version, "synchronous": synchronous, "steps": steps,
                      "put_ms": statistics.median(puts), "get_ms": statistics.median(gets), "list_ms": statistics.median(lists),
                      "disk_mb": disk / 1e6}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
