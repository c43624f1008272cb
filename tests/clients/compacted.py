"""Writes a compacted topic, and reads it, with confluent-kafka.

usage: compacted.py write BOOTSTRAP TOPIC MEGABYTES KEYS FILE   keyed records; FILE gets the last value of each key (a number)
       compacted.py tail BOOTSTRAP TOPIC FILE                   reads on and on, until FILE is there
       compacted.py check BOOTSTRAP TOPIC FILE                  the topic says of each key what FILE says
Prints "N records" at the end.
"""

import os
import random
import struct
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

MODE, BOOTSTRAP, TOPIC = sys.argv[1:4]
PARTITIONS = 2
SIZE = 1000
END = time.monotonic() + 1500


def write(megabytes, keys, path):
    admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
    settings = {"cleanup.policy": "compact", "segment.bytes": str(max(1 << 20, megabytes << 20 >> 6)),
                "min.cleanable.dirty.ratio": "0.3"}
    for done in admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1, config=settings)]).values():
        done.result(30)
    acknowledged = [0] * keys
    failed = []

    # Of one key, which is always in one partition, acknowledgements come in order.
    def settle(error, message):
        if error:
            failed.append(str(error))
        else:
            acknowledged[int(message.key())] = struct.unpack_from(">Q", message.value())[0]

    producer = Producer({"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "linger.ms": 5,
                         "queue.buffering.max.kbytes": 65536, "message.timeout.ms": 300000, "on_delivery": settle})
    noise = os.urandom(SIZE * 2)
    draw = random.Random(7)
    total = megabytes * (1 << 20) // SIZE
    for number in range(1, total + 1):
        key = draw.randrange(keys)
        value = struct.pack(">Q", number) + noise[number % SIZE:number % SIZE + SIZE - 8]
        while True:
            try:
                producer.produce(TOPIC, value, key=b"%d" % key, partition=key % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 256 == 0:
            producer.poll(0)
    if producer.flush(600) or failed:
        raise SystemExit(f"{len(failed)} failed: {failed[:3]}")
    with open(path + ".new", "wb") as out:
        out.write(struct.pack(f">{keys}Q", *acknowledged))
    os.rename(path + ".new", path)
    print(f"{total} records")


def read(until):
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "none", "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "enable.partition.eof": True})
    consumer.assign([TopicPartition(TOPIC, i, OFFSET_BEGINNING) for i in range(PARTITIONS)])
    last, at, count, ended = {}, {}, 0, set()
    while time.monotonic() < END and not until(ended):
        for message in consumer.consume(1000, 0.5):
            if message.error():
                if message.error().code() == -191:  # end of the partition
                    ended.add(message.partition())
                continue
            if message.offset() <= at.get(message.partition(), -1):
                raise SystemExit(f"offset {message.offset()} after {at[message.partition()]}")
            at[message.partition()] = message.offset()
            ended.discard(message.partition())
            number = struct.unpack_from(">Q", message.value())[0]
            if number <= last.get(message.key(), 0):
                raise SystemExit(f"key {message.key()} goes back from {last[message.key()]} to {number}")
            last[message.key()] = number
            count += 1
    consumer.close()
    return last, count


def main():
    if MODE == "write":
        return write(int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
    path = sys.argv[4]
    if MODE == "tail":
        _, count = read(lambda ended: os.path.exists(path))
    else:
        last, count = read(lambda ended: len(ended) == PARTITIONS)
        with open(path, "rb") as expected:
            data = expected.read()
        for key, number in enumerate(struct.unpack(f">{len(data) // 8}Q", data)):
            if last.get(b"%d" % key, 0) != number:
                raise SystemExit(f"key {key}: {last.get(b'%d' % key)} instead of {number}")
    print(f"{count} records")


main()
