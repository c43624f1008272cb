"""The same round trip with confluent-kafka: records of a file to three partitions and back through a group of two that a third joins.

usage: round_trip.py BOOTSTRAP TOPIC INPUT OUTPUT
"""

import sys
import threading
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

BOOTSTRAP, TOPIC, INPUT, OUTPUT = sys.argv[1:]


def consume(arrived, wanted, end):
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": f"python-{TOPIC}", "auto.offset.reset": "earliest",
                         "enable.auto.commit": False, "partition.assignment.strategy": "cooperative-sticky"})
    consumer.subscribe([TOPIC], on_revoke=lambda c, gone: c.commit(asynchronous=False) if arrived else None)
    while len(arrived) < wanted and time.monotonic() < end:
        batch = consumer.consume(500, 0.2)
        for message in batch:
            if message.error():
                raise SystemExit(str(message.error()))
            arrived.append(message.value())
        if batch:
            consumer.commit(asynchronous=False)
    consumer.close()


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
    arrived = []
    end = time.monotonic() + 90
    members = [threading.Thread(target=consume, args=(arrived, len(records), end)) for _ in range(3)]
    for member in members[:2]:
        member.start()
    while len(arrived) < len(records) // 2 and time.monotonic() < end:
        time.sleep(0.005)
    members[2].start()
    for member in members:
        member.join()
    with open(OUTPUT, "wb") as file:
        file.write(b"".join(record + b"\n\n" for record in arrived))
    print(f"produced {len(records)} arrived {len(arrived)}")


if __name__ == "__main__":
    main()
