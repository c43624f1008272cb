"""The scenarios with kcat, on Debian's librdkafka (C). It makes topics by asking for them, with the broker's `num.partitions`."""

import base64
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import scenario  # noqa: E402
from scenario import Lacks, equal, expect, until  # noqa: E402

PARTITIONS = 4  # as run.py sets it


def kcat(address, *args, input="", check=True):
    done = subprocess.run(["kcat", "-b", address, *map(str, args)], input=input, capture_output=True, text=True, timeout=40, check=False)
    expect(not check or done.returncode == 0, f"kcat {' '.join(map(str, args))}: {done.stderr[-300:]}")
    return done.stdout if check else done


def produce(address, topic, lines, *more, partition=0):
    kcat(address, "-P", "-t", topic, "-p", partition, *more, input="".join(f"{line}\n" for line in lines))


def consume(address, topic, *more, partition=0):
    start = [] if "-o" in more else ["-o", "beginning"]
    return kcat(address, "-C", "-q", "-e", "-t", topic, "-p", partition, *start, *more).splitlines()


def codecs(address):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        sent = [f"{codec} {i} {'x' * 50}" for i in range(500)]
        produce(address, f"codecs-{codec}", sent, "-z", codec)
        equal(consume(address, f"codecs-{codec}"), sent, codec)
    return "none, gzip, snappy, lz4, zstd"


def large(address):
    value = base64.b64encode(os.urandom(675_000)).decode()
    produce(address, "large", [value])
    expect(consume(address, "large") == [value], "the large record came back changed")
    larger = base64.b64encode(os.urandom(1_125_000)).decode()
    done = kcat(address, "-P", "-t", "large", "-p", 0, "-X", "message.max.bytes=3000000", input=larger + "\n", check=False)
    expect("Message size too large" in done.stderr, f"1.5 MB: {done.returncode} {done.stderr[-200:]}")
    return "900 KB passed, 1.5 MB: Broker: Message size too large"


def headers(address):
    produce(address, "headers", ["v"], "-H", "a=1", "-H", "b=", "-H", "a=2", "-H", "c")
    equal(consume(address, "headers", "-f", "%h %s\n"), ["a=1,b=,a=2,c=NULL v"], "headers")


def nulls(address):
    produce(address, "nulls", ["~no key", "no value~", "~", "key~value"], "-K", "~", "-Z")
    equal(consume(address, "nulls", "-f", "%K %k %S %s\n"), ["-1  6 no key", "8 no value -1 ", "-1  -1 ", "3 key 5 value"], "lengths and text")
    return "without empty keys and values, for which kcat has no notation beside null"


def idempotent(address):
    sent = [str(i) for i in range(5000)]
    produce(address, "idempotent", sent, "-X", "enable.idempotence=true", "-X", "batch.num.messages=50")
    equal(consume(address, "idempotent"), sent, "records")


def transactions(_):
    raise Lacks("kcat has no transactions")


def positions(address):
    produce(address, "positions", range(50))
    time.sleep(0.05)
    middle = int(time.time() * 1000)
    time.sleep(0.05)
    produce(address, "positions", range(50, 100))
    equal(consume(address, "positions"), [str(i) for i in range(100)], "from the beginning")
    equal(consume(address, "positions", "-o", 57)[0], "57", "from offset 57")
    equal(consume(address, "positions", "-o", f"s@{middle}")[0], "50", "from a timestamp")
    equal(consume(address, "positions", "-o", -3), ["97", "98", "99"], "the last three")
    equal(kcat(address, "-Q", "-t", f"positions:0:{middle}").split()[-1], "50", "offset of a timestamp")


class Member:
    """kcat -G, which says on standard error what is assigned."""

    def __init__(self, address, topic, *more):
        self.assigned, self.changes, self.got = set(), [], []
        self._process = subprocess.Popen(["kcat", "-b", address, "-u", "-X", "auto.offset.reset=earliest", "-X", "heartbeat.interval.ms=200",
                                          "-X", "session.timeout.ms=10000", *more, "-G", topic, topic],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self.got.append(line.rstrip("\n").encode())

    def _watch(self):
        for line in self._process.stderr:
            if "rebalanced" not in line:
                continue
            partitions = {int(found) for found in re.findall(r"\[(\d+)\]", line)}
            if re.search("assigned:|incremental assignment", line):
                self.changes.append(("gain", sorted(partitions)))  # first: who waits for the partitions looks here next
                self.assigned |= partitions
            elif re.search("revoked:|incremental revoke", line):
                self.changes.append(("lose", sorted(partitions)))  # first: who waits for the partitions looks here next
                self.assigned -= partitions

    def leave(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


def make_topic(address, topic):
    until(lambda: f"with {PARTITIONS} partitions" in kcat(address, "-L", "-t", topic, "-X", "allow.auto.create.topics=true"), f"topic {topic}")


def share(address, topic, *more):
    return scenario.share(lambda: make_topic(address, topic),
                          lambda partition, sent: produce(address, topic, [value.decode() for value in sent], partition=partition),
                          lambda: Member(address, topic, *more))


def group(address):
    share(address, "group")


def cooperative(address):
    first = share(address, "cooperative", "-X", "partition.assignment.strategy=cooperative-sticky")
    lost = [partitions for change, partitions in first.changes if change == "lose" and partitions]
    equal(len(lost[0]), 2, f"partitions given away when the second joined ({first.changes})")


def static(address):
    make_topic(address, "static")
    stays, goes = (Member(address, "static", "-X", f"group.instance.id={name}") for name in ("stays", "goes"))
    until(lambda: len(stays.assigned) == 2 and len(goes.assigned) == 2, "two partitions each")
    had, changes = set(goes.assigned), list(stays.changes)
    goes.leave()
    back = Member(address, "static", "-X", "group.instance.id=goes")
    until(lambda: len(back.assigned) == 2, "its partitions again")
    equal(back.assigned, had, "partitions after coming back")
    equal(stays.changes, changes, "changes of the other member")
    back.leave()
    stays.leave()


def protocol848(_):
    raise Lacks("Debian's librdkafka 2.0 is older than KIP-848")


def metadata(_):
    raise Lacks("kcat commits no metadata")


def admin(_):
    raise Lacks("kcat administers nothing but listing")


def errors(address):
    unknown = kcat(address, "-C", "-e", "-t", "nowhere", "-p", 0, "-X", "allow.auto.create.topics=false", "-X",
                   "topic.metadata.propagation.max.ms=100", check=False)
    expect("Unknown topic" in unknown.stderr, f"unknown topic: {unknown.stderr[-200:]}")
    make_topic(address, "errors")
    partition = kcat(address, "-P", "-t", "errors", "-p", 9, input="x\n", check=False)
    expect("Unknown partition" in partition.stderr, f"unknown partition: {partition.stderr[-200:]}")
    return "without bad configuration, which kcat cannot ask for"


def load(address, seconds):
    make_topic(address, "load")
    # -E: it would end, by itself, when the one broker is gone.
    producer = subprocess.Popen(["kcat", "-b", address, "-E", "-P", "-t", "load", "-p", "0", "-X", "enable.idempotence=true", "-X", "linger.ms=5"],
                                stdin=subprocess.PIPE, text=True)
    print("go", flush=True)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        producer.stdin.write(f"{number}\n")
        producer.stdin.flush()
        number += 1
        time.sleep(0.0005)
    producer.stdin.close()
    equal(producer.wait(60), 0, "kcat's exit code, 0 if all was acknowledged")
    return scenario.judge_load({0: list(range(number))}, {0: [int(line) for line in consume(address, "load")]}, True)


scenario.run(globals())
