"""P3 and P4: how long an acknowledgement and a delivery take, against one sync of the same disk."""

import shutil

from harness import Row, median, spread
from throughput import volume_note, wal_setting


def percentiles(result, key="latency_us"):
    return result[key]["p50"], result[key]["p99"]


def pair_text(pairs):
    return f"p50 {median([p[0] for p in pairs]):.0f} µs, p99 {median([p[1] for p in pairs]):.0f} µs"


def ratio_text(ours, peer):
    return " / ".join(spread([a[i] / b[i] for a, b in zip(ours, peer)]) for i in (0, 1))


def within(ours, peer, limit_p50, limit_p99):
    fifty, ninety_nine = (median([a[i] / b[i] for a, b in zip(ours, peer)]) for i in (0, 1))
    return fifty <= limit_p50 and ninety_nine <= limit_p99


def p3(bench):
    """Publish latency at half the maximum rate, open loop, 1 to 10,000 partitions."""
    seconds = 3 if bench.quick else 6
    for partitions in (1, 1000, 10000):
        for client, flags in (("librdkafka", []), ("raw client", ["--raw-client"])):
            disk = bench.fresh_dir("p3-raw")
            kept = {"half": [], "calm": [], "raw": []}
            written = 0
            data = bench.fresh_dir("p3")
            with bench.start(data, wal_setting(bench)) as server:
                def publish(*words):
                    nonlocal written
                    result = bench.load(server, "p3", "produce", "--create-topic", "--partitions", partitions, "--size", 1024,
                                        "--seconds", seconds, *flags, *words)
                    written += result["acked"]
                    return result

                half = int(median([publish()["records_per_s"] for _ in range(3)]) / 2)
                bench.alternate([
                    (kept["half"], lambda _: percentiles(publish("--rate", half), "publish_latency_us")),
                    (kept["calm"], lambda _: percentiles(publish("--rate", 1000), "publish_latency_us")),
                    (kept["raw"], lambda _: percentiles(bench.run("raw", "sync", "--dir", disk, "--size", 4096, "--seconds", 3)))])
            shutil.rmtree(data)  # tens of gigabytes
            note = volume_note(written * 1024)
            for name, label in (("half", f"{half:,} rec/s (half the maximum)"), ("calm", "1,000 rec/s")):
                yield Row("P3", f"publish, {partitions:,} partitions, {client}, {label}{note}", pair_text(kept[name]),
                          f"raw sync {pair_text(kept['raw'])}", ratio_text(kept[name], kept["raw"]), "–", "≤ 2 / ≤ 3, flat",
                          within(kept[name], kept["raw"], 2, 3) if name == "half" else None, kept)


def p4(bench):
    """Publish to poll at 1,000 rec/s, against one sync and one loop-back round trip."""
    seconds = 3 if bench.quick else 10
    ours, peer = [], []
    disk = bench.fresh_dir("p4-raw")
    with bench.start(bench.fresh_dir("p4")) as server:
        def end_to_end(_):
            result = bench.load(server, "p4", "e2e", "--create-topic", "--partitions", 1, "--rate", 1000, "--seconds", seconds)
            return percentiles(result, "end_to_end_latency_us")

        def floor(_):
            sync = percentiles(bench.run("raw", "sync", "--dir", disk, "--size", 4096, "--seconds", 3))
            trip = percentiles(bench.run("raw", "rtt", "--seconds", 1))
            return sync[0] + trip[0], sync[1] + trip[1]

        bench.alternate([(ours, end_to_end), (peer, floor)])
    return [Row("P4", "publish to poll, 1,000 rec/s", pair_text(ours), f"raw sync + round trip {pair_text(peer)}",
                ratio_text(ours, peer), "–", "≤ 2", within(ours, peer, 2, 2), {"ours": ours, "raw": peer})]
