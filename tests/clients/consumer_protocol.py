"""Members of one group of the new consumer protocol (KIP-848) with confluent-kafka: two read, a third comes, one leaves.

usage: consumer_protocol.py BOOTSTRAP TOPIC RECORDS
"""

import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

BOOTSTRAP, TOPIC, WANTED = sys.argv[1], sys.argv[2], int(sys.argv[3])
END = time.monotonic() + 100
arrived, lock = [], threading.Lock()


def consume(stay):
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "python-members", "group.protocol": "consumer",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([TOPIC])
    while stay() and time.monotonic() < END:
        batch = consumer.consume(100, 0.2)
        for message in batch:
            if message.error():
                raise SystemExit(str(message.error()))
            with lock:
                arrived.append(message.value())
        if batch:
            try:
                consumer.commit(asynchronous=False)
            except KafkaException as lost:
                print("commit:", lost, flush=True)
    consumer.close()


def reached(count):
    while len(arrived) < count and time.monotonic() < END:
        time.sleep(0.005)


def main():
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    for done in admin.create_topics([NewTopic(TOPIC, 6, 1)]).values():
        done.result(30)
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for i in range(WANTED):
        producer.produce(TOPIC, b"record %d" % i, partition=i % 6)
        producer.poll(0)
    producer.flush(60)
    leaves = threading.Event()
    members = [threading.Thread(target=consume, args=(lambda: not leaves.is_set(),)),
               threading.Thread(target=consume, args=(lambda: len(arrived) < WANTED,)),
               threading.Thread(target=consume, args=(lambda: len(set(arrived)) < WANTED,))]
    for member in members[:2]:
        member.start()
    reached(WANTED // 3)
    members[2].start()
    reached(WANTED * 2 // 3)
    leaves.set()
    for member in members:
        member.join()
    print(f"arrived {len(arrived)} distinct {len(set(arrived))}")
    raise SystemExit(0 if len(set(arrived)) == WANTED else 1)


main()
