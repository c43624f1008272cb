"""The same round trip with confluent-kafka: records of a file to three partitions and back through a group of two that a third joins.
Nothing that was committed comes again; what was read and not committed may, as a commit is refused in the middle of a rebalance.

usage: round_trip.py BOOTSTRAP TOPIC INPUT OUTPUT
"""

import sys
import threading
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

BOOTSTRAP, TOPIC, INPUT, OUTPUT = sys.argv[1:]


class Member(threading.Thread):
    """A consumer on a thread of its own. arrived: values by (partition, offset), and committed: such pairs; of all members."""

    def __init__(self, arrived, committed, wanted, end):
        super().__init__()
        self.arrived, self.committed, self.wanted, self.end = arrived, committed, wanted, end
        self.taken = set()  # read since the last commit
        self.failure = None

    def run(self):
        consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": f"python-{TOPIC}", "auto.offset.reset": "earliest",
                             "enable.auto.commit": False, "partition.assignment.strategy": "cooperative-sticky"})
        consumer.subscribe([TOPIC], on_revoke=self.revoked, on_lost=self.lost)
        try:
            while len(self.arrived) < self.wanted and time.monotonic() < self.end:
                batch = consumer.consume(500, 0.2)
                for message in batch:
                    self.take(message)
                if batch:
                    self.commit(consumer)
            while self.taken and not self.commit(consumer) and time.monotonic() < self.end:
                consumer.poll(0.2)  # a rebalance ends
            consumer.close()
        except (KafkaException, AssertionError) as failure:
            self.failure = failure

    def take(self, message):
        if message.error():
            raise KafkaException(message.error())
        place = message.partition(), message.offset()
        assert place not in self.committed, f"{place} came again although it was committed"
        self.arrived[place] = message.value()
        self.taken.add(place)

    def commit(self, consumer):
        try:
            consumer.commit(asynchronous=False)
        except KafkaException as refused:
            if refused.args[0].code() not in (KafkaError._NO_OFFSET, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.ILLEGAL_GENERATION):
                raise
            return False
        self.committed |= self.taken
        self.taken.clear()
        return True

    def revoked(self, consumer, gone):
        if self.taken:
            self.commit(consumer)
        self.lost(consumer, gone)

    def lost(self, _, gone):
        partitions = {one.partition for one in gone}
        self.taken = {place for place in self.taken if place[0] not in partitions}


def main():
    with open(INPUT, "rb") as file:
        records = file.read().split(b"\n\n")
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})  # kept: its thread completes the futures
    for done in admin.create_topics([NewTopic(TOPIC, 3, 1)]).values():
        done.result(30)
    failed = []
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "compression.type": "lz4"})
    for record in records:
        while True:
            try:
                producer.produce(TOPIC, record, on_delivery=lambda error, _: failed.append(error) if error else None)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(60)
    if failed:
        raise SystemExit(f"{len(failed)} records failed: {failed[0]}")
    arrived, committed = {}, set()
    end = time.monotonic() + 120
    members = [Member(arrived, committed, len(records), end) for _ in range(3)]
    for member in members[:2]:
        member.start()
    while len(arrived) < len(records) // 2 and time.monotonic() < end:
        time.sleep(0.005)
    members[2].start()
    for member in members:
        member.join()
        if member.failure:
            raise SystemExit(str(member.failure))
    with open(OUTPUT, "wb") as file:
        file.write(b"".join(record + b"\n\n" for record in arrived.values()))
    print(f"produced {len(records)} arrived {len(arrived)} committed {len(committed)}")
    if len(committed) < 0.9 * len(arrived):
        raise SystemExit("most commits were refused")


if __name__ == "__main__":
    main()
