"""Checkpoints over HTTP, by a client of the standard library: a whole life, each mistake, kill -9, 128 at once, events as
they come. Every JSON answer has exactly the members that /openapi.json says."""
# ctest: timeout=180

import base64
import collections
import hashlib
import http.client
import json
import os
import re
import socket
import struct
import threading
import time
import urllib.parse
from pathlib import Path

import harness

THREADS = 128


class Api:
    """One connection to the server; opened again when it was closed."""

    def __init__(self, broker, described=None):
        self.address = broker.admin
        self.described = described
        self.connection = http.client.HTTPConnection(self.address, timeout=60)

    def __del__(self):
        self.connection.close()

    def __call__(self, method, path, body=None, status=200, headers=None, **query):
        text = urllib.parse.urlencode(query, doseq=True)
        target = "/v1/" + path + ("?" + text if text else "")
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        for again in (True, False):
            try:
                self.connection.request(method, target, body, headers or {})
                answer = self.connection.getresponse()
                break
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # A server may close an idle connection at any moment; a second time is a failure.
                self.connection.close()
                if not again:
                    raise
        data = answer.read()
        if answer.status != status:
            raise AssertionError(f"{method} {target}: {answer.status} {data[:400]!r}, expected {status}")
        kind = answer.getheader("Content-Type") or ""
        if kind == "application/problem+json":
            problem = json.loads(data)
            assert problem["status"] == status and problem["detail"] and "\n" not in problem["detail"], problem
            assert problem["type"] == "urn:chronik:" + problem["title"], problem
            return problem
        self.headers = answer.headers
        if kind != "application/json" or path.endswith("/payload") or path.endswith("/restore"):
            return data
        value = json.loads(data)
        if self.described:
            self.described.check(method.lower(), "/v1/" + path, status, value)
        return value


class Described:
    """The OpenAPI document, held against what comes."""

    def __init__(self, broker):
        connection = http.client.HTTPConnection(broker.admin, timeout=30)
        connection.request("GET", "/openapi.json")
        self.document = json.loads(connection.getresponse().read())
        connection.close()
        self.seen = set()

    def check(self, method, path, status, value):
        for pattern, methods in self.document["paths"].items():
            if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
                answer = methods[method]["responses"][str(status)]
                self.match(answer["content"]["application/json"]["schema"], value, f"{method} {pattern}")
                self.seen.add((method, pattern))
                return
        raise AssertionError(f"{method} {path} is not described")

    def match(self, schema, value, where):
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
        kind = schema.get("type", [])
        kinds_here = tuple(kinds[one] for one in ([kind] if isinstance(kind, str) else kind))
        if kinds_here and not isinstance(value, kinds_here):
            raise AssertionError(f"{where}: {value!r} is no {kind}")
        if "enum" in schema and value not in schema["enum"]:
            raise AssertionError(f"{where}: {value!r}")
        if isinstance(value, dict) and "properties" in schema:
            if list(value) != list(schema["properties"]):
                raise AssertionError(f"{where}: {list(value)} instead of {list(schema['properties'])}")
            for name, inner in schema["properties"].items():
                self.match(inner, value[name], f"{where} {name}")
        if isinstance(value, list) and "items" in schema:
            for one in value:
                self.match(schema["items"], one, where)


class WebSocket:
    """A client that reads text messages and answers nothing."""

    def __init__(self, broker, target):
        host, port = broker.admin.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {target} HTTP/1.1\r\nHost: {broker.admin}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.data = b""
        head = self._until(b"\r\n\r\n")
        wanted = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        assert head.startswith(b"HTTP/1.1 101 ") and b"Sec-WebSocket-Accept: " + wanted in head, head

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise AssertionError("the server closed the connection")
        self.data += data

    def _until(self, mark):
        while mark not in self.data:
            self._more()
        head, self.data = self.data.split(mark, 1)
        return head + mark

    def _take(self, count):
        while len(self.data) < count:
            self._more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def frame(self):
        first, length = self._take(2)
        assert not length & 0x80, "a server does not mask"
        if length == 126:
            length = struct.unpack(">H", self._take(2))[0]
        return first & 15, self._take(length)

    def answer(self):
        """The next frame that is no ping of the server's."""
        kind, data = self.frame()
        while kind == 9:
            kind, data = self.frame()
        return kind, data

    def event(self):
        while True:
            kind, data = self.frame()
            if kind == 1:
                return json.loads(data)

    def send(self, opcode, data=b""):
        self.socket.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + b"\0\0\0\0" + data)


class CheckpointHttp(harness.SystemTest):
    def setUp(self):
        self.broker = self.start_broker()
        self.described = Described(self.broker)
        self.api = Api(self.broker, self.described)

    def save(self, payload, session="s", status=201, **query):
        return self.api("POST", f"sessions/{session}/checkpoints", payload, status, **query)

    def test_a_whole_life(self):
        api = self.api
        self.assertEqual(api("POST", "sessions", {"name": "s", "metadata": {"b": 1, "a": [2]}}, 201)["metadata"],
                         {"a": [2], "b": 1})
        self.assertEqual(api("PUT", "sessions/s"), api("GET", "sessions/s"))
        first = api("POST", "sessions/s/checkpoints", b'{"step":1}', 201, {"Content-Type": "application/json"},
                    message="planned, f\xfcr alle", tag=["a", "b"], metadata='{"loss":0.5}', schema_version=3)
        self.assertEqual((first["sequence"], first["parent"], first["tags"], first["content_type"], first["message"]),
                         (1, None, ["a", "b"], "application/json", "planned, f\xfcr alle"))
        self.assertEqual(api.headers["Location"], f"/v1/sessions/s/checkpoints/{first['id']}")
        second = self.save(b'{"step":2}', expected_parent=first["id"], metadata='{"loss":0.25}', content_type="application/json")
        self.assertEqual(second["parent"], first["id"])
        self.assertEqual(self.save(b'{"step":2}', expected_parent=first["id"], status=409)["title"], "conflict")
        self.assertEqual(self.save(b"", branch="main", expected_parent="none", status=409)["title"], "conflict")
        again = [self.save(b"x", idempotency_key="k", branch="side", branch_from=first["id"]) for _ in range(2)]
        self.assertEqual(again[0], again[1])
        self.assertEqual(again[0]["parent"], first["id"])
        for ref in (first["id"], "1"):
            self.assertEqual(api("GET", f"sessions/s/checkpoints/{ref}"), first)
            self.assertEqual(api("GET", f"sessions/s/checkpoints/{ref}/payload"), b'{"step":1}')
        self.assertEqual(api.headers["Content-Type"], "application/json")
        self.assertEqual(api.headers["ETag"], '"' + hashlib.sha256(b'{"step":1}').hexdigest() + '"')
        self.assertEqual(api("GET", "sessions/s/checkpoints/latest", branch="main")["id"], second["id"])
        self.assertEqual(api("GET", "sessions/s/checkpoints/latest", at_sequence=1)["id"], first["id"])
        self.assertEqual(api("GET", "sessions/s/checkpoints/latest", at_time=first["created_at"])["sequence"] >= 1, True)
        self.assertEqual(api("GET", "sessions/s/checkpoints/1/diff/2")["patch"],
                         [{"op": "replace", "path": "/step", "value": 2}])
        self.assertEqual(api("POST", "sessions/s/checkpoints/1/restore"), b'{"step":1}')
        self.assertEqual(api("PATCH", "sessions/s/checkpoints/1", {"add_tags": ["c"], "remove_tags": ["a"], "pinned": True})["tags"],
                         ["b", "c"])
        noted = api("POST", "sessions/s/checkpoints/1/annotations", {"level": "warning", "text": "odd"})
        self.assertEqual([(one["level"], one["text"]) for one in noted["annotations"]], [("warning", "odd")])
        rewound = api("POST", "sessions/s/checkpoints/1/rewind", b"", 201, message="back")
        self.assertEqual((rewound["payload_hash"], rewound["message"]), (first["payload_hash"], "back"))
        forked = api("POST", "sessions/s/checkpoints/2/fork", {"name": "t/\u00fc"}, 201)
        self.assertEqual(forked["forked_from"], "s/" + second["id"])
        self.assertEqual(api("GET", "sessions/t%2F%C3%BC/checkpoints/latest/payload"), b'{"step":2}')
        page = api("GET", "sessions/s/checkpoints", limit=3)
        rest = api("GET", "sessions/s/checkpoints", limit=3, cursor=page["next"])
        self.assertEqual([one["sequence"] for one in page["checkpoints"] + rest["checkpoints"]], [4, 3, 2, 1])
        self.assertEqual(rest["next"], "")
        wanted = api("GET", "sessions/s/checkpoints", **{"tag": ["b", "c"], "order": "oldest", "metadata.loss": "0.5"})
        self.assertEqual([one["sequence"] for one in wanted["checkpoints"]], [1])
        self.assertEqual([one["session"] for one in api("GET", "sessions", limit=1)["sessions"]], ["s"])
        page = api("GET", "timeline", limit=3)
        rest = api("GET", "timeline", limit=3, cursor=page["next"])
        merged = [(one["session"], one["checkpoint"]["sequence"]) for one in page["moments"] + rest["moments"]]
        self.assertEqual((merged, rest["next"]), ([("t/ü", 1), ("s", 4), ("s", 3), ("s", 2), ("s", 1)], ""))
        tagged = api("GET", "timeline", order="oldest", **{"tag": ["b", "c"], "metadata.loss": "0.5"})["moments"]
        self.assertEqual([one["checkpoint"] for one in tagged], wanted["checkpoints"])
        self.assertEqual(api("GET", "scrub"), {"ok": True, "checkpoints": 0, "bytes": 0, "problem_count": 0, "problems": []})
        self.assertEqual(api("POST", "sessions/s/checkpoints/1/verify")["ok"], True)
        self.assertEqual(api("POST", "sessions/s/verify")["checkpoints"], 4)
        self.assertEqual(api("POST", "verify")["checkpoints"], 5)
        self.assertEqual(api("DELETE", "sessions/s/checkpoints/1", status=400)["title"], "invalid_argument")
        dry = api("POST", "sessions/s/prune", {"keep_last": 1, "dry_run": True})
        self.assertEqual(dry["sequences"], api("POST", "sessions/s/prune", {"keep_last": 1})["sequences"])
        self.assertEqual(sorted(dry["sequences"]), [2, 3])  # 1 is pinned
        self.assertEqual(api("GET", "health")["checkpoints"], 3)
        self.assertGreaterEqual(api("POST", "compact")["bytes_returned"], 0)
        events = api("GET", "sessions/s/events", limit=1000)["events"]
        self.assertEqual([event["number"] for event in events], list(range(1, len(events) + 1)))
        self.assertIn("restored", {event["kind"] for event in events})
        lines = api("GET", "sessions/s/export")
        self.assertEqual(api("POST", "import", lines), {"session": "s", "created": 0, "present": 2})
        self.assertEqual(api("PATCH", "sessions/s", {"name": "renamed"})["session"], "renamed")
        api("DELETE", "sessions/renamed", status=204)
        self.assertEqual(api("POST", "import", lines)["created"], 2)
        self.assertEqual(api("GET", "sessions/s/checkpoints/1")["annotations"], noted["annotations"])
        api("DELETE", "sessions/s/checkpoints/4", status=204)
        self.assertEqual(api("POST", "sessions/s/fence")["epoch"], 1)
        described = {(method, path) for path, methods in self.described.document["paths"].items() for method in methods
                     if any("application/json" in answer.get("content", {}) for code, answer in methods[method]["responses"].items() if code != "default")}
        self.assertEqual(described - self.described.seen, set())

    def test_each_mistake_has_a_name(self):
        api = self.api
        api("PUT", "sessions/s")
        one = self.save(b"x")["id"]

        def refused(title, status, method, path, body=None, **query):
            problem = api(method, path, body, status, **query)
            self.assertEqual(problem["title"], title, problem)
            return problem["detail"]

        refused("not_found", 404, "GET", "sessions/nobody")
        refused("not_found", 404, "GET", "sessions/s/checkpoints/7")
        refused("not_found", 404, "GET", "nothing")
        refused("invalid_argument", 400, "GET", "sessions/s/checkpoints/x")
        refused("already_exists", 409, "POST", "sessions", {"name": "s"})
        refused("invalid_argument", 400, "POST", "sessions", {"name": ""})
        refused("invalid_argument", 400, "POST", "sessions", "{")
        refused("invalid_argument", 400, "POST", "sessions", "[" * 100_000)
        refused("invalid_argument", 400, "POST", "sessions", b'{"name":"\xff"}')
        refused("too_large", 413, "POST", "sessions", "{" + " " * (1 << 20) + "}")
        self.assertIn("naem", refused("invalid_argument", 400, "POST", "sessions", {"naem": "x"}))
        refused("invalid_argument", 400, "PUT", "sessions/%FF")
        refused("invalid_argument", 400, "PUT", "sessions/a%0Ab")
        refused("invalid_argument", 400, "GET", "sessions/s%zz")
        self.assertIn("limti", refused("invalid_argument", 400, "GET", "sessions", limti=1))
        refused("invalid_argument", 400, "GET", "sessions", limit=0)
        refused("invalid_argument", 400, "GET", "sessions", limit=1001)
        refused("invalid_argument", 400, "GET", "sessions/s/checkpoints", cursor="what")
        refused("invalid_argument", 400, "GET", "timeline", cursor="what")
        refused("invalid_argument", 400, "GET", "timeline", limit=0)
        refused("invalid_argument", 400, "GET", "timeline", limit=1001)
        refused("invalid_argument", 400, "GET", "timeline", order="none")
        self.assertIn("sesion", refused("invalid_argument", 400, "GET", "timeline", sesion="s"))
        refused("method_not_allowed", 405, "POST", "timeline")
        refused("invalid_argument", 400, "POST", "sessions/s/checkpoints", b"x", metadata="[1]")
        refused("invalid_argument", 400, "POST", "sessions/s/checkpoints", b"x", metadata='{"a":')
        refused("invalid_argument", 400, "POST", "sessions/s/checkpoints", b"x", trigger="cron")
        refused("not_found", 404, "POST", "sessions/nobody/checkpoints", b"x")
        refused("conflict", 409, "POST", "sessions/s/checkpoints", b"x", expected_parent="none")
        self.save(b"x", idempotency_key="k")
        refused("conflict", 409, "POST", "sessions/s/checkpoints", b"y", idempotency_key="k")
        refused("invalid_argument", 400, "POST", f"sessions/s/checkpoints/{one}/annotations", {"text": "x", "level": "loud"})
        refused("method_not_allowed", 405, "DELETE", "sessions")
        self.assertEqual(api("POST", "import", "garbage", 422)["title"], "corrupt")
        lines = api("GET", "sessions/s/export")
        self.assertEqual(api("POST", "import", lines.replace(b'"main"', b'"mean"', 1), 422)["title"], "corrupt")
        self.assertEqual(api("POST", "import", lines.rsplit(b"\n", 2)[0], 422)["title"], "corrupt")
        self.assertEqual(api("GET", "events", status=426, session="s")["title"], "upgrade_required")
        epoch = api("POST", "sessions/s/fence")["epoch"]
        later = api("POST", "sessions/s/fence")["epoch"]
        for stale in ({}, {"Chronik-Epoch": str(epoch)}):
            self.assertEqual(api("POST", "sessions/s/checkpoints", b"x", 409, stale)["title"], "fenced")
        api("POST", "sessions/s/checkpoints", b"x", 201, {"Chronik-Epoch": str(later)})
        self.assertEqual(api("GET", "sessions", status=403, headers={"Origin": "http://evil.example"})["title"], "forbidden")
        api("GET", "sessions", headers={"Origin": f"http://{self.broker.admin}"})
        self.assertEqual(api("POST", "sessions/s/verify"), api("POST", "verify"))
        self.assertEqual(api("GET", "sessions/s")["last_sequence"], 3)

    def test_a_full_disk_refuses_what_is_new_and_passes(self):
        directory = harness.tmpfs(self, "160m")  # opening again takes room for what is in the write-ahead log, and for a new one
        broker = self.start_broker("--set", "wal.max.bytes=16777216", "--set", "wal.file.bytes=4194304", data_dir=directory / "data")
        api = Api(broker, Described(broker))
        api("PUT", "sessions/s")
        kept = {api("POST", "sessions/s/checkpoints", payload, 201)["id"]: payload for payload in (os.urandom(300_000) for _ in range(3))}
        free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
        filler = directory / "filler"
        filler.write_bytes(bytes(max(0, free - (3 << 20))))
        refused = []
        for _ in range(400):  # more than the disk holds
            if len(refused) == 5:
                break
            payload = os.urandom(300_000)
            status, said = self.post(broker, payload)
            if status == 201:
                kept[said["id"]] = payload
            else:
                refused.append((status, said["title"]))
        self.assertEqual(refused, [(507, "disk_full")] * 5)
        self.many_meet_a_full_disk(broker, kept)
        self.holds(broker, kept)  # reading goes on
        filler.unlink()
        harness.wait_until(lambda: self.post(broker, b"after")[0] == 201, 60, "service by itself")
        broker.restart(kill=True)
        self.holds(broker, kept)
        self.assertTrue(Api(broker, Described(broker))("POST", "verify")["ok"])

    def many_meet_a_full_disk(self, broker, kept):
        """128 clients at once: each is answered, soon, and by the name of what is wrong."""
        answers = []

        def client():
            for _ in range(3):
                payload = os.urandom(300_000)
                answers.append((*self.post(broker, payload), payload))

        threads = [threading.Thread(target=client) for _ in range(128)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        counts = collections.Counter(status for status, _, _ in answers)
        print(f"{dict(counts)} on a full disk after {time.monotonic() - began:.1f} s")
        self.assertEqual(len(answers), 3 * 128)
        # No room for the bytes of so many requests is told as that, and passes.
        self.assertLessEqual({(status, said.get("title")) for status, said, _ in answers if status != 201},
                             {(507, "disk_full"), (503, "overloaded")})
        self.assertIn(507, {status for status, _, _ in answers})
        kept.update((said["id"], payload) for status, said, payload in answers if status == 201)

    def post(self, broker, payload):
        connection = http.client.HTTPConnection(broker.admin, timeout=60)
        connection.request("POST", "/v1/sessions/s/checkpoints", payload)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        connection.close()
        return answer.status, said

    def holds(self, broker, kept):
        for id_, payload in kept.items():
            connection = http.client.HTTPConnection(broker.admin, timeout=60)
            connection.request("GET", f"/v1/sessions/s/checkpoints/{id_}/payload")
            self.assertEqual(connection.getresponse().read(), payload)
            connection.close()

    def test_the_server_verifies_its_checkpoints_by_itself(self):
        broker = self.start_broker("--set", "checkpoints.scrub.interval.ms=50")
        api = Api(broker, Described(broker))

        def metric(name):
            (value,) = broker.metric(f"chronik_checkpoint_{name}").values()
            return value

        self.assertEqual(metric("scrubs"), 0)
        api("PUT", "sessions/s")
        for n in range(8):
            api("POST", "sessions/s/checkpoints", os.urandom(3000), 201)
        scrubs = api("GET", "health")["scrubs"]
        harness.wait_until(lambda: api("GET", "health")["scrubs"] >= scrubs + 2, what="two passes")
        health = api("GET", "health")
        self.assertEqual((health["scrub_problems"], api("GET", "scrub")["checkpoints"]), (0, 8))
        self.assertLess(abs(health["scrubbed_at"] / 1000 - time.time()), 60)
        self.assertGreaterEqual(metric("scrubs"), scrubs + 2)
        self.assertEqual(metric("scrub_problems"), 0)
        self.assertGreaterEqual(metric("scrubbed_timestamp_seconds"), health["scrubbed_at"] / 1000)
        broker.stop()

    def test_large_payloads(self):
        api = self.api
        api("PUT", "sessions/s")
        big = os.urandom(64 << 20)
        self.save(big)
        self.assertEqual(hashlib.sha256(api("GET", "sessions/s/checkpoints/1/payload")).digest(), hashlib.sha256(big).digest())
        # In chunks, of unknown length.
        api.connection.request("POST", "/v1/sessions/s/checkpoints", iter([big[i:i + 999_999] for i in range(0, 20_000_000, 999_999)]),
                               encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
        answer = api.connection.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["size"]), (201, 21 * 999_999))
        for headers in ({}, {"Expect": "100-continue"}):
            # Refused by its length, before it comes.
            self.assertEqual(self.refused_at_once(len(big) + 1, headers), 413)
        self.assertEqual(api("GET", "sessions/s")["last_sequence"], 2)
        status = Path(f"/proc/{self.broker.pid}/status").read_text(encoding="ascii")
        rss = int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
        self.assertLess(rss, 1 << 20)

    def refused_at_once(self, length, headers):
        connection = http.client.HTTPConnection(self.broker.admin, timeout=30)
        self.addCleanup(connection.close)
        connection.putrequest("POST", "/v1/sessions/s/checkpoints")
        connection.putheader("Content-Length", str(length))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status

    def test_kill_loses_nothing_that_was_answered(self):
        answered = {}
        self.api("PUT", "sessions/s")
        stop = threading.Event()

        def write(number):
            api = Api(self.broker)
            for i in range(1_000_000):
                try:
                    saved = api("POST", "sessions/s/checkpoints", b"%d of %d" % (i, number), 201)
                except (OSError, http.client.HTTPException):
                    return
                answered[saved["sequence"]] = saved
                if stop.is_set():
                    return

        writers = [threading.Thread(target=write, args=(i,)) for i in range(16)]
        for writer in writers:
            writer.start()
        harness.wait_until(lambda: len(answered) > 500, what="500 checkpoints")
        self.broker.restart(kill=True)
        stop.set()
        for writer in writers:
            writer.join(60)
            self.assertFalse(writer.is_alive())
        api = Api(self.broker)
        found, cursor = {}, ""
        while cursor or not found:
            page = api("GET", "sessions/s/checkpoints", limit=1000, cursor=cursor)
            found.update((one["sequence"], one) for one in page["checkpoints"])
            cursor = page["next"]
        self.assertEqual(set(found), set(range(1, len(found) + 1)))
        for sequence, saved in answered.items():
            self.assertEqual(found[sequence], saved)
        self.assertEqual(api("POST", "verify")["ok"], True)

    def test_an_encrypted_store_survives_kill_with_its_key_and_is_refused_without(self):
        keys = self.new_dir("keys")
        for name in ("right", "wrong"):
            (keys / name).write_text(os.urandom(32).hex(), encoding="utf-8")
        (keys / "malformed").write_text("Secretdigits", encoding="utf-8")

        def setting(name):
            return ("--set", f"checkpoints.key.file={keys / name}")

        def named(broker):
            return Api(broker, Described(broker))("GET", "sessions", status=503)["title"]

        broker = self.start_broker(*setting("right"))
        api = Api(broker, Described(broker))
        api("PUT", "sessions/Secretname")
        ids = [api("POST", "sessions/Secretname/checkpoints", b"Secretpayload %d" % n, 201, message="Secretmessage")["id"]
               for n in range(50)]
        broker.kill()
        disk = b"".join(file.read_bytes() for file in broker.data_dir.rglob("*") if file.is_file())
        for word in (b"Secretname", b"Secretpayload", b"Secretmessage"):
            self.assertNotIn(word, disk)
        for wrong in (setting("wrong"), ()):
            other = self.start_broker(*wrong, data_dir=broker.data_dir)
            self.assertEqual(named(other), "wrong_key")
            other.stop()
        for name in ("malformed", "missing"):
            done = harness.run([harness.BIN_DIR / "chronik-server", "--data-dir", self.new_dir("data"), *setting(name)], check=False)
            self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1), done.stderr)
            self.assertIn(f"checkpoints.key.file={keys / name}", done.stderr)
            self.assertNotIn("Secretdigits", done.stderr)
        broker.start()
        api = Api(broker, Described(broker))
        for n, one in enumerate(ids):
            self.assertEqual(api("GET", f"sessions/Secretname/checkpoints/{one}/payload"), b"Secretpayload %d" % n)

    def serve_128_clients(self, broker):
        Api(broker)("PUT", "sessions/s")
        saved, failures = [], []

        def work(number):
            try:
                api = Api(broker)
                for i in range(20):
                    one = api("POST", "sessions/s/checkpoints", b"%d %d" % (number, i), 201)
                    assert api("GET", f"sessions/s/checkpoints/{one['id']}/payload") == b"%d %d" % (number, i)
                    saved.append(one["sequence"])
                    api("GET", "sessions/s/checkpoints", limit=5)
                api("PUT", f"sessions/own-{number}")
                assert api("GET", "timeline", limit=5)["moments"]
                api("DELETE", f"sessions/own-{number}", status=204)
            except Exception as error:  # for the thread that waits
                failures.append(repr(error))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(THREADS)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(failures, [])
        self.assertEqual(sorted(saved), list(range(1, THREADS * 20 + 1)))
        print(f"{THREADS} clients: {THREADS * 63 / (time.monotonic() - began):.0f} requests/s")
        self.assertEqual([one["session"] for one in Api(broker)("GET", "sessions")["sessions"]], ["s"])

    def test_128_clients_in_one_session(self):
        self.serve_128_clients(self.broker)

    def test_128_clients_of_an_encrypted_store(self):
        key = self.new_dir("keys") / "key"
        key.write_text(os.urandom(32).hex(), encoding="utf-8")
        self.serve_128_clients(self.start_broker("--set", f"checkpoints.key.file={key}"))

    def test_exactly_one_wins_each_round(self):
        """Two writers append behind the same parent: one gets it, the other a conflict."""
        api = self.api
        api("PUT", "sessions/s")
        parent = self.save(b"0")["id"]
        for round_ in range(50):
            answers = []

            def append(number):
                own = Api(self.broker)
                own.connection.request("POST", f"/v1/sessions/s/checkpoints?expected_parent={parent}", b"%d" % number)
                answer = own.connection.getresponse()
                answers.append((answer.status, json.loads(answer.read())))

            threads = [threading.Thread(target=append, args=(i,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(sorted(status for status, _ in answers), [201, 409, 409, 409])
            winner = next(body for status, body in answers if status == 201)
            self.assertEqual(winner["sequence"], round_ + 2)
            parent = winner["id"]

    def test_events_come_over_a_websocket(self):
        self.api("PUT", "sessions/s")
        followers = [WebSocket(self.broker, "/v1/events?session=s&from=1") for _ in range(8)]
        for follower in followers:
            self.addCleanup(follower.socket.close)
            self.assertEqual(follower.event()["kind"], "created")
        for i in range(200):
            self.save(b"%d" % i)
        for follower in followers:
            self.assertEqual([follower.event()["sequence"] for _ in range(200)], list(range(1, 201)))
        followers[0].send(9, b"are you there")
        self.assertEqual(followers[0].answer(), (10, b"are you there"))
        followers[0].send(8, struct.pack(">H", 1000))
        self.assertEqual(followers[0].answer()[0], 8)
        late = WebSocket(self.broker, "/v1/events?session=s&from=150")
        self.addCleanup(late.socket.close)
        self.assertEqual(late.event()["number"], 150)
        # More than is kept: a gap is announced.
        threads = [threading.Thread(target=self.save_many, args=(200,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        gap = WebSocket(self.broker, "/v1/events?session=s&from=1")
        self.addCleanup(gap.socket.close)
        told = gap.event()
        self.assertEqual(told["gap_from"], 1)
        self.assertEqual(gap.event()["number"], told["gap_to"] + 1)
        # Waiting by plain HTTP: nothing, then something.
        last = self.api("GET", "sessions/s")["last_event"]
        self.assertEqual(self.api("GET", "sessions/s/events", **{"from": last + 1, "wait_ms": 50})["events"], [])
        timer = threading.Timer(0.2, self.save_many, args=(1,))
        timer.start()
        self.assertEqual(self.api("GET", "sessions/s/events", **{"from": last + 1, "wait_ms": 30000})["events"][0]["number"], last + 1)
        timer.join()
        # A server that stops says so. (One that follows since the beginning may have been silent for too long.)
        last = WebSocket(self.broker, f"/v1/events?session=s&from={self.api('GET', 'sessions/s')['last_event']}")
        self.addCleanup(last.socket.close)
        last.event()
        self.broker.stop()
        kind = None
        while kind != 8:
            kind, data = last.frame()
        self.assertEqual(struct.unpack(">H", data[:2])[0], 1001)

    def save_many(self, count):
        api = Api(self.broker)
        for i in range(count):
            api("POST", "sessions/s/checkpoints", b"%d" % i, 201)


if __name__ == "__main__":
    harness.main()
