"""What every client is put through. A client's program takes `SCENARIO HOST:PORT SECONDS`, prints one line of reason last,
and ends with 0 (passed), 3 (the client itself lacks it; the line says what) or anything else (failed).

`load` is special: once the program prints `go`, the driver kills the broker with SIGKILL half-way and starts it again.
"""

from dataclasses import dataclass

LACKS = 3


@dataclass(frozen=True)
class Scenario:
    name: str
    what: str
    deadline_s: float = 60.0


SCENARIOS = [
    Scenario("codecs", "produces with no codec, gzip, snappy, lz4 and zstd, and reads every record back in order"),
    Scenario("large", "a record of 900 KB goes through; one above `max.message.bytes` is refused as too large, by the broker"),
    Scenario("headers", "headers with repeated keys, empty and null values come back in order"),
    Scenario("nulls", "null and empty keys and values stay what they were"),
    Scenario("idempotent", "an idempotent producer's records arrive once and in order"),
    Scenario("transactions", "commit, abort, commit: `read_committed` sees what was committed, nothing else"),
    Scenario("positions", "consumes from the beginning, from a timestamp, from an offset"),
    Scenario("group", "two members share the partitions; one leaves, the other takes over; commits are where the group goes on"),
    Scenario("static", "a static member comes back (KIP-345) and has its partitions again, without a rebalance of the others"),
    Scenario("cooperative", "`cooperative-sticky`: a member keeps what it does not have to give away while another joins"),
    Scenario("protocol848", "the same group over the new consumer protocol (KIP-848)"),
    Scenario("metadata", "a commit carries its metadata string and gives it back"),
    Scenario("admin", "creates, describes and alters a topic, adds partitions, deletes records, deletes the topic"),
    Scenario("errors", "unknown topic, existing topic, invalid partitions, bad configuration: each by its own error"),
    Scenario("load", "writes and reads while the broker is killed and restarted: what was acknowledged is read, in order, "
             "none twice if the producer is idempotent", 100.0),
]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
