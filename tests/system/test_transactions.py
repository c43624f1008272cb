"""Exactly once with real clients: librdkafka (transactions version 1), Java (version 2) through kills of the broker and of
the clients."""
# ctest: timeout=1200

import os
import random
import subprocess
import time

import client_libraries
import harness

# More on demand: CHRONIK_KILLS=50 tests/system/test_transactions.py
KILLS = int(os.environ.get("CHRONIK_KILLS", "6"))
RECORDS = max(20_000, 12_000 * KILLS)


class Transactions(harness.SystemTest):
    def test_librdkafka_commits_aborts_and_is_fenced(self):
        python = client_libraries.python()
        broker = self.start_broker("--set", "group.initial.rebalance.delay.ms=100")
        done = harness.run([python, client_libraries.CLIENTS / "transactions.py", broker.kafka], deadline_s=120)
        self.assertEqual(len(done.stdout.splitlines()), 4, done.stdout)

    def test_java_and_librdkafka_move_each_record_exactly_once_through_kills(self):
        """Two movers, Java and librdkafka; now the broker is killed, now one of them."""
        seed = int(os.environ.get("CHRONIK_SEED", str(time.time_ns() % 1_000_000)))
        print(f"CHRONIK_SEED={seed}")  # settles who is killed and when, not what they are doing then
        draw = random.Random(seed)
        java = client_libraries.java("Transactions")
        broker = self.start_broker("--set", "group.initial.rebalance.delay.ms=0", "--shards", "2")
        harness.run([*java, "fill", broker.kafka, "source", "target", RECORDS], deadline_s=60 + RECORDS / 5000)
        outputs = self.new_dir("movers")

        def said(name):
            return (outputs / name).read_text(encoding="utf-8")

        def start(name):
            with open(outputs / name, "a", encoding="utf-8") as out:
                return subprocess.Popen([*commands[name], broker.kafka, "source", "target", name], stdout=out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

        commands = {"java": [*java, "move"],
                    "librdkafka": [str(client_libraries.python("2.12.1")), str(client_libraries.CLIENTS / "mover.py")]}
        movers = {name: start(name) for name in commands}
        try:
            for name in movers:
                harness.wait_until(lambda name=name: "moving" in said(name) or movers[name].poll() is not None, 60, name)
            killed = {"broker": 0, "mover": 0}
            for kill in range(KILLS):
                time.sleep(draw.uniform(0.4, 1.6))
                if kill % 2 == 0:
                    broker.kill()
                    broker.start(same_ports=True)
                    killed["broker"] += 1
                    continue
                name = draw.choice(sorted(movers))
                self.assertIsNone(movers[name].poll(), "done too soon: " + said(name)[-1000:])
                movers[name].kill()
                movers[name].wait()
                movers[name] = start(name)
                killed["mover"] += 1
            print(f"killed {killed}")
            for name, mover in movers.items():
                self.assertEqual(mover.wait(650 + 6 * KILLS), 0, said(name)[-3000:])
        finally:
            for mover in movers.values():
                mover.kill()
        done = harness.run([*java, "check", broker.kafka, "source", "target", RECORDS], deadline_s=90 + RECORDS / 5000)
        self.assertIn(f"exactly {RECORDS}", done.stdout)


if __name__ == "__main__":
    harness.main()
