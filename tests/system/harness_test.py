"""The harness itself, against a stand-in server: it must notice what goes wrong, not only what goes right."""

import os
import signal
import socket
import sys
import threading
import time

import harness

STAND_IN = """
import signal, sys, threading
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
if "--never-ready" not in sys.argv:
    print("starting")
    print("ready kafka=127.0.0.1:19092 admin=127.0.0.1:16092", flush=True)
if "--ends" in sys.argv:
    sys.exit(3)
stop.wait(60)
sys.exit(7 if "--bad-end" in sys.argv else 0)
"""


class HarnessTest(harness.SystemTest):
    def stand_in(self, *args):
        return self.new_broker(*args, program=[sys.executable, "-c", STAND_IN])

    def test_ready_line_gives_the_addresses(self):
        broker = self.stand_in().start()
        self.assertEqual((broker.kafka, broker.admin), ("127.0.0.1:19092", "127.0.0.1:16092"))
        broker.restart(kill=True)
        self.assertTrue(broker.running())
        broker.restart(same_ports=True)
        self.assertTrue(broker.running())

    def test_server_that_is_never_ready_fails_by_the_deadline(self):
        with self.assertRaisesRegex(AssertionError, "did not print"):
            self.stand_in("--never-ready").start(deadline_s=0.5)

    def test_server_that_ends_early_is_noticed_at_once(self):
        with self.assertRaisesRegex(AssertionError, "ended with 3 before"):
            self.stand_in("--never-ready", "--ends").start(deadline_s=60)

    def test_server_that_dies_during_a_test_is_a_failure(self):
        broker = self.stand_in().start()
        os.kill(broker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, broker.pid, os.WEXITED | os.WNOWAIT)
        with self.assertRaisesRegex(AssertionError, "ended by itself"):
            broker.finish()

    def test_unclean_stop_is_a_failure(self):
        broker = self.stand_in("--bad-end").start()
        with self.assertRaisesRegex(AssertionError, "ended with 7"):
            broker.stop()

    def test_a_command_ends_by_its_deadline_with_all_it_started(self):
        for lingering in ("sleep 1000; true", "sleep 1000 & exit 0"):  # it, or what holds its pipes
            began = time.monotonic()
            with self.assertRaisesRegex(AssertionError, "did not end within 5 s; it said: begun"):
                harness.run(["bash", "-c", f"echo begun; {lingering}"], deadline_s=5)
            self.assertLess(time.monotonic() - began, 100)
        self.assertEqual(harness.run(["cat"], input="x").stdout, "x")
        self.assertEqual(harness.run(["cat"]).stdout, "")

    def test_an_installer_that_fails_or_hangs_skips(self):
        for script, reason in (("echo no route >&2; false", "no route"), ("sleep 1000", "did not end within 1 s")):
            with self.assertRaisesRegex(harness.Skip, f"a client cannot be fetched: .*{reason}"):
                harness.fetch(["bash", "-c", script], "a client", deadline_s=1)
        harness.fetch(["true"], "a client", deadline_s=60)

    def test_a_server_that_is_down_keeps_its_ports(self):
        broker = self.new_broker().start()
        broker.kill()
        taken = {int(address.rsplit(":", 1)[1]) for address in (broker.kafka, broker.admin)}
        for port in taken:
            with socket.socket() as other, self.assertRaises(OSError):
                other.bind(("127.0.0.1", port))
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
        before = broker.kafka, broker.admin
        broker.start(same_ports=True)
        self.assertEqual((broker.kafka, broker.admin), before)

    def test_wait_until_has_a_deadline(self):
        event = threading.Event()
        with self.assertRaises(AssertionError):
            harness.wait_until(event, 0.01)
        with self.assertRaises(AssertionError):
            harness.wait_until(lambda: False, 0.01)
        event.set()
        self.assertTrue(harness.wait_until(event, 0.01))

    def test_full_disk_is_full(self):
        path = harness.tmpfs(self, "1m") / "file"
        with self.assertRaisesRegex(OSError, "No space left"):
            path.write_bytes(bytes(2 << 20))

    def test_frozen_disk_stalls_a_write_until_it_thaws(self):
        path = harness.ext4(self) / "file"
        written = threading.Event()

        def write():
            path.write_bytes(b"x")
            written.set()

        writer = threading.Thread(target=write)
        with harness.Frozen(path.parent):
            writer.start()
            self.assertFalse(written.wait(0.2))
        harness.wait_until(written, what="the write after the thaw")
        writer.join()

    def test_shut_down_disk_answers_eio(self):
        path = harness.ext4(self) / "file"
        path.write_bytes(b"x")
        harness.shut_down(path.parent)
        with self.assertRaisesRegex(OSError, "Input/output error"):
            with open(path, "ab") as file:
                file.write(b"y")
                file.flush()
                os.fsync(file.fileno())


if __name__ == "__main__":
    harness.main()
