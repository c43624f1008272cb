"""Transactions with librdkafka (transactions version 1): commits, aborts, offsets in transactions, a zombie.

    transactions.py ADDRESS

Prints one line per scenario; exit code 1 at the first that fails.
"""

import sys
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ADDRESS = sys.argv[1]
NAME = f"txn-{time.time_ns()}"


def producer(transactional_id, **settings):
    made = Producer({"bootstrap.servers": ADDRESS, "transactional.id": transactional_id,
                     "transaction.timeout.ms": 60000, **settings})
    made.init_transactions(20)
    return made


def make_topics(*names, partitions=3):
    admin = AdminClient({"bootstrap.servers": ADDRESS})  # kept: its thread completes the futures
    for future in admin.create_topics([NewTopic(n, partitions, 1) for n in names]).values():
        future.result(20)


def read_all(topic, isolation="read_committed", partitions=3, seconds=20):
    """Every value, once each partition's end is reached."""
    consumer = Consumer({"bootstrap.servers": ADDRESS, "group.id": f"{topic}-{isolation}-{time.time_ns()}",
                         "isolation.level": isolation, "enable.partition.eof": True, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    values, ended, until = [], set(), time.time() + seconds
    while len(ended) < partitions:
        assert time.time() < until, f"no end of {topic}: {len(values)} records"
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            if message.error().code() != KafkaError._PARTITION_EOF:
                raise KafkaException(message.error())
            ended.add(message.partition())
            continue
        ended.discard(message.partition())
        values.append(message.value().decode())
    consumer.close()
    return sorted(values)


def commit_and_abort():
    topic = NAME + "-plain"
    make_topics(topic)
    writer = producer(topic)
    expected = []
    for round_ in range(20):
        writer.begin_transaction()
        values = [f"{round_}-{i}" for i in range(50)]
        for value in values:
            writer.produce(topic, value, key=value)
        if round_ % 3 == 0:
            writer.flush(20)  # written before it is taken back
            writer.abort_transaction(20)
        else:
            writer.commit_transaction(20)
            expected += values
    assert read_all(topic) == sorted(expected)
    assert len(read_all(topic, "read_uncommitted")) == 1000


def open_transaction_is_invisible():
    topic = NAME + "-open"
    make_topics(topic, partitions=1)
    writer = producer(topic)
    writer.begin_transaction()
    writer.produce(topic, "later")
    writer.flush(20)
    assert read_all(topic, partitions=1) == []
    assert read_all(topic, "read_uncommitted", partitions=1) == ["later"]
    writer.commit_transaction(20)
    assert read_all(topic, partitions=1) == ["later"]


def zombie_is_fenced():
    topic = NAME + "-zombie"
    make_topics(topic, partitions=1)
    old = producer(topic)
    old.begin_transaction()
    old.produce(topic, "zombie")
    old.flush(20)
    new = producer(topic)  # aborts what the old one left
    new.begin_transaction()
    new.produce(topic, "living")
    new.commit_transaction(20)
    try:
        old.commit_transaction(20)
        raise AssertionError("a zombie committed")
    except KafkaException as error:
        assert error.args[0].fatal(), error
    assert read_all(topic, partitions=1) == ["living"]


def consume_transform_produce():
    source, target = NAME + "-source", NAME + "-target"
    make_topics(source, target)
    plain = Producer({"bootstrap.servers": ADDRESS})
    for i in range(300):
        plain.produce(source, str(i), key=str(i))
    plain.flush(20)
    consumer = Consumer({"bootstrap.servers": ADDRESS, "group.id": source, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "isolation.level": "read_committed"})
    consumer.subscribe([source])
    writer = producer(target)
    done, until, turn = 0, time.time() + 60, 0
    while done < 300:
        assert time.time() < until, f"only {done} of 300 after a minute"
        messages = consumer.consume(40, 1)
        if not messages:
            continue
        turn += 1
        writer.begin_transaction()
        for message in messages:
            writer.produce(target, message.value().decode() + "!", key=message.key())
        positions = consumer.position(consumer.assignment())
        writer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), 20)
        if turn % 3 == 0:
            writer.abort_transaction(20)
            committed = consumer.committed(consumer.assignment(), 20)
            for partition in committed:
                consumer.seek(TopicPartition(source, partition.partition, max(partition.offset, 0)))
        else:
            writer.commit_transaction(20)
            done += len(messages)
    consumer.close()
    assert read_all(target) == sorted(f"{i}!" for i in range(300))


for scenario in (commit_and_abort, open_transaction_is_invisible, zombie_is_fenced, consume_transform_produce):
    started = time.time()
    scenario()
    print(f"{scenario.__name__} {time.time() - started:.1f} s", flush=True)
