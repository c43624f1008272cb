"""P1 and P2: how much is acknowledged as durable, against peers that do less."""

from harness import Row, median, rate, spread

MIB = 1 << 20
WAL_CAP = 256 * MIB  # wal.max.bytes, its default
CAP_TIMES = 4  # P1-P3 write at least so many times the WAL cap, so that flushing is included


def wal_setting(bench):
    return [] if bench.options.server else [f"wal.max.bytes={WAL_CAP}"]


def volume_note(written):
    """For the table: whether enough was written that the write-ahead log wrapped around. `written`: bytes."""
    times = written / WAL_CAP
    return "" if round(times, 2) >= CAP_TIMES else f" (only {times:.1f} × the WAL cap written)"


def p1(bench):
    """Durable produce, one partition, librdkafka, acks=all, against librdkafka's in-memory mock with the same settings."""
    for size, volume in ((100, 512 * MIB), (1024, 1024 * MIB)):
        records = (volume // (2 if bench.quick else 1)) // size
        words = ["produce", "--records", records, "--size", size, "--acks", "all"]
        ours, peer = [], []
        data = bench.fresh_dir("p1")
        with bench.start(data, wal_setting(bench)) as server, bench.start_mock("p1:1") as mock:
            bench.alternate([
                (ours, lambda number: bench.load(server, f"p1-{size}-{number}", *words, "--create-topic",
                                                 "--partitions", 1)["records_per_s"]),
                (peer, lambda number: bench.load(mock, "p1", *words, "--verify-offsets")["records_per_s"])])
        ratios = [a / b for a, b in zip(ours, peer)]
        note = volume_note(records * size * bench.rounds)
        yield Row("P1", f"durable produce, 1 partition, {size} B{note}", f"{rate(median(ours))} rec/s",
                  f"mock (memory) {rate(median(peer))} rec/s", spread(ratios), "≥ 0.8", "≥ 0.9",
                  median(ratios) >= 0.8, {"ours": ours, "mock": peer})


def p2(bench):
    """One 1 KB record to each partition per round, everything durable; against the disk without a broker."""
    seconds = 2 if bench.quick else 5
    for partitions in (100, 1000):
        kept = {"raw client": [], "librdkafka": [], "shared": [], "per-file": []}
        written = 0
        disk = bench.fresh_dir("p2-raw")
        with bench.start(bench.fresh_dir("p2"), wal_setting(bench)) as server:
            def produce(name, *more):
                nonlocal written
                result = bench.load(server, f"p2-{name}", "produce", "--create-topic", "--partitions", partitions, "--size",
                                    1024, "--seconds", seconds, "--one-per-partition-per-round", *more)
                written += result["acked"]
                return result["records_per_s"]

            def raw(command, *words):
                return bench.run("raw", command, "--dir", disk, "--size", 1024, "--seconds", seconds, *words)["records_per_s"]

            bench.alternate([
                (kept["raw client"], lambda _: produce("raw", "--raw-client")), (kept["librdkafka"], lambda _: produce("rdkafka")),
                (kept["shared"], lambda _: raw("shared", "--partitions", partitions)),
                (kept["per-file"], lambda _: raw("per-file", "--files", partitions))])
        yield from p2_rows(partitions, kept, volume_note(written * 1024))


def p2_rows(partitions, kept, note):
    for client in ("raw client", "librdkafka"):
        for peer, aim, factor, gate in (("shared", "≥ 0.3", 0.3, None), ("per-file", "≥ 10", 10.0, 10.0)):
            ratios = [a / b for a, b in zip(kept[client], kept[peer])]
            # The gate is on one request per round, as the Java client sends it: librdkafka sends one per partition, and
            # its own cost is then what is measured.
            gated = gate is not None and partitions == 1000 and client == "raw client"
            yield Row("P2", f"1 record per partition per round, {partitions:,} partitions, {client}{note}",
                            f"{rate(median(kept[client]))} rec/s", f"raw {peer} file {rate(median(kept[peer]))} rec/s",
                            spread(ratios), f"≥ {gate:.0f}" if gated else "–", aim if peer == "shared" or partitions == 1000 else "–",
                            median(ratios) >= gate if gated else None, {"ours": kept[client], peer: kept[peer]})
