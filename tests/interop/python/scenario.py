"""What the Python programs share: `run(globals())` calls the scenario that the command line names, and says how it went."""

import asyncio
import sys
import time
import traceback


class Lacks(Exception):
    """The client has no such feature; the text says which."""


def expect(condition, why):
    if not condition:
        raise AssertionError(why)


def equal(got, wanted, what):
    expect(got == wanted, f"{what}: got {str(got)[:150]}, wanted {str(wanted)[:150]}")


def until(event, what, seconds=30):
    end = time.monotonic() + seconds
    while not event():
        expect(time.monotonic() < end, f"{what} not within {seconds} s")
        time.sleep(0.02)


def judge_load(acknowledged, read, idempotent):
    """`acknowledged` and `read`: lists of numbers by partition. In order, nothing acknowledged lost, no duplicate if idempotent."""
    again = 0
    for partition, wanted in acknowledged.items():
        got = read.get(partition, [])
        first = list(dict.fromkeys(got))
        again += len(got) - len(first)
        expect(first == sorted(first), f"partition {partition} is out of order")
        lost = set(wanted) - set(got)
        expect(not lost, f"partition {partition} lost {len(lost)} acknowledged records, first {min(lost, default=0)}")
    expect(not (idempotent and again), f"{again} duplicates from an idempotent producer")
    return f"{sum(map(len, acknowledged.values()))} acknowledged and read, {again} again"


def run(functions):
    """argv: SCENARIO ADDRESS SECONDS. A scenario `load` of a program is called with the seconds too."""
    name, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    try:
        scenario = functions[name]
        said = scenario(address, seconds) if name == "load" else scenario(address)
        if asyncio.iscoroutine(said):
            said = asyncio.run(said)
    except Lacks as lacks:
        print(lacks, flush=True)
        sys.exit(3)
    except BaseException as failure:
        traceback.print_exc()
        print(f"{type(failure).__name__}: {failure}".splitlines()[0], flush=True)
        sys.exit(1)
    print(said or "ok", flush=True)
