"""Moves every record of one topic to another with confluent-kafka (librdkafka), exactly once: offsets in the same transaction, some
aborted; goes on through restarts of the broker, and where a mover of the same name left off when it was killed. As
java/Transactions.java moves, beside which it works.

usage: mover.py BOOTSTRAP SOURCE TARGET NAME
"""

import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

BOOTSTRAP, SOURCE, TARGET, NAME = sys.argv[1:5]
END = time.monotonic() + 600
COMMON = {"bootstrap.servers": BOOTSTRAP, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}


def done(consumer):
    assigned = consumer.assignment()
    for place in consumer.committed(assigned, timeout=10):
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        if end > 0 and place.offset < end:
            return False
    return bool(assigned)


def rewind(consumer):
    for place in consumer.committed(consumer.assignment(), timeout=10):
        consumer.seek(TopicPartition(place.topic, place.partition, max(place.offset, 0)))


def move(consumer, producer):
    """One batch; false once there is nothing left of what is assigned."""
    batch = [message for message in consumer.consume(50, 0.5) if message.error() is None]
    if not batch:
        return not done(consumer)
    producer.begin_transaction()
    for message in batch:
        producer.produce(TARGET, message.value() + b"!", message.key())
        producer.poll(0)
    ends = {}
    for message in batch:
        ends[message.partition()] = message.offset() + 1
    producer.send_offsets_to_transaction([TopicPartition(SOURCE, partition, end) for partition, end in ends.items()],
                                         consumer.consumer_group_metadata(), 20)
    move.turn += 1
    if move.turn % 7 == 0:
        producer.abort_transaction(20)
        rewind(consumer)
    else:
        producer.commit_transaction(20)
    return True


move.turn = 0


def main():
    restarts = 0
    while time.monotonic() < END:
        consumer = Consumer({**COMMON, "group.id": SOURCE + "-movers", "group.instance.id": NAME, "session.timeout.ms": 10000,
                             "auto.offset.reset": "earliest", "enable.auto.commit": False, "isolation.level": "read_committed",
                             "partition.assignment.strategy": "range"})
        try:
            producer = Producer({**COMMON, "transactional.id": TARGET + "-" + NAME, "transaction.timeout.ms": 30000, "linger.ms": 1})
            producer.init_transactions(30)
            consumer.subscribe([SOURCE])
            print("moving", flush=True)
            while move(consumer, producer):
                if time.monotonic() > END:
                    raise SystemExit("not done in time")
            print(f"moved in {move.turn} transactions, {restarts} restarts", flush=True)
            return
        except KafkaException as error:
            print("starts anew after", error, flush=True)
            restarts += 1
            time.sleep(0.2)
        finally:
            consumer.close()
    raise SystemExit("not done in time")


main()
