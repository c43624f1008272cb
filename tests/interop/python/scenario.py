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


def share(create, produce, join):
    """Two members share four partitions, one leaves, the other takes over, and a third goes on where they stopped.

    `create()` makes the topic, `produce(partition, values)` writes, `join()` returns a member with `assigned` (a set), `got` (a list)
    and `leave()`. Returns the first member.
    """
    create()
    for partition in range(4):
        produce(partition, [b"%d-%d" % (partition, i) for i in range(20)])
    first = join()
    until(lambda: len(first.assigned) == 4 and len(first.got) == 80, "everything by the first member")
    second = join()
    until(lambda: len(first.assigned) == 2 and len(second.assigned) == 2, "two partitions each")
    equal(first.assigned | second.assigned, {0, 1, 2, 3}, "the partitions of both")
    for partition in range(4):
        produce(partition, [b"both"])
    until(lambda: (first.got + second.got).count(b"both") == 4, "records while both are members")
    first.leave()
    until(lambda: len(second.assigned) == 4, "all partitions after the other left")
    for partition in range(4):
        produce(partition, [b"last"])
    until(lambda: second.got.count(b"last") == 4, "records after the other left")
    second.leave()
    third = join()
    until(lambda: len(third.assigned) == 4, "a later member")
    produce(3, [b"later"])
    until(lambda: b"later" in third.got, "a record for the later member")
    equal(third.got, [b"later"], "what the later member read")
    third.leave()
    return first


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
