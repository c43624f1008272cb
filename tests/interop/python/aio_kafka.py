"""The scenarios with aiokafka."""

import asyncio
import os
import time

import scenario
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from scenario import Lacks, equal, expect


async def until(event, what, seconds=30):
    end = time.monotonic() + seconds
    while not event():
        expect(time.monotonic() < end, f"{what} not within {seconds} s")
        await asyncio.sleep(0.01)


async def admin_of(address):
    client = AIOKafkaAdminClient(bootstrap_servers=address)
    await client.start()
    return client


def codes(response):
    """Error codes of a response about topics (which the client gives as it is)."""
    return [topic[1] for topic in getattr(response, "topic_errors", None) or response.topic_error_codes]


async def create(address, topic, partitions=1, **configs):
    client = await admin_of(address)
    response = await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)])
    await client.close()
    equal(codes(response), [0], f"creating {topic}")


async def produce(address, topic, records, partition=0, **settings):
    """Records are (key, value), or (key, value, headers, timestamp)."""
    producer = AIOKafkaProducer(bootstrap_servers=address, **settings)
    await producer.start()
    try:
        sent = [await producer.send(topic, record[1], record[0], partition=partition, headers=record[2] if len(record) > 2 else None,
                                    timestamp_ms=record[3] if len(record) > 3 else None) for record in records]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def plain(values):
    return [(None, value) for value in values]


async def read(address, topic, offset=0, **settings):
    """Everything from an offset of partition 0 to its present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False, **settings)
    await consumer.start()
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    if offset is None:
        await consumer.seek_to_beginning(partition)
    else:
        consumer.seek(partition, offset)
    end, late, records = (await consumer.end_offsets([partition]))[partition], time.monotonic() + 20, []
    while await consumer.position(partition) < end:
        expect(time.monotonic() < late, f"{topic}: {len(records)} records, not {end}")
        for some in (await consumer.getmany(timeout_ms=200)).values():
            records += some
    await consumer.stop()
    return records


def values(records):
    return [record.value for record in records]


async def codecs(address):
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = f"codecs-{codec}"
        await create(address, topic)
        sent = [b"%s %d " % (topic.encode(), i) * 20 for i in range(500)]
        await produce(address, topic, plain(sent), compression_type=codec, linger_ms=20)
        equal(values(await read(address, topic)), sent, topic)
    return "none, gzip, snappy, lz4, zstd"


async def large(address):
    await create(address, "large")
    value = os.urandom(900_000)
    await produce(address, "large", plain([value]))
    expect(values(await read(address, "large")) == [value], "the large record came back changed")
    try:
        await produce(address, "large", plain([os.urandom(1_500_000)]), max_request_size=3_000_000)
    except kafka_errors.MessageSizeTooLargeError as error:
        return f"900 KB passed, 1.5 MB: {type(error).__name__}"
    raise AssertionError("1.5 MB were accepted")


async def headers(address):
    await create(address, "headers")
    sent = [("a", b"1"), ("b", b""), ("a", b"2"), ("c", None), ("d", b"\x00\xff" * 100)]
    await produce(address, "headers", [(b"k", b"v", sent), (b"k", b"none")])
    first, second = await read(address, "headers")
    equal(list(first.headers), sent, "headers")
    equal(list(second.headers), [], "no headers")


async def nulls(address):
    await create(address, "nulls")
    sent = [(None, b"no key"), (b"no value", None), (b"", b""), (b"key", b"value")]  # the client refuses two nulls
    await produce(address, "nulls", sent)
    equal([(r.key, r.value) for r in await read(address, "nulls")], sent, "keys and values")
    return "without a record of null key and null value, which aiokafka refuses"


async def idempotent(address):
    await create(address, "idempotent")
    sent = [b"%d" % i for i in range(3000)]
    await produce(address, "idempotent", plain(sent), enable_idempotence=True, max_batch_size=500)
    equal(values(await read(address, "idempotent")), sent, "records")


async def transactions(address):
    await create(address, "transactions")
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id="transactions")
    await producer.start()
    for name, end in (("first", producer.commit_transaction), ("aborted", producer.abort_transaction), ("last", producer.commit_transaction)):
        await producer.begin_transaction()
        for i in range(10):
            await producer.send_and_wait("transactions", b"%s %d" % (name.encode(), i), partition=0)
        await end()
    await producer.stop()
    wanted = [b"%s %d" % (name, i) for name in (b"first", b"last") for i in range(10)]
    equal(values(await read(address, "transactions", isolation_level="read_committed")), wanted, "read_committed")
    equal(len(await read(address, "transactions", isolation_level="read_uncommitted")), 30, "read_uncommitted")


async def positions(address):
    await create(address, "positions")
    base = int(time.time() * 1000) - 100_000
    await produce(address, "positions", [(None, b"%d" % i, None, base + 1000 * i) for i in range(100)])
    equal(len(await read(address, "positions", None)), 100, "from the beginning")
    equal(values(await read(address, "positions", 57))[0], b"57", "from offset 57")
    consumer, partition = AIOKafkaConsumer("positions", bootstrap_servers=address), TopicPartition("positions", 0)
    await consumer.start()
    found = (await consumer.offsets_for_times({partition: base + 41_500}))[partition]
    equal((found.offset, found.timestamp), (42, base + 42_000), "offset of a timestamp")
    equal((await consumer.offsets_for_times({partition: base + 1_000_000}))[partition], None, "after the last timestamp")
    await consumer.stop()
    equal(values(await read(address, "positions", found.offset))[0], b"42", "from a timestamp")


class Member(ConsumerRebalanceListener):
    """A consumer in a task of its own; keeps what it read, what is assigned, and counts changes."""

    def __init__(self, topic):
        self.topic, self.assigned, self.changes, self.got, self.stay = topic, set(), 0, [], True

    async def join(self, address, **settings):
        self.consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id=self.topic, auto_offset_reset="earliest",
                                         enable_auto_commit=False, heartbeat_interval_ms=200, **settings)
        self.consumer.subscribe([self.topic], listener=self)
        await self.consumer.start()
        self.task = asyncio.create_task(self._read())
        return self

    async def on_partitions_assigned(self, assigned):
        self.assigned = {p.partition for p in assigned}
        self.changes += 1

    async def on_partitions_revoked(self, revoked):
        self.assigned = set()

    async def _read(self):
        while self.stay:
            records = [record for some in (await self.consumer.getmany(timeout_ms=100)).values() for record in some]
            self.got += values(records)
            if records:
                try:
                    await self.consumer.commit()
                except (kafka_errors.CommitFailedError, kafka_errors.IllegalStateError) as again:
                    print("commit:", again)

    async def leave(self):
        self.stay = False
        await asyncio.wait_for(self.task, 20)
        await self.consumer.stop()


async def group(address):
    await create(address, "group", 4)

    async def everywhere(make):
        for partition in range(4):
            await produce(address, "group", plain(make(partition)), partition)

    await everywhere(lambda partition: [b"%d-%d" % (partition, i) for i in range(20)])
    first = await Member("group").join(address)
    await until(lambda: len(first.assigned) == 4 and len(first.got) == 80, "everything by the first member")
    second = await Member("group").join(address)
    await until(lambda: len(first.assigned) == 2 and len(second.assigned) == 2, "two partitions each")
    equal(first.assigned | second.assigned, {0, 1, 2, 3}, "the partitions of both")
    await everywhere(lambda _: [b"both"])
    await until(lambda: (first.got + second.got).count(b"both") == 4, "records while both are members")
    await first.leave()
    await until(lambda: len(second.assigned) == 4, "all partitions after the other left")
    await everywhere(lambda _: [b"last"])
    await until(lambda: second.got.count(b"last") == 4, "records after the other left")
    await second.leave()
    third = await Member("group").join(address)
    await produce(address, "group", plain([b"later"]), 3)
    await until(lambda: b"later" in third.got, "a record for a later member")
    equal(third.got, [b"later"], "what the later member read")
    await third.leave()


async def static(address):
    await create(address, "static", 4)
    stays = await Member("static").join(address, group_instance_id="stays")
    goes = await Member("static").join(address, group_instance_id="goes")
    await until(lambda: len(stays.assigned) == 2 and len(goes.assigned) == 2, "two partitions each")
    had, changes = set(goes.assigned), stays.changes
    await goes.leave()
    back = await Member("static").join(address, group_instance_id="goes")
    await until(lambda: len(back.assigned) == 2, "its partitions again")
    equal(back.assigned, had, "partitions after coming back")
    equal(stays.changes, changes, "changes of the other member")
    await back.leave()
    await stays.leave()


async def cooperative(_):
    raise Lacks("aiokafka rebalances eagerly only")


async def protocol848(_):
    raise Lacks("aiokafka speaks the classic group protocol only")


async def metadata(address):
    await create(address, "metadata")
    consumer, partition = AIOKafkaConsumer(bootstrap_servers=address, group_id="metadata", enable_auto_commit=False), TopicPartition("metadata", 0)
    await consumer.start()
    consumer.assign([partition])
    await consumer.commit({partition: OffsetAndMetadata(7, "état: 7/∞")})
    await consumer.stop()
    client = await admin_of(address)
    found = await client.list_consumer_group_offsets("metadata")
    await client.close()
    equal(found[partition], OffsetAndMetadata(7, "état: 7/∞"), "commit")


async def admin(address):
    await create(address, "admin", 2, **{"retention.ms": "3600000"})
    client = await admin_of(address)

    async def setting():
        described = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "admin")])
        entries = {entry[0]: entry[1] for entry in described[0].resources[0][4]}
        return entries["retention.ms"]

    equal(await setting(), "3600000", "as created")
    await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "admin", {"retention.ms": "7200000"})])
    equal(await setting(), "7200000", "as altered")
    await client.create_partitions({"admin": NewPartitions(4)})
    equal(len((await client.describe_topics(["admin"]))[0]["partitions"]), 4, "partitions")
    await produce(address, "admin", plain([b"%d" % i for i in range(10)]))
    partition = TopicPartition("admin", 0)
    equal(await client.delete_records({partition: RecordsToDelete(6)}), {partition: 6}, "low watermark")
    equal(values(await read(address, "admin", None)), [b"6", b"7", b"8", b"9"], "what is left")
    await client.delete_topics(["admin"])
    expect("admin" not in await client.list_topics(), "the topic is still there")
    equal(len((await client.describe_cluster())["brokers"]), 1, "brokers")
    await client.close()


async def errors(address):
    await create(address, "errors", 2)
    client = await admin_of(address)

    async def new(topic, partitions=1, **configs):
        return kafka_errors.for_code(codes(await client.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs)]))[0])

    equal(await new("errors"), kafka_errors.TopicAlreadyExistsError, "existing topic")
    equal(await new("bad name!"), kafka_errors.InvalidTopicError, "bad name")
    equal(await new("errors-0", 0), kafka_errors.InvalidPartitionsError, "no partitions")
    equal(await new("errors-1", **{"retention.ms": "soon"}), kafka_errors.InvalidConfigurationError, "bad value")
    equal(await new("errors-2", **{"no.such": "1"}), kafka_errors.InvalidConfigurationError, "unknown setting")
    deleted = codes(await client.delete_topics(["nowhere"]))
    equal(kafka_errors.for_code(deleted[0]), kafka_errors.UnknownTopicOrPartitionError, "unknown topic")
    try:
        await client.create_partitions({"errors": NewPartitions(1)})
        raise AssertionError("fewer partitions were accepted")
    except kafka_errors.InvalidPartitionsError:
        pass
    await client.close()


async def load(address, seconds):
    await create(address, "load", 4)
    acknowledged, got = {p: [] for p in range(4)}, {p: [] for p in range(4)}
    failed = []
    consumer = AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition("load", p) for p in range(4)])

    async def consume():
        while True:
            for partition, some in (await consumer.getmany(timeout_ms=100)).items():
                got[partition.partition] += [int(record.value) for record in some]

    reader = asyncio.create_task(consume())
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True, linger_ms=5)
    await producer.start()
    print("go", flush=True)
    end, number = time.monotonic() + seconds, 0

    def delivered(n, p):
        def note(future):
            if future.exception():
                failed.append(future.exception())
            else:
                acknowledged[p].append(n)
        return note

    while time.monotonic() < end:
        for partition in range(4):
            sent = await producer.send("load", b"%d" % number, partition=partition)
            sent.add_done_callback(delivered(number, partition))
        number += 1
        await asyncio.sleep(0.001)
    await producer.stop()
    expect(not failed, f"{len(failed)} records failed: {failed[:1]}")
    await until(lambda: reader.done() or all(set(acknowledged[p]) <= set(got[p]) for p in range(4)), "all that was acknowledged")
    reader.cancel()
    await consumer.stop()
    return scenario.judge_load(acknowledged, got, True)


scenario.run(globals())
