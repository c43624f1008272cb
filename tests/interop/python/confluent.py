"""The scenarios with confluent-kafka (librdkafka underneath)."""

import os
import threading
import time

import scenario
from confluent_kafka import (TIMESTAMP_CREATE_TIME, Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException,
                             Producer, TopicPartition)
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec
from scenario import equal, expect, until

ALL = [(None, b"no key"), (b"no value", None), (None, None), (b"", b""), (b"key", b"value")]


def create(address, topic, partitions=1, **config):
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(20)
    return admin


def produce(address, topic, records, partition=0, **settings):
    """Records are (key, value), or (key, value, headers); returns once all are acknowledged."""
    failed = []
    producer = Producer({"bootstrap.servers": address, **settings})
    for key, value, *headers in records:
        producer.produce(topic, value, key, partition, headers=headers[0] if headers else None,
                         on_delivery=lambda error, _: failed.append(error) if error else None)
    expect(producer.flush(30) == 0, "not everything was delivered")
    if failed:
        raise KafkaException(failed[0])


def read(address, topic, count, partition=0, offset=0, **settings):
    """`count` messages, or all up to the end of the partition if count is None."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.partition.eof": True,
                         "enable.auto.commit": False, **settings})
    consumer.assign([TopicPartition(topic, partition, offset)])
    messages, end = [], time.monotonic() + 20
    while count is None or len(messages) < count:
        expect(time.monotonic() < end, f"{topic}: {len(messages)} of {count} records")
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            equal(message.error().code(), KafkaError._PARTITION_EOF, "error of a fetch")
            if count is None:
                break
            continue
        messages.append(message)
    consumer.close()
    return messages


def values(messages):
    return [message.value() for message in messages]


def codecs(address):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = f"codecs-{codec}"
        create(address, topic)
        sent = [b"%s %d " % (codec.encode(), i) * 20 for i in range(500)]
        produce(address, topic, [(None, value) for value in sent], **{"compression.type": codec, "linger.ms": 20})
        equal(values(read(address, topic, 500)), sent, codec)
    return "none, gzip, snappy, lz4, zstd"


def large(address):
    create(address, "large")
    value = os.urandom(900_000)
    produce(address, "large", [(None, value)])
    expect(values(read(address, "large", 1)) == [value], "the large record came back changed")
    try:
        produce(address, "large", [(None, os.urandom(1_500_000))], **{"message.max.bytes": 3_000_000})
    except KafkaException as error:
        equal(error.args[0].code(), KafkaError.MSG_SIZE_TOO_LARGE, "error")
        return "900 KB passed, 1.5 MB: MSG_SIZE_TOO_LARGE"
    raise AssertionError("1.5 MB were accepted")


def headers(address):
    create(address, "headers")
    sent = [("a", b"1"), ("b", b""), ("a", b"2"), ("c", None), ("d", b"\x00\xff" * 100)]
    produce(address, "headers", [(b"k", b"v", sent), (b"k", b"none")])
    first, second = read(address, "headers", 2)
    equal(first.headers(), sent, "headers")
    equal(second.headers() or [], [], "no headers")


def nulls(address):
    create(address, "nulls")
    produce(address, "nulls", ALL)
    equal([(m.key(), m.value()) for m in read(address, "nulls", len(ALL))], ALL, "keys and values")


def idempotent(address):
    create(address, "idempotent")
    sent = [b"%d" % i for i in range(5000)]
    produce(address, "idempotent", [(None, v) for v in sent], **{"enable.idempotence": True, "batch.num.messages": 50})
    equal(values(read(address, "idempotent", None)), sent, "records")


def transactions(address):
    create(address, "transactions")
    producer = Producer({"bootstrap.servers": address, "transactional.id": "transactions"})
    producer.init_transactions(20)
    for name, end in (("first", producer.commit_transaction), ("aborted", producer.abort_transaction), ("last", producer.commit_transaction)):
        producer.begin_transaction()
        for i in range(10):
            producer.produce("transactions", f"{name} {i}", partition=0)
        producer.flush(20)
        end(20)
    wanted = [b"%s %d" % (name, i) for name in (b"first", b"last") for i in range(10)]
    equal(values(read(address, "transactions", None, **{"isolation.level": "read_committed"})), wanted, "read_committed")
    equal(len(read(address, "transactions", None, **{"isolation.level": "read_uncommitted"})), 30, "read_uncommitted")


def positions(address):
    create(address, "positions")
    base = int(time.time() * 1000) - 100_000
    producer = Producer({"bootstrap.servers": address})
    for i in range(100):
        producer.produce("positions", b"%d" % i, partition=0, timestamp=base + 1000 * i)
    producer.flush(20)
    equal(len(read(address, "positions", 100)), 100, "from the beginning")
    equal(read(address, "positions", 1, offset=57)[0].value(), b"57", "from offset 57")
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader"})
    found = consumer.offsets_for_times([TopicPartition("positions", 0, base + 41_500)], 20)[0]
    equal(found.offset, 42, "offset of a timestamp")
    equal(consumer.offsets_for_times([TopicPartition("positions", 0, base + 1_000_000)], 20)[0].offset, -1, "after the last timestamp")
    equal(consumer.get_watermark_offsets(TopicPartition("positions", 0), 20), (0, 100), "watermarks")
    consumer.close()
    message = read(address, "positions", 1, offset=found.offset)[0]
    equal(message.timestamp(), (TIMESTAMP_CREATE_TIME, base + 42_000), "timestamp")
    expect(values(read(address, "positions", None, offset=-2))[0] == b"0", "offset -2 is the beginning")


class Member:
    """A consumer of its own thread; keeps what it read, what is assigned, and every change of that."""

    def __init__(self, address, group, topic, **settings):
        self.assigned, self.changes, self.got, self.failure = set(), [], [], None
        self.cooperative = settings.get("partition.assignment.strategy") == "cooperative-sticky" or "group.protocol" in settings
        if "group.protocol" not in settings:
            settings = {"heartbeat.interval.ms": 200, "session.timeout.ms": 40_000, **settings}
        self._consumer = Consumer({"bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest",
                                   "enable.auto.commit": False, **settings})
        self._stop = threading.Event()
        self._consumer.subscribe([topic], on_assign=self._gain, on_revoke=self._lose, on_lost=self._lose)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _gain(self, _, partitions):
        # The change first: who waits for the partitions looks at the changes next.
        self.changes.append(("gain", sorted(p.partition for p in partitions)))
        self.assigned |= {p.partition for p in partitions}

    def _lose(self, _, partitions):
        self.changes.append(("lose", sorted(p.partition for p in partitions)))
        self.assigned -= {p.partition for p in partitions}

    def _read(self):
        try:
            while not self._stop.is_set():
                message = self._consumer.poll(0.1)
                if message is None:
                    continue
                if message.error():
                    raise KafkaException(message.error())
                self.got.append(message.value())
                self._consumer.commit(message, asynchronous=False)
        except KafkaException as failure:
            self.failure = failure
        self._consumer.close()

    def leave(self):
        self._stop.set()
        self._thread.join(20)
        expect(not self._thread.is_alive(), "a member does not close")
        if self.failure and self.failure.args[0].code() not in (KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION,
                                                                KafkaError.STALE_MEMBER_EPOCH):
            raise self.failure


def share(address, topic, **settings):
    return scenario.share(lambda: create(address, topic, 4),
                          lambda partition, values: produce(address, topic, [(None, value) for value in values], partition),
                          lambda: Member(address, topic, topic, **settings))


def group(address):
    share(address, "group")


def protocol848(address):
    share(address, "protocol848", **{"group.protocol": "consumer"})


def cooperative(address):
    first = share(address, "cooperative", **{"partition.assignment.strategy": "cooperative-sticky"})
    lost = [partitions for change, partitions in first.changes if change == "lose"]
    equal(len(lost[0]), 2, f"partitions given away when the second joined ({first.changes})")


def static(address):
    create(address, "static", 4)
    settings = {"session.timeout.ms": 20_000}
    stays = Member(address, "static", "static", **{"group.instance.id": "stays", **settings})
    goes = Member(address, "static", "static", **{"group.instance.id": "goes", **settings})
    until(lambda: len(stays.assigned) == 2 and len(goes.assigned) == 2, "two partitions each")
    had, changes = set(goes.assigned), list(stays.changes)
    goes.leave()  # librdkafka sends no LeaveGroup for a static member
    back = Member(address, "static", "static", **{"group.instance.id": "goes", **settings})
    until(lambda: len(back.assigned) == 2, "its partitions again")
    equal(back.assigned, had, "partitions after coming back")
    equal(stays.changes, changes, "changes of the other member")
    back.leave()
    stays.leave()


def metadata(address):
    create(address, "metadata")
    consumer = Consumer({"bootstrap.servers": address, "group.id": "metadata"})
    consumer.commit(offsets=[TopicPartition("metadata", 0, 7, "état: 7/∞")], asynchronous=False)
    found = consumer.committed([TopicPartition("metadata", 0)], 20)[0]
    equal((found.offset, found.metadata), (7, "état: 7/∞"), "commit")
    consumer.close()


def admin(address):
    client = create(address, "admin", 2, **{"retention.ms": "3600000"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, "admin")

    def setting(name):
        return client.describe_configs([resource])[resource].result(20)[name].value

    equal(setting("retention.ms"), "3600000", "retention.ms as created")
    change = ConfigResource(ConfigResource.Type.TOPIC, "admin", incremental_configs=[
        ConfigEntry("retention.ms", "7200000", incremental_operation=AlterConfigOpType.SET)])
    client.incremental_alter_configs([change])[change].result(20)
    until(lambda: setting("retention.ms") == "7200000", "the altered setting")
    client.create_partitions([NewPartitions("admin", 4)])["admin"].result(20)
    until(lambda: len(client.list_topics("admin", 20).topics["admin"].partitions) == 4, "four partitions")
    produce(address, "admin", [(None, b"%d" % i) for i in range(10)])
    partition = TopicPartition("admin", 0, 6)
    deleted = client.delete_records([partition])[partition].result(20)
    equal(deleted.low_watermark, 6, "low watermark")
    equal(values(read(address, "admin", None, offset=-2)), [b"6", b"7", b"8", b"9"], "what is left")
    ends = client.list_offsets({TopicPartition("admin", 0): OffsetSpec.latest()})
    equal([f.result(20).offset for f in ends.values()], [10], "end")
    client.delete_topics(["admin"])["admin"].result(20)
    until(lambda: "admin" not in client.list_topics(timeout=20).topics, "the topic is gone")
    member = Consumer({"bootstrap.servers": address, "group.id": "admin"})
    create(address, "admin-group")
    member.commit(offsets=[TopicPartition("admin-group", 0, 1)], asynchronous=False)
    member.close()
    offsets = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions("admin")])["admin"].result(20)
    equal([p.offset for p in offsets.topic_partitions], [1], "offsets of a group")
    client.delete_consumer_groups(["admin"])["admin"].result(20)
    equal([g.group_id for g in client.list_consumer_groups().result(20).valid if g.group_id == "admin"], [], "the group is gone")
    cluster = client.describe_cluster().result(20)
    equal(len(cluster.nodes), 1, "nodes")


def errors(address):
    client = create(address, "errors")

    def code_of(work):
        try:
            work()
        except KafkaException as error:
            return error.args[0].code()
        return None

    def new(name, partitions=1, **config):
        return lambda: client.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)

    equal(code_of(lambda: client.delete_topics(["nowhere"])["nowhere"].result(20)), KafkaError.UNKNOWN_TOPIC_OR_PART, "unknown topic")
    equal(code_of(new("errors")), KafkaError.TOPIC_ALREADY_EXISTS, "existing topic")
    equal(code_of(new("bad name!")), KafkaError.TOPIC_EXCEPTION, "bad name")
    equal(code_of(new("errors-2", **{"retention.ms": "soon"})), KafkaError.INVALID_CONFIG, "bad value")
    equal(code_of(new("errors-3", **{"no.such.setting": "1"})), KafkaError.INVALID_CONFIG, "unknown setting")
    equal(code_of(lambda: client.create_partitions([NewPartitions("errors", 1)])["errors"].result(20)),
          KafkaError.INVALID_PARTITIONS, "fewer partitions")
    equal(code_of(lambda: produce(address, "errors", [(None, b"x")], partition=9)), KafkaError._UNKNOWN_PARTITION, "unknown partition")
    equal(code_of(lambda: client.delete_consumer_groups(["nobody"])["nobody"].result(20)), KafkaError.GROUP_ID_NOT_FOUND, "unknown group")


def load(address, seconds):
    create(address, "load", 4)
    acknowledged, got = {p: [] for p in range(4)}, {p: [] for p in range(4)}
    failed, done = [], threading.Event()

    def delivered(error, message):
        if error:
            failed.append(error)
        else:
            acknowledged[message.partition()].append(int(message.value()))

    def consume():
        consumer = Consumer({"bootstrap.servers": address, "group.id": "load", "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition("load", p, 0) for p in range(4)])
        end = None
        while True:
            for message in consumer.consume(500, 0.1):
                if not message.error():
                    got[message.partition()].append(int(message.value()))
            if done.is_set():
                end = end or time.monotonic() + 20
                if all(set(acknowledged[p]) <= set(got[p]) for p in range(4)) or time.monotonic() > end:
                    break
        consumer.close()

    reader = threading.Thread(target=consume)
    reader.start()
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 5})
    print("go", flush=True)
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for partition in range(4):
            producer.produce("load", b"%d" % number, partition=partition, on_delivery=delivered)
        number += 1
        producer.poll(0.001)
    producer.flush(60)
    done.set()
    reader.join()
    expect(not failed, f"{len(failed)} records failed: {failed[:1]}")
    return scenario.judge_load(acknowledged, got, True)


scenario.run(globals())
