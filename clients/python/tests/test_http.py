"""What can go wrong between a client and a server: each has its name and ends in time. Against chronik-server, and against sockets
that misbehave as no server of ours does."""

import hashlib
import os
import socket
import threading
import time
import unittest

import chronik
from deadline import Case, Server, needs_server, wait_until


@needs_server
class WithServer(Case):
    def setUp(self):
        super().setUp()
        self.server = Server(self.dir / "data")
        self.addCleanup(lambda: self.server.kill())

    def test_what_was_answered_survives_sigkill_and_the_client_goes_on(self):
        store = self.open(self.server.url)
        session = store.open_session("s")
        made = [session.create(f"{n}") for n in range(20)]
        self.server.kill()
        with self.assertRaises(chronik.Unavailable):
            session.latest()
        self.server.start()
        self.assertEqual(list(session.checkpoints()), made[::-1])
        # Once more, so that every kept connection is dead by the time it is used.
        self.server.kill()
        self.server.start()
        self.assertEqual(session.create("x", idempotency_key="once").sequence, 21)
        self.assertEqual(session.create("x", idempotency_key="once").sequence, 21)
        # What cannot be repeated is sent only where it has a chance.
        self.server.kill()
        self.server.start()
        self.assertEqual(session.create("y").sequence, 22)

    def test_a_killed_server_ends_all_that_wait(self):
        store = self.open(self.server.url)
        session = store.open_session("s")
        ended = []

        def wait():
            try:
                session.wait_events(100, timeout=50)
            except chronik.CheckpointError as error:
                ended.append(type(error))

        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        session.create("x")
        self.server.kill()
        for thread in threads:
            thread.join(20)
        self.assertEqual(ended, [chronik.Unavailable] * 4)

    def test_more_threads_than_connections_take_turns(self):
        store = self.open(self.server.url, connections_max=3)
        session = store.open_session("s")
        errors = []

        def work():
            try:
                for _ in range(5):
                    session.create("x")
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(session.describe().last_sequence, 100)

    def test_one_thread_keeps_to_one_connection(self):
        store = self.open(self.server.url)
        session = store.open_session("s")
        (first,) = store._connections._idle
        port = first.sock.getsockname()[1]
        for call in (lambda: session.create("x"), session.latest, session.describe, lambda: session.payload(session.latest().id),
                     lambda: session.export_to(lambda line: None), lambda: session.remove(session.latest().id),
                     lambda: self.assertRaises(chronik.NotFound, session.latest), lambda: session.create(b"")):
            call()
            (kept,) = store._connections._idle
            self.assertEqual(kept.sock.getsockname()[1], port)

    def test_large_payloads_and_exports_go_through_whole(self):
        store = self.open(self.server.url)
        session = store.open_session("s")
        payload = os.urandom(8 << 20)
        saved = session.create(payload)
        self.assertEqual(session.payload(saved.id), payload)
        lines = []
        session.export_to(lines.append)
        other = self.open(f"sqlite:{self.dir / 'other.db'}")
        self.assertEqual(other.import_from(lines).created, 1)
        self.assertEqual(other.session("s").payload(saved.id), payload)
        with self.assertRaises(chronik.TooLarge):
            session.create(b"x" * ((64 << 20) + 1))
        self.assertEqual(session.create("after").sequence, 2)

    def test_a_fork_makes_connections_of_its_own(self):
        store = self.open(self.server.url, connections_max=1, timeout=30)
        session = store.open_session("s")
        seen = []
        waiter = threading.Thread(target=lambda: seen.append(session.wait_events(2, timeout=50)))
        waiter.start()
        wait_until(lambda: not store._connections._idle and store._connections._free._value == 0)
        child = os.fork()  # while the only connection is in use
        if child == 0:
            code = 1
            try:
                for n in range(20):
                    session.create(f"child {n}")
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        waiter.join()
        self.assertEqual(seen[0].events[0].sequence, 1)
        self.assertEqual(session.create("parent").sequence, 21)

    def test_ids_are_ids_and_names_are_names(self):
        store = self.open(self.server.url)
        session = store.open_session("a/../b?c#d%2F")
        saved = session.create("x")
        for wrong in ("latest", "1", "", "../s", saved.id + "?x=1"):
            with self.subTest(wrong), self.assertRaises(chronik.InvalidArgument):
                session.get(wrong)
        self.assertEqual([info.name for info in store.sessions()], ["a/../b?c#d%2F"])


def reply(body, *headers, status="200 OK"):
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")).encode() + body


HEALTH = reply(b'{"sessions":0,"checkpoints":0,"payload_bytes":0,"stored_bytes":0,"dead_bytes":0,"damaged":0,'
               b'"scrubs":0,"scrub_problems":0,"scrubbed_at":0}')


class Misbehaving(Case):
    """A socket that answers the first request well, then as the test says: bytes to send, or None to say nothing. It ends each
    connection behind its answer."""

    lingers_s = 0

    def serve(self, *answers):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.requests = []
        self.done = threading.Event()
        self.addCleanup(self.done.set)

        def run():
            for answer in (HEALTH, *answers):
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(20)
                    self.requests.append(peer.recv(65536))
                    if answer is None:
                        self.done.wait(30)
                    else:
                        peer.sendall(answer)
                        time.sleep(self.lingers_s)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def test_nobody_there_is_unavailable(self):
        with socket.socket() as held:  # bound, so that nobody else is given the port, and not listening
            held.bind(("127.0.0.1", 0))
            with self.assertRaises(chronik.Unavailable):
                chronik.open(f"http://127.0.0.1:{held.getsockname()[1]}")

    def test_silence_ends_by_the_deadline(self):
        begun = time.monotonic()
        store = self.open(self.serve(None), timeout=3)
        with self.assertRaises(chronik.TimedOut):
            store.health()
        self.assertLess(time.monotonic() - begun, 15)

    def test_a_body_that_stops_short_is_unavailable(self):
        store = self.open(self.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
        with self.assertRaisesRegex(chronik.Unavailable, "IncompleteRead"):
            store.health()

    def test_what_is_no_http_or_no_json_is_unavailable(self):
        store = self.open(self.serve(b"\x00\x01\x02\r\n\r\n", reply(b"<html>")))
        for _ in range(2):
            with self.assertRaises(chronik.Unavailable):
                store.health()

    def test_another_server_s_errors_have_names(self):
        store = self.open(self.serve(reply(b"nothing here", status="404 Not Found"), reply(b"busy", status="503 Busy"),
                                     reply(b"[1]", status="500 Odd")))
        for error in (chronik.Unsupported, chronik.Unavailable, chronik.CheckpointError):
            with self.subTest(error.__name__), self.assertRaisesRegex(error, "nothing here|busy|500"):
                store.health()

    def test_a_payload_that_changed_on_its_way_is_corrupt(self):
        good = hashlib.sha256(b"payload").hexdigest()
        store = self.open(self.serve(reply(b"{}"), reply(b"pAyload", f'ETag: "{good}"')))
        session = store.session("s")
        with self.assertRaises(chronik.Corrupt):
            session.payload("01a1fe95-d0b3-7263-969e-c9a1e67bed0c")

    def test_an_export_without_its_end_is_unavailable(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        line = b'{"chronik_export":1}\n'
        store = self.open(self.serve(reply(b"{}"), chunked + b"15\r\n" + line + b"\r\n0\r\n\r\n", chunked + b"15\r\n" + line))
        session = store.session("s")
        for _ in range(2):
            lines = []
            with self.assertRaises(chronik.Unavailable):
                session.export_to(lines.append)
            self.assertEqual(lines, [line])

    def test_what_cannot_be_repeated_is_sent_once(self):
        # The header: on a kept connection that ends, the request may be lost before anybody reads it.
        store = self.open(self.serve(reply(b"{}", "Connection: close"), b"", b"", reply(b"{}")))
        session = store.session("s")
        with self.assertRaises(chronik.Unavailable):
            session.create("x")
        self.assertEqual(len([one for one in self.requests if one.startswith(b"POST")]), 1)

    def test_addresses_that_are_none_are_refused(self):
        for wrong in ("http://", "http://:1", "http://host:port", "http://a:1/?x=1", "http://user:word@a:1"):
            with self.subTest(wrong), self.assertRaises(chronik.InvalidArgument):
                chronik.open(wrong)


class MisbehavingLate(Misbehaving):
    """The same where a connection ends only when the client may have sent its next request there: the end is a race elsewhere."""

    lingers_s = 0.2


if __name__ == "__main__":
    unittest.main(verbosity=2)
