"""P6 to P9 and P11: start, memory, creation, recovery, idleness. Absolute figures; Apache Kafka beside them if asked."""

import subprocess
import time

from harness import ROOT, Failure, Row, median, spread

SETTLE_S = 3
KAFKA = str(ROOT / "bench" / "kafka_reference.sh")


def p6(bench):
    """From the start of the process, on an empty directory, to the first acknowledged record."""
    ours, peer = [], []
    for _ in range(bench.rounds):
        data = bench.fresh_dir("p6")
        ours.append(bench.run("first-ack", "--", *bench.server_command(data))["acked_ms"])
        if bench.options.kafka:
            peer.append(kafka_first_ack(bench))
    against = f"Apache Kafka {median(peer):,.0f} ms" if peer else "–"
    ratio = spread([b / a for a, b in zip(ours, peer)], "{:.0f}") + " × faster" if peer else "–"
    return [Row("P6", "process start to first acknowledged record, empty directory", spread(ours, "{:.1f}") + " ms", against,
                ratio, "≤ 100 ms", "≤ 50 ms; ≥ 20 × faster", median(ours) <= 100, {"ours": ours, "kafka": peer})]


def kafka_first_ack(bench):
    data, port = bench.fresh_dir("p6-kafka") / "node", bench.free_port()
    subprocess.run([KAFKA, "format", str(data), str(port)], check=True)  # not counted
    return bench.run("first-ack", "--connect", f"127.0.0.1:{port}", "--", KAFKA, "run", data)["acked_ms"]


def p7(bench):
    """Resident memory: idle, then with 1,000 and 10,000 partitions that hold nothing."""
    figures = {"idle": [], "1,000": [], "10,000": []}
    for _ in range(bench.rounds if bench.quick else 5):
        with bench.start(bench.fresh_dir("p7")) as server:
            time.sleep(SETTLE_S)
            figures["idle"].append(server.resident_mib())
            for name, partitions in (("1,000", 1000), ("10,000", 9000)):
                bench.load(server, f"p7-{partitions}", "create-topic", "--partitions", partitions)
                time.sleep(SETTLE_S)
                figures[name].append(server.resident_mib())
    peer = "–"
    if bench.options.kafka:
        with bench.start_kafka(bench.fresh_dir("p7-kafka") / "node") as kafka:
            time.sleep(SETTLE_S)
            peer = f"Apache Kafka {kafka.resident_mib():,.0f} MiB"
    each = [(b - a) * 1024 / 10000 for a, b in zip(figures["idle"], figures["10,000"])]
    return [
        Row("P7", "resident memory, idle", spread(figures["idle"], "{:.1f}") + " MiB", peer, "–", "≤ 30 MiB", "≤ 20 MiB",
            median(figures["idle"]) <= 30, figures),
        Row("P7", "resident memory, 1,000 / 10,000 partitions",
            f"{median(figures['1,000']):.1f} / {median(figures['10,000']):.1f} MiB", "–", "–", "–", "–"),
        Row("P7", "resident memory per idle partition", spread(each, "{:.1f}") + " KiB", "–", "–", "–", "≤ 4 KiB", None, {"kib": each})]


def p8(bench):
    """One CreateTopics of 1,000 partitions, until metadata names a leader for each."""
    times = []
    with bench.start(bench.fresh_dir("p8")) as server:
        for number in range(bench.rounds):
            times.append(bench.load(server, f"p8-{number}", "create-topic", "--partitions", 1000)["all_led_ms"])
    return [Row("P8", "create a topic with 1,000 partitions", spread(times, "{:.0f}") + " ms", "–", "–", "≤ 1 s", "≤ 200 ms",
                median(times) <= 1000, {"ours": times})]


def p9(bench):
    """Kill -9 right after a load, restart on the same directory, time to the next acknowledged record; then count."""
    for gigabytes in sorted({0.2, bench.options.p9_gb}):
        data = bench.fresh_dir("p9")
        times, expected, uncertain = [], 0, 0
        volume = gigabytes * 1e9
        for round_number in range(bench.rounds):
            # Most of the data first; then each kill finds a full write-ahead log.
            records = int((volume * 0.9 if round_number == 0 else volume * 0.1 / max(1, bench.rounds - 1)) / 1024)
            server = bench.start(data)
            try:
                expected += bench.load(server, "p9", "produce", "--create-topic", "--partitions", 1, "--size", 1024, "--records",
                                       records, "--verify-offsets")["acked"]
            finally:
                server.kill()
            restarted = bench.run("first-ack", "--topic", "p9", "--", *bench.server_command(data))
            times.append(restarted["acked_ms"])
            expected += 1
            uncertain += restarted["uncertain"]
        with bench.start(data) as server:
            found = bench.load(server, "p9", "consume")["records"]
        if not expected <= found <= expected + uncertain:
            raise Failure(f"{expected} records were acknowledged, but after {bench.rounds} kills {found} are there")
        gated = gigabytes == bench.options.p9_gb
        yield Row("P9", f"restart after kill -9 with {gigabytes:g} GB, to the first acknowledged record",
                        spread(times, "{:.0f}") + " ms", f"all {found:,} records there", "–", "measured", "≤ 1 s, any size",
                        median(times) <= 1000 if gated else None, {"ours": times})


def p11(bench):
    """Voluntary context switches of all threads over 10 s, nothing connected."""
    for partitions in (0, 1000):
        rates = []
        with bench.start(bench.fresh_dir("p11")) as server:
            if partitions:
                bench.load(server, "p11", "create-topic", "--partitions", partitions)
                bench.load(server, "p11", "produce", "--records", partitions)
            time.sleep(SETTLE_S * 2)
            for _ in range(min(bench.rounds, 3)):
                rates.append(server.wakeups_per_s(2 if bench.quick else 10))
        yield Row("P11", f"idle wake-ups per second, {partitions:,} partitions", spread(rates, "{:.1f}"), "–", "–",
                        "≤ 10" if partitions else "–", "≤ 10", median(rates) <= 10 if partitions else None, {"per_s": rates})
