"""The store of a chronik-server, over HTTP: docs/http-api.md of Chronik has the contract.

A session is found by its name with every call: after a rename, open it by its new one.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote, urlencode

from . import errors, model
from ._connections import Connections, Reply
from .errors import CheckpointError, Corrupt, InvalidArgument, TimedOut, TooLarge, Unavailable, Unsupported
from .model import (Annotation, Branch, Checkpoint, CreateOptions, Difference, Event, EventPage, Health, ImportReport, Level, Moment,
                    Page, Problem, PruneReport, Query, Restored, Retention, SessionInfo, SessionPage, TimelinePage, VerifyReport)
from .store import Session, Store, json_text

_GRACE_S = 5.0  # the server's own deadline ends a call before ours does
_LONG_S = 300.0  # for what reads or writes whole sessions; the server's most
_WAIT_S = 20.0  # of one request for events
_UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def _id(text: str) -> str:
    """A path takes more than ids; this interface does not."""
    if not _UUID.fullmatch(text):
        raise InvalidArgument(f"not an id: {text}")
    return text


def _checkpoint(given: dict[str, Any]) -> Checkpoint:
    notes = tuple(Annotation(note["level"], note["text"], model.from_milliseconds(note["at"])) for note in given["annotations"])
    changed: dict[str, Any] = {"created_at": model.from_milliseconds(given["created_at"]), "tags": tuple(given["tags"]),
                               "annotations": notes}
    return Checkpoint(**{name: changed.get(name, given[name]) for name in Checkpoint.__slots__})


def _session(given: dict[str, Any]) -> SessionInfo:
    branches = tuple(Branch(name, branch["sequence"], branch["head"]) for name, branch in given["branches"].items())
    changed = {"name": given["session"], "created_at": model.from_milliseconds(given["created_at"]), "branches": branches}
    return SessionInfo(**{name: changed[name] if name in changed else given[name] for name in SessionInfo.__slots__})


def _problems(given: Iterable[dict[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem(one["session"], one["sequence"], one["what"]) for one in given)


def _verified(given: dict[str, Any]) -> VerifyReport:
    return VerifyReport(given["checkpoints"], given["bytes"], given["problem_count"], _problems(given["problems"]))


def _events(given: dict[str, Any]) -> EventPage:
    events = (Event(one["number"], one["kind"], one["sequence"], one["count"], model.from_milliseconds(one["at"]))
              for one in given["events"])
    return EventPage(tuple(events), given["gap_from"], given["gap_to"])


def _create_query(options: CreateOptions) -> list[tuple[str, Any]]:
    plain = {name: getattr(options, name) for name in ("branch", "message", "trigger", "reason", "schema_version", "expected_parent",
                                                       "branch_from", "idempotency_key")}
    query = [(name, value) for name, value in plain.items() if value not in (None, "")]
    if options.branch == "":
        raise InvalidArgument("branch is empty")
    query += [("tag", tag) for tag in options.tags]
    if options.metadata:
        query.append(("metadata", json_text(options.metadata)))
    if options.pinned:
        query.append(("pinned", "true"))
    return query


def _list_query(query: Query) -> list[tuple[str, Any]]:
    given = [("limit", query.limit), ("order", "newest" if query.newest_first else "oldest")]
    given += [(name, getattr(query, name)) for name in ("cursor", "branch", "trigger") if getattr(query, name)]
    given += [("tag", tag) for tag in query.tags]
    given += [("sequence_min", query.sequence_min)] if query.sequence_min else []
    given += [("sequence_max", query.sequence_max)] if query.sequence_max is not None else []
    given += [("from", model.to_milliseconds(query.since))] if query.since else []
    given += [("until", model.to_milliseconds(query.until))] if query.until else []
    return given + [(f"metadata.{key}", json_text(value)) for key, value in query.metadata.items()]


def _retention(retention: Retention, dry_run: bool) -> dict[str, Any]:
    given = {name: getattr(retention, name) for name in ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "bytes_max")}
    given = {name: value for name, value in given.items() if value is not None}
    for name in ("keep_within", "expire_after"):
        if (span := getattr(retention, name)) is not None:
            given[f"{name}_ms"] = int(span.total_seconds() * 1000)
    given["keep_tagged"] = list(retention.keep_tagged)
    given["keep_best"] = [{"key": best.key, "count": best.count, "highest": best.highest} for best in retention.keep_best]
    return {**given, "dry_run": dry_run}


def _error(reply: Reply, body: bytes) -> CheckpointError:
    try:
        problem = json.loads(body)
        return errors.make(problem["type"].removeprefix("urn:chronik:"), problem.get("detail", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        said = f"{reply.status}: {body[:200].decode(errors='replace').strip()}"
        kind = {404: Unsupported, 405: Unsupported, 413: TooLarge, 431: TooLarge, 502: Unavailable, 503: Unavailable,
                504: TimedOut}.get(reply.status, CheckpointError)
        return kind(said)


def _answer(reply: Reply) -> bytes:
    body = reply.read()
    if not 200 <= reply.status < 300:
        raise _error(reply, body)
    return body


class HttpSession(Session):
    def __init__(self, store: HttpStore, name: str, epoch: int = 0) -> None:
        self._store = store
        self._path = f"/v1/sessions/{quote(name, safe='')}"
        self._epoch = epoch
        self.name = name

    def _call(self, method: str, path: str = "", **options: Any) -> Any:
        if self._epoch and method != "GET":
            options["headers"] = {**options.get("headers", {}), "Chronik-Epoch": str(self._epoch)}
        return self._store.call(method, self._path + path, **options)

    def describe(self) -> SessionInfo:
        return _session(self._call("GET"))

    def _create(self, payload: bytes, options: CreateOptions) -> Checkpoint:
        return _checkpoint(self._call("POST", "/checkpoints", query=_create_query(options), body=payload, timeout=options.timeout,
                                      headers={"Content-Type": options.content_type}, repeatable=bool(options.idempotency_key)))

    def fence(self) -> HttpSession:
        return HttpSession(self._store, self.name, self._call("POST", "/fence")["epoch"])

    def get(self, id: str) -> Checkpoint:
        return _checkpoint(self._call("GET", f"/checkpoints/{_id(id)}"))

    def at_sequence(self, sequence: int) -> Checkpoint:
        return _checkpoint(self._call("GET", f"/checkpoints/{int(sequence)}"))

    def _latest(self, *query: tuple[str, Any]) -> Checkpoint:
        return _checkpoint(self._call("GET", "/checkpoints/latest", query=query))

    def latest(self, branch: str = "") -> Checkpoint:
        return self._latest(("branch", branch)) if branch else self._latest()

    def as_of(self, time: datetime) -> Checkpoint:
        return self._latest(("at_time", model.to_milliseconds(time)))

    def as_of_sequence(self, sequence: int) -> Checkpoint:
        return self._latest(("at_sequence", sequence))

    def _list(self, query: Query) -> Page:
        given = self._call("GET", "/checkpoints", query=_list_query(query))
        return Page(tuple(map(_checkpoint, given["checkpoints"])), _problems(given["damaged"]), given["next"])

    def _payload(self, method: str, path: str) -> tuple[bytes, str]:
        """With the checkpoint's id; what came is what the server sent."""
        with self._store.exchange(method, self._path + path, repeatable=True) as reply:
            payload = _answer(reply)
        if hashlib.sha256(payload).hexdigest() != reply.headers.get("ETag", "").strip('"'):
            raise Corrupt(f"the payload of {path} changed on its way")
        return payload, reply.headers.get("Chronik-Id", "")

    def payload(self, id: str) -> bytes:
        return self._payload("GET", f"/checkpoints/{_id(id)}/payload")[0]

    def restore(self, id: str) -> Restored:
        payload, found = self._payload("POST", f"/checkpoints/{_id(id)}/restore")
        return Restored(self.get(found), payload)

    def _rewind(self, id: str, options: CreateOptions) -> Checkpoint:
        return _checkpoint(self._call("POST", f"/checkpoints/{_id(id)}/rewind", query=_create_query(options), timeout=options.timeout,
                                      repeatable=bool(options.idempotency_key)))

    def fork(self, id: str, name: str) -> HttpSession:
        self._call("POST", f"/checkpoints/{_id(id)}/fork", json={"name": name})
        return HttpSession(self._store, name)

    def diff(self, first: str, second: str) -> Difference:
        given = self._call("GET", f"/checkpoints/{_id(first)}/diff/{_id(second)}")
        return Difference(**{**{name: given[name] for name in Difference.__slots__}, "patch": given["patch"] or []})

    def _change(self, id: str, change: dict[str, Any]) -> Checkpoint:
        return _checkpoint(self._call("PATCH", f"/checkpoints/{_id(id)}", json=change, repeatable=True))

    def tag(self, id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Checkpoint:
        return self._change(id, {"add_tags": list(add), "remove_tags": list(remove)})

    def annotate(self, id: str, level: Level, text: str) -> Checkpoint:
        return _checkpoint(self._call("POST", f"/checkpoints/{_id(id)}/annotations", json={"level": level, "text": text}))

    def pin(self, id: str, pinned: bool = True) -> Checkpoint:
        return self._change(id, {"pinned": pinned})

    def remove(self, id: str) -> None:
        self._call("DELETE", f"/checkpoints/{_id(id)}")

    def prune(self, retention: Retention, dry_run: bool = False) -> PruneReport:
        given = self._call("POST", "/prune", json=_retention(retention, dry_run), timeout=_LONG_S)
        return PruneReport(**{**{name: given[name] for name in PruneReport.__slots__}, "sequences": tuple(given["sequences"])})

    def verify(self, id: str | None = None) -> VerifyReport:
        path = "/verify" if id is None else f"/checkpoints/{_id(id)}/verify"
        return _verified(self._call("POST", path, timeout=_LONG_S, repeatable=True))

    def events(self, start: int, limit: int = 100) -> EventPage:
        return _events(self._call("GET", "/events", query=[("from", start), ("limit", limit)]))

    def wait_events(self, start: int, limit: int = 100, timeout: float = 30.0) -> EventPage:
        left = timeout
        while True:
            wait = max(0.0, min(left, _WAIT_S))
            query = [("from", start), ("limit", limit), ("wait_ms", int(wait * 1000))]
            page = _events(self._call("GET", "/events", query=query, timeout=wait + _GRACE_S))
            left -= wait
            if page.events or page.gap_from:
                return page
            if left <= 0:
                raise TimedOut(f"no event from {start} on within {timeout:g} s")

    def export_to(self, write: Callable[[bytes], object], since: int = 0) -> None:
        query = [("since", since)]
        with self._store.exchange("GET", f"{self._path}/export", query=query, timeout=_LONG_S, repeatable=True) as reply:
            if reply.status != 200:
                raise _error(reply, reply.read())
            held: list[bytes] = []
            line = b""
            for chunk in reply.chunks():
                *ends, rest = chunk.split(b"\n")
                for end in ends:
                    line = b"".join((*held, end, b"\n"))
                    held = []
                    write(line)
                held += [rest] if rest else []
            if held or not line.startswith(b'{"end":true'):
                raise Unavailable("the export was cut short")


class HttpStore(Store):
    def __init__(self, url: str, *, timeout: float = 30.0, connections_max: int = 16) -> None:
        self._connections = Connections(url, connections_max)
        self._timeout = timeout
        self.health()

    def exchange(self, method: str, path: str, *, query: Iterable[tuple[str, Any]] = (), body: bytes | IO[bytes] | None = None,
                 headers: dict[str, str] | None = None, timeout: float | None = None, repeatable: bool = False) -> Any:
        """A context manager that gives the Reply."""
        seconds = self._timeout if timeout is None else timeout
        given = [*query, ("timeout_ms", max(1, min(int(seconds * 1000), int(_LONG_S * 1000))))]
        target = f"{path}?{urlencode(given, quote_via=quote, errors='strict')}"
        return self._connections.exchange(method, target, body, headers or {}, seconds + _GRACE_S, repeatable or method == "GET")

    def call(self, method: str, path: str, *, json: Any = None, **options: Any) -> Any:
        """The answer's JSON; an error's exception."""
        if json is not None:
            options["body"] = json_text(json).encode()
            options["headers"] = {**options.get("headers", {}), "Content-Type": "application/json"}
        with self.exchange(method, path, **options) as reply:
            body = _answer(reply)
        return _loads(body) if body else None

    def _session_path(self, name: str) -> str:
        if not name:
            raise InvalidArgument("session name is empty")
        return f"/v1/sessions/{quote(name, safe='')}"

    def create_session(self, name: str, metadata: dict[str, Any] | None = None) -> HttpSession:
        self.call("POST", "/v1/sessions", json={"name": name, "metadata": metadata or {}})
        return HttpSession(self, name)

    def session(self, name: str) -> HttpSession:
        self.call("GET", self._session_path(name))
        return HttpSession(self, name)

    def open_session(self, name: str) -> HttpSession:
        self.call("PUT", self._session_path(name), repeatable=True)
        return HttpSession(self, name)

    def list_sessions(self, after: str = "", limit: int = 100) -> SessionPage:
        query = [("limit", limit), *([("cursor", after)] if after else [])]
        given = self.call("GET", "/v1/sessions", query=query)
        return SessionPage(tuple(map(_session, given["sessions"])), given["next"])

    def rename_session(self, name: str, to: str) -> None:
        self.call("PATCH", self._session_path(name), json={"name": to})

    def delete_session(self, name: str) -> None:
        self.call("DELETE", self._session_path(name))

    def rotate_key(self, key: bytes | str) -> None:
        raise Unsupported("the key of a served store is its server's: checkpoints.key.file")

    def _timeline(self, query: Query) -> TimelinePage:
        given = self.call("GET", "/v1/timeline", query=_list_query(query))
        moments = (Moment(one["session"], _checkpoint(one["checkpoint"])) for one in given["moments"])
        return TimelinePage(tuple(moments), _problems(given["damaged"]), given["next"])

    def verify(self) -> VerifyReport:
        return _verified(self.call("POST", "/v1/verify", timeout=_LONG_S, repeatable=True))

    def compact(self) -> int:
        return int(self.call("POST", "/v1/compact", timeout=_LONG_S, repeatable=True)["bytes_returned"])

    def health(self) -> Health:
        given = self.call("GET", "/v1/health")
        given["scrubbed_at"] = model.from_milliseconds(given["scrubbed_at"])
        return Health(**{name: given[name] for name in Health.__slots__})

    def scrub_report(self) -> VerifyReport:
        return _verified(self.call("GET", "/v1/scrub"))

    def import_from(self, lines: Iterable[bytes]) -> ImportReport:
        with tempfile.SpooledTemporaryFile(max_size=1 << 20) as body:
            for line in lines:
                body.write(line.rstrip(b"\r\n") + b"\n")
            length = body.tell()
            body.seek(0)
            headers = {"Content-Type": "application/jsonl", "Content-Length": str(length)}
            given = self.call("POST", "/v1/import", body=body, headers=headers, timeout=_LONG_S, repeatable=True)
        return ImportReport(given["created"], given["present"])

    def close(self) -> None:
        self._connections.close()


def _loads(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise Unavailable(f"the answer is no JSON: {body[:100]!r}") from None
