"""The scenarios with kafka-python."""

import os
import threading
import time

import scenario
from kafka import (ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, OffsetSpec,
                   TopicPartition)
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from scenario import Lacks, equal, expect, until


def admin_of(address):
    return KafkaAdminClient(bootstrap_servers=address)


def create(address, topic, partitions=1, **configs):
    client = admin_of(address)
    client.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}, wait_for_metadata=True)
    return client


def produce(address, topic, records, partition=0, **settings):
    """Records are (key, value), or (key, value, headers, timestamp); returns once all are acknowledged."""
    producer = KafkaProducer(bootstrap_servers=address, **settings)
    try:
        sent = [producer.send(topic, record[1], record[0], *record[2:3], partition=partition,
                              timestamp_ms=record[3] if len(record) > 3 else None) for record in records]
        producer.flush(30)
        for one in sent:
            one.get(30)
    finally:
        producer.close()


def plain(values):
    return [(None, value) for value in values]


def read(address, topic, offset=0, **settings):
    """Everything from an offset of partition 0 to its present end."""
    consumer = KafkaConsumer(bootstrap_servers=address, group_id=None, **settings)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    if offset is None:
        consumer.seek_to_beginning(partition)
    else:
        consumer.seek(partition, offset)
    end, late, records = consumer.end_offsets([partition])[partition], time.monotonic() + 20, []
    while consumer.position(partition) < end:
        expect(time.monotonic() < late, f"{topic}: position {consumer.position(partition)} of {end}")
        for some in consumer.poll(200).values():
            records += some
    consumer.close()
    return records


def values(records):
    return [record.value for record in records]


def codecs(address):
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"codecs-{codec}"
        create(address, topic)
        sent = [b"%s %d " % (topic.encode(), i) * 20 for i in range(500)]
        produce(address, topic, plain(sent), compression_type=codec, linger_ms=20)
        equal(values(read(address, topic)), sent, topic)
    return "none, gzip, snappy, lz4, zstd"


def large(address):
    create(address, "large")
    value = os.urandom(900_000)
    produce(address, "large", plain([value]))
    expect(values(read(address, "large")) == [value], "the large record came back changed")
    try:
        produce(address, "large", plain([os.urandom(1_500_000)]), max_request_size=3_000_000)
    except kafka_errors.MessageSizeTooLargeError as error:
        return f"900 KB passed, 1.5 MB: {type(error).__name__}"
    raise AssertionError("1.5 MB were accepted")


def headers(address):
    create(address, "headers")
    sent = [("a", b"1"), ("b", b""), ("a", b"2"), ("d", b"\x00\xff" * 100)]  # the client refuses null values
    produce(address, "headers", [(b"k", b"v", sent), (b"k", b"none")])
    first, second = read(address, "headers")
    equal(list(first.headers), sent, "headers")
    equal(list(second.headers), [], "no headers")
    return "without null values of headers, which kafka-python refuses"


def nulls(address):
    create(address, "nulls")
    sent = [(None, b"no key"), (b"no value", None), (b"", b""), (b"key", b"value")]  # the client refuses two nulls
    produce(address, "nulls", sent)
    equal([(r.key, r.value) for r in read(address, "nulls")], sent, "keys and values")
    return "without a record of null key and null value, which kafka-python refuses"


def idempotent(address):
    create(address, "idempotent")
    sent = [b"%d" % i for i in range(3000)]
    produce(address, "idempotent", plain(sent), enable_idempotence=True, batch_size=500)
    equal(values(read(address, "idempotent")), sent, "records")


def transactions(address):
    create(address, "transactions")
    producer = KafkaProducer(bootstrap_servers=address, transactional_id="transactions")
    producer.init_transactions()
    for name, end in (("first", producer.commit_transaction), ("aborted", producer.abort_transaction), ("last", producer.commit_transaction)):
        producer.begin_transaction()
        for i in range(10):
            producer.send("transactions", b"%s %d" % (name.encode(), i), partition=0)
        producer.flush(20)
        end()
    producer.close()
    wanted = [b"%s %d" % (name, i) for name in (b"first", b"last") for i in range(10)]
    equal(values(read(address, "transactions", isolation_level="read_committed")), wanted, "read_committed")
    equal(len(read(address, "transactions", isolation_level="read_uncommitted")), 30, "read_uncommitted")


def positions(address):
    client = create(address, "positions")
    base = int(time.time() * 1000) - 100_000
    produce(address, "positions", [(None, b"%d" % i, None, base + 1000 * i) for i in range(100)])
    equal(len(read(address, "positions", None)), 100, "from the beginning")
    equal(values(read(address, "positions", 57))[0], b"57", "from offset 57")
    consumer, partition = KafkaConsumer(bootstrap_servers=address), TopicPartition("positions", 0)
    found = consumer.offsets_for_times({partition: base + 41_500})[partition]
    equal((found.offset, found.timestamp), (42, base + 42_000), "offset of a timestamp")
    equal(consumer.offsets_for_times({partition: base + 1_000_000})[partition], None, "after the last timestamp")
    consumer.close()
    equal(values(read(address, "positions", found.offset))[0], b"42", "from a timestamp")
    largest = client.list_partition_offsets({partition: OffsetSpec.MAX_TIMESTAMP})[partition]
    equal(largest.offset, 99, "largest timestamp")


class Member(ConsumerRebalanceListener):
    """A consumer on a thread of its own; keeps what it read, what is assigned, and every change of that."""

    def __init__(self, address, topic, **settings):
        self.assigned, self.changes, self.got = set(), [], []
        self._consumer = KafkaConsumer(bootstrap_servers=address, group_id=topic, auto_offset_reset="earliest",
                                       enable_auto_commit=False, heartbeat_interval_ms=200, session_timeout_ms=40_000, **settings)
        self._stop = threading.Event()
        self._consumer.subscribe([topic], listener=self)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def on_partitions_assigned(self, assigned):
        # The change first: who waits for the partitions looks at the changes next.
        self.changes.append(("gain", sorted(p.partition for p in assigned)))
        self.assigned |= {p.partition for p in assigned}

    def on_partitions_revoked(self, revoked):
        self.changes.append(("lose", sorted(p.partition for p in revoked)))
        self.assigned -= {p.partition for p in revoked}

    def _read(self):
        while not self._stop.is_set():
            # kafka-python 3.0.12 loses an assignment that arrives just as a poll times out; so few polls do.
            records = [record for some in self._consumer.poll(1000).values() for record in some]
            self.got += values(records)
            if records:
                try:
                    self._consumer.commit()
                except (kafka_errors.CommitFailedError, kafka_errors.RebalanceInProgressError) as again:
                    self.changes.append(("commit", str(again)))
        self._consumer.close()

    def leave(self):
        self._stop.set()
        self._thread.join(20)
        expect(not self._thread.is_alive(), "a member does not close")


def share(address, topic, assignor):
    return scenario.share(lambda: create(address, topic, 4), lambda partition, sent: produce(address, topic, plain(sent), partition),
                          lambda: Member(address, topic, partition_assignment_strategy=[assignor]))


def group(address):
    share(address, "group", RangePartitionAssignor)


def cooperative(address):
    first = share(address, "cooperative", CooperativeStickyAssignor)
    lost = [partitions for change, partitions in first.changes if change == "lose" and partitions]
    equal(len(lost[0]), 2, f"partitions given away when the second joined ({first.changes})")


def static(address):
    create(address, "static", 4)
    stays = Member(address, "static", group_instance_id="stays")
    goes = Member(address, "static", group_instance_id="goes")
    until(lambda: len(stays.assigned) == 2 and len(goes.assigned) == 2, "two partitions each")
    had, changes = set(goes.assigned), list(stays.changes)
    goes.leave()
    back = Member(address, "static", group_instance_id="goes")
    until(lambda: len(back.assigned) == 2, "its partitions again")
    equal(back.assigned, had, "partitions after coming back")
    equal(stays.changes, changes, "changes of the other member")
    back.leave()
    stays.leave()


def protocol848(_):
    raise Lacks("kafka-python speaks the classic group protocol only")


def metadata(address):
    client = create(address, "metadata")
    consumer, partition = KafkaConsumer(bootstrap_servers=address, group_id="metadata", enable_auto_commit=False), TopicPartition("metadata", 0)
    consumer.assign([partition])
    wanted = OffsetAndMetadata(7, "état: 7/∞", 0)
    consumer.commit({partition: wanted})
    equal(consumer.committed(partition, metadata=True), wanted, "commit")
    equal(client.list_group_offsets("metadata")["metadata"][partition], wanted, "seen by admin")
    consumer.close()


def admin(address):
    client = create(address, "admin", 2, **{"retention.ms": "3600000"})

    def setting():
        described = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "admin")], config_filter="all")
        return str(described["topic"]["admin"]["retention.ms"]["value"])

    equal(setting(), "3600000", "as created")
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "admin", {"retention.ms": "7200000"})])
    equal(setting(), "7200000", "as altered")
    client.create_partitions({"admin": 4})
    equal(len(client.describe_topics(["admin"])[0]["partitions"]), 4, "partitions")
    produce(address, "admin", plain([b"%d" % i for i in range(10)]))
    deleted = client.delete_records({TopicPartition("admin", 0): 6})
    equal(deleted[TopicPartition("admin", 0)]["low_watermark"], 6, f"low watermark in {deleted}")
    equal(values(read(address, "admin", None)), [b"6", b"7", b"8", b"9"], "what is left")
    consumer = KafkaConsumer(bootstrap_servers=address, group_id="admin", enable_auto_commit=False)
    consumer.assign([TopicPartition("admin", 0)])
    consumer.commit({TopicPartition("admin", 0): OffsetAndMetadata(8, "", -1)})
    consumer.close()
    expect("admin" in [found["group_id"] for found in client.list_groups()], "the group is listed")
    client.delete_groups(["admin"])
    client.delete_topics(["admin"])
    expect("admin" not in client.list_topics(), "the topic is still there")
    equal(len(client.describe_cluster()["brokers"]), 1, "brokers")
    client.close()


def errors(address):
    client = create(address, "errors", 2)

    def failed(work):
        try:
            work()
        except kafka_errors.KafkaError as error:
            return type(error).__name__
        return "no error"

    def new(topic, partitions=1, **configs):
        return failed(lambda: client.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1, "configs": configs}}))

    equal(new("errors"), "TopicAlreadyExistsError", "existing topic")
    equal(new("bad name!"), "InvalidTopicError", "bad name")
    equal(new("errors-0", 0), "InvalidPartitionsError", "no partitions")
    equal(new("errors-1", **{"retention.ms": "soon"}), "InvalidConfigurationError", "bad value")
    equal(new("errors-2", **{"no.such": "1"}), "InvalidConfigurationError", "unknown setting")
    equal(failed(lambda: client.delete_topics(["nowhere"])), "UnknownTopicOrPartitionError", "unknown topic")
    equal(failed(lambda: client.create_partitions({"errors": 1})), "InvalidPartitionsError", "fewer partitions")
    client.close()


def load(address, seconds):
    create(address, "load", 4)
    acknowledged, got = {p: [] for p in range(4)}, {p: [] for p in range(4)}
    failed, done = [], threading.Event()

    def consume():
        consumer = KafkaConsumer(bootstrap_servers=address, group_id=None, auto_offset_reset="earliest")
        consumer.assign([TopicPartition("load", p) for p in range(4)])
        end = None
        while True:
            for partition, some in consumer.poll(100).items():
                got[partition.partition] += [int(record.value) for record in some]
            if done.is_set():
                end = end or time.monotonic() + 20
                if all(set(acknowledged[p]) <= set(got[p]) for p in range(4)) or time.monotonic() > end:
                    break
        consumer.close()

    reader = threading.Thread(target=consume)
    reader.start()
    producer = KafkaProducer(bootstrap_servers=address, enable_idempotence=True, linger_ms=5)
    print("go", flush=True)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for partition in range(4):
            sent = producer.send("load", b"%d" % number, partition=partition)
            sent.add_callback(lambda at, n=number: acknowledged[at.partition].append(n))
            sent.add_errback(failed.append)
        number += 1
        time.sleep(0.002)
    producer.flush(60)
    done.set()
    reader.join()
    producer.close()
    expect(not failed, f"{len(failed)} records failed: {failed[:1]}")
    return scenario.judge_load(acknowledged, got, True)


scenario.run(globals())
