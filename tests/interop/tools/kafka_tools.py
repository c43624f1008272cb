"""The scenarios with Kafka's own command-line tools: what its bin/*.sh start, started from the jars.

usage: kafka_tools.py JARS SCENARIO HOST:PORT SECONDS
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

JARS = sys.argv.pop(1)
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import scenario  # noqa: E402
from scenario import Lacks, equal, expect, until  # noqa: E402

JAVA = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{JARS}/*"]
# Each as its script in Kafka's bin/ starts it.
TOPICS = "org.apache.kafka.tools.TopicCommand"
CONFIGS = "kafka.admin.ConfigCommand"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONSOLE_PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
CONSOLE_CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
DUMP_LOG = "kafka.tools.DumpLogSegments"
VERIFIABLE_PRODUCER = "org.apache.kafka.tools.VerifiableProducer"
VERIFIABLE_CONSUMER = "org.apache.kafka.tools.VerifiableConsumer"
PRODUCER_PERF = "org.apache.kafka.tools.ProducerPerformance"
CONSUMER_PERF = "org.apache.kafka.tools.ConsumerPerformance"
GET_OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
DELETE_RECORDS = "org.apache.kafka.tools.DeleteRecordsCommand"
LOG_DIRS = "org.apache.kafka.tools.LogDirsCommand"
TRANSACTIONS = "org.apache.kafka.tools.TransactionsCommand"
CLUSTER = "org.apache.kafka.tools.ClusterTool"
FEATURES = "org.apache.kafka.tools.FeatureCommand"
API_VERSIONS = "org.apache.kafka.tools.BrokerApiVersionsCommand"


def settings(**pairs):
    """A properties file."""
    with tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False) as file:
        file.writelines(f"{key.replace('_', '.')}={value}\n" for key, value in pairs.items())
    return file.name


def retrying():
    """The verifiable producer's own setting is not to retry, and hence not to be idempotent."""
    return ["--producer.config", settings(retries=1_000_000, enable_idempotence="true")]


def run(tool, *args, input="", fails=False):
    """What a tool printed; it must end well, unless it `fails` (then standard error counts too)."""
    done = subprocess.run([*JAVA, tool, *map(str, args)], input=input, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + (done.stderr if fails else "")
    expect(fails or done.returncode == 0, f"{tool} {' '.join(map(str, args))}: {(done.stderr or done.stdout)[-300:]}")
    return said


def at(address):
    return ["--bootstrap-server", address]


def create(address, topic, partitions=1, *more):
    run(TOPICS, *at(address), "--create", "--topic", topic, "--partitions", partitions, *more)


def produce(address, topic, lines, *more):
    run(CONSOLE_PRODUCER, *at(address), "--topic", topic, *more, input="".join(f"{line}\n" for line in lines))


def consume(address, topic, count, *more):
    """Lines; from the beginning unless --offset says otherwise."""
    start = [] if "--offset" in more else ["--from-beginning"]
    return run(CONSOLE_CONSUMER, *at(address), "--topic", topic, "--max-messages", count, "--timeout-ms", 20000, *start, *more).splitlines()


def codecs(address):
    create(address, "codecs", 1)
    wanted = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        sent = [f"{codec} {i} {'x' * 50}" for i in range(100)]
        produce(address, "codecs", sent, "--compression-codec", codec)
        wanted += sent
    equal(consume(address, "codecs", len(wanted)), wanted, "records")
    return "none, gzip, snappy, lz4, zstd"


def large(address):
    create(address, "large")
    props = ["--throughput", -1, "--num-records", 3, "--topic", "large", "--producer-props", f"bootstrap.servers={address}",
             "max.request.size=3000000"]
    run(PRODUCER_PERF, *props, "--record-size", 900_000)
    equal([len(line) for line in consume(address, "large", 3)], [900_000] * 3, "sizes")
    said = run(PRODUCER_PERF, *props, "--record-size", 1_500_000, fails=True)
    expect("RecordTooLargeException" in said, f"no RecordTooLargeException: {said[-200:]}")
    return "900 KB passed, 1.5 MB: RecordTooLargeException"


def headers(address):
    create(address, "headers")
    produce(address, "headers", ["a:1,b:,a:2\tv"], "--property", "parse.headers=true")
    equal(consume(address, "headers", 1, "--property", "print.headers=true"), ["a:1,b:,a:2\tv"], "headers")


def nulls(address):
    create(address, "nulls")
    produce(address, "nulls", ["NULL\tno key", "no value\tNULL", "NULL\tNULL", "\t", "key\tvalue"], "--property", "parse.key=true",
            "--property", "null.marker=NULL")
    got = consume(address, "nulls", 5, "--property", "print.key=true", "--property", "null.literal=~")
    equal(got, ["~\tno key", "no value\t~", "~\t~", "\t", "key\tvalue"], "keys and values")


def dump(topic, *more):
    """What kafka-dump-log says of the broker's own segment files of partition 0."""
    segments = sorted(Path(os.environ["CHRONIK_DATA_DIR"]).rglob(f"{topic}-0/*.log"))
    return run(DUMP_LOG, "--files", ",".join(map(str, segments)), *more) if segments else ""


def idempotent(address):
    create(address, "idempotent")
    said = run(VERIFIABLE_PRODUCER, *at(address), "--topic", "idempotent", "--max-messages", 2000, *retrying())
    expect(json.loads(said.splitlines()[-1])["acked"] == 2000, f"not all acknowledged: {said.splitlines()[-1]}")
    equal(consume(address, "idempotent", 2000), [str(i) for i in range(2000)], "records")
    # -1: never in a transaction.
    state = run(TRANSACTIONS, *at(address), "describe-producers", "--topic", "idempotent", "--partition", 0).splitlines()
    equal(state[1].split()[2:4], ["-1", "1999"], "coordinator epoch and last sequence of the producer")


def transactions(address):
    create(address, "transactions")
    run(PRODUCER_PERF, "--topic", "transactions", "--num-records", 500, "--record-size", 20, "--throughput", 1000, "--transactional-id",
        "perf", "--transaction-duration-ms", 100, "--producer-props", f"bootstrap.servers={address}")
    equal(len(consume(address, "transactions", 500, "--isolation-level", "read_committed")), 500, "read_committed")
    listed = run(TRANSACTIONS, *at(address), "list")
    expect("perf" in listed and "CompleteCommit" in listed, f"not listed: {listed}")
    described = run(TRANSACTIONS, *at(address), "describe", "--transactional-id", "perf")
    expect("CompleteCommit" in described, f"not described: {described}")
    hanging = run(TRANSACTIONS, *at(address), "find-hanging", "--broker-id", 1).splitlines()
    equal(len(hanging), 1, f"hanging transactions: {hanging}")
    return "without abort, which no tool does"


def positions(address):
    create(address, "positions")
    run(VERIFIABLE_PRODUCER, *at(address), "--topic", "positions", "--max-messages", 100, "--message-create-time", 1_700_000_000_000,
        "--throughput", 1000)
    equal(consume(address, "positions", 100), [str(i) for i in range(100)], "from the beginning")
    equal(consume(address, "positions", 1, "--partition", 0, "--offset", 57), ["57"], "from offset 57")
    stamps = [line.split("\t")[0] for line in consume(address, "positions", 100, "--property", "print.timestamp=true")]
    wanted = int(stamps[42].removeprefix("CreateTime:"))
    first = next(i for i, stamp in enumerate(stamps) if stamp == stamps[42])

    def offset(time):
        return run(GET_OFFSETS, *at(address), "--topic", "positions", "--time", time).strip()

    equal(offset(wanted), f"positions:0:{first}", "offset of a timestamp")
    equal([offset(time) for time in ("earliest", "latest")], ["positions:0:0", "positions:0:100"], "ends")
    expect(int(offset("max-timestamp").split(":")[2]) >= 90, "largest timestamp")


class Member:
    """kafka-verifiable-consumer, which prints what happens to it as JSON."""

    def __init__(self, address, topic, *more):
        self.assigned, self.changes, self.got = set(), [], []
        config = settings() if "--group-protocol" in more else settings(heartbeat_interval_ms=200)
        self._process = subprocess.Popen([*JAVA, VERIFIABLE_CONSUMER, *at(address), "--topic", topic, "--group-id", topic, "--verbose",
                                          "--consumer.config", config, *more], stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            partitions = {p["partition"] for p in event.get("partitions", []) if "partition" in p}
            if event["name"] == "record_data":
                self.got.append(str(event["value"]).encode())
            elif event["name"] == "partitions_assigned":
                self.changes.append(("gain", sorted(partitions)))  # first: who waits for the partitions looks here next
                self.assigned |= partitions
            elif event["name"] == "partitions_revoked":
                self.changes.append(("lose", sorted(partitions)))  # first: who waits for the partitions looks here next
                self.assigned -= partitions

    def leave(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        self._reader.join(5)


def share(address, topic, *more):
    def make(partition, values):
        # No tool lets one choose a partition, so a key does.
        lines = "".join(f"{KEYS[partition]}\t{value.decode()}\n" for value in values)
        run(CONSOLE_PRODUCER, *at(address), "--topic", topic, "--property", "parse.key=true", input=lines)

    return scenario.share(lambda: create(address, topic, 4), make, lambda: Member(address, topic, *more))


def _murmur2(data):
    """Kafka's hash of a key (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


KEYS = {partition: next(str(i) for i in range(100) if (_murmur2(str(i).encode()) & 0x7FFFFFFF) % 4 == partition) for partition in range(4)}


def group(address):
    share(address, "group")
    described = run(GROUPS, *at(address), "--describe", "--group", "group").split("\n")
    expect(any(line.split()[:3] == ["group", "group", "0"] for line in described), f"kafka-consumer-groups: {described}")


def protocol848(address):
    share(address, "protocol848", "--group-protocol", "consumer")


def cooperative(address):
    first = share(address, "cooperative", "--assignment-strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
    lost = [partitions for change, partitions in first.changes if change == "lose" and partitions]
    equal(len(lost[0]), 2, f"partitions given away when the second joined ({first.changes})")


def static(address):
    create(address, "static", 4)
    stays, goes = Member(address, "static", "--group-instance-id", "stays"), Member(address, "static", "--group-instance-id", "goes")
    until(lambda: len(stays.assigned) == 2 and len(goes.assigned) == 2, "two partitions each")
    had, changes = set(goes.assigned), list(stays.changes)
    members = run(GROUPS, *at(address), "--describe", "--group", "static", "--members")
    expect("stays" in members and "goes" in members, f"kafka-consumer-groups --members: {members}")
    goes.leave()
    back = Member(address, "static", "--group-instance-id", "goes")
    until(lambda: len(back.assigned) == 2, "its partitions again")
    equal(back.assigned, had, "partitions after coming back")
    equal(stays.changes, changes, "changes of the other member")
    back.leave()
    stays.leave()


def metadata(_):
    raise Lacks("no command-line tool commits metadata")


def admin(address):
    create(address, "admin", 2, "--config", "retention.ms=3600000")
    expect("retention.ms=3600000" in run(TOPICS, *at(address), "--describe", "--topic", "admin"), "retention.ms as created")
    entity = ["--entity-type", "topics", "--entity-name", "admin"]
    run(CONFIGS, *at(address), *entity, "--alter", "--add-config", "retention.ms=7200000")
    expect("retention.ms=7200000" in run(CONFIGS, *at(address), *entity, "--describe"), "retention.ms as altered")
    run(CONFIGS, *at(address), *entity, "--alter", "--delete-config", "retention.ms")
    expect("retention.ms" not in run(CONFIGS, *at(address), *entity, "--describe"), "retention.ms as deleted")
    run(TOPICS, *at(address), "--alter", "--topic", "admin", "--partitions", 4)
    expect("PartitionCount: 4" in run(TOPICS, *at(address), "--describe", "--topic", "admin"), "four partitions")
    create(address, "trim")
    produce(address, "trim", range(10))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as offsets:
        json.dump({"partitions": [{"topic": "trim", "partition": 0, "offset": 6}], "version": 1}, offsets)
        offsets.flush()
        said = run(DELETE_RECORDS, *at(address), "--offset-json-file", offsets.name)
    expect("low_watermark: 6" in said, f"kafka-delete-records: {said}")
    equal(consume(address, "trim", 4, "--group", "trimmers"), ["6", "7", "8", "9"], "what is left")
    run(GROUPS, *at(address), "--reset-offsets", "--group", "trimmers", "--topic", "trim", "--to-offset", 8, "--execute")
    described = run(GROUPS, *at(address), "--describe", "--group", "trimmers").split()
    expect("8" in described and "10" in described, f"offsets of the group: {described}")
    run(GROUPS, *at(address), "--delete", "--group", "trimmers")
    expect("trimmers" not in run(GROUPS, *at(address), "--list"), "the group is still there")
    expect('"trim-0"' in run(LOG_DIRS, *at(address), "--describe", "--topic-list", "trim"), "kafka-log-dirs")
    expect("Cluster ID" in run(CLUSTER, "cluster-id", *at(address)), "kafka-cluster")
    expect("transaction.version" in run(FEATURES, *at(address), "describe"), "kafka-features")
    expect("Produce(0)" in run(API_VERSIONS, *at(address)), "kafka-broker-api-versions")
    expect("retention" in run(CONFIGS, *at(address), "--entity-type", "brokers", "--entity-name", 1, "--describe", "--all"), "broker settings")
    run(CONSUMER_PERF, *at(address), "--topic", "trim", "--messages", 4, "--timeout", 10000)
    for topic in ("admin", "trim"):
        run(TOPICS, *at(address), "--delete", "--topic", topic)
    expect("admin" not in run(TOPICS, *at(address), "--list").split(), "the topic is still there")


def errors(address):
    create(address, "errors", 2)

    def fails(exception, tool, *args):
        said = run(tool, *at(address), *args, fails=True)
        expect(exception in said, f"no {exception}: {said[-300:]}")

    fails("TopicExistsException", TOPICS, "--create", "--topic", "errors")
    fails("Topic 'nowhere' does not exist as expected", TOPICS, "--describe", "--topic", "nowhere")
    fails("Invalid value burn for configuration cleanup.policy", TOPICS, "--create", "--topic", "errors-1", "--config", "cleanup.policy=burn")
    fails("InvalidReplicationFactorException", TOPICS, "--create", "--topic", "errors-2", "--replication-factor", 3)
    fails("InvalidPartitionsException", TOPICS, "--alter", "--topic", "errors", "--partitions", 1)
    fails("InvalidConfigurationException", CONFIGS, "--entity-type", "topics", "--entity-name", "errors", "--alter", "--add-config", "retention.ms=soon")
    fails("GroupIdNotFoundException", GROUPS, "--delete", "--group", "nobody")


def load(address, seconds):
    """The verifiable producer until SIGTERM, the console consumer for what it wrote; then the segment files as kafka-dump-log sees them."""
    create(address, "load")
    acknowledged, failed = [], []
    producer = subprocess.Popen([*JAVA, VERIFIABLE_PRODUCER, *at(address), "--topic", "load", "--throughput", "2000", *retrying()],
                                stdout=subprocess.PIPE, text=True)
    started = threading.Event()

    def collect():
        for line in producer.stdout:
            event = json.loads(line)
            if event["name"] == "producer_send_success":
                acknowledged.append(int(event["value"]))
                started.set()
            elif event["name"] == "producer_send_error":
                failed.append(event)

    reader = threading.Thread(target=collect)
    reader.start()
    expect(started.wait(20), "no record was acknowledged")
    print("go", flush=True)
    threading.Event().wait(seconds)
    producer.send_signal(signal.SIGTERM)
    producer.wait(30)
    reader.join()
    expect(not failed, f"{len(failed)} records failed: {failed[:1]}")
    got = [int(line) for line in consume(address, "load", len(acknowledged))]
    said = scenario.judge_load({0: acknowledged}, {0: got}, True)
    expect("corrupt" not in dump("load", "--deep-iteration").lower(), "kafka-dump-log finds a corrupt segment")
    return said


scenario.run(globals())
