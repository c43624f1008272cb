"""The store inside this process: the C++ library behind chronik._native, given the types of chronik.store.

A store belongs to the process that opened it: in a fork of it every call raises Closed. What is still open when the interpreter
ends is closed then.
"""

from __future__ import annotations

import atexit
import json
import os
import weakref
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from . import _native, model
from .errors import Closed, InvalidArgument
from .model import (Branch, Checkpoint, CreateOptions, Difference, Event, EventPage, Health, ImportReport, Level, Moment, Page,
                    Problem, PruneReport, Query, Restored, Retention, SessionInfo, SessionPage, TimelinePage, VerifyReport)
from .store import Session, Store, json_text

_LEVELS = ("info", "warning", "critical")
_open: weakref.WeakSet[EmbeddedStore] = weakref.WeakSet()


def key_bytes(given: bytes | str) -> bytes:
    """32 bytes, or their 64 hexadecimal digits; an error never shows them."""
    try:
        key = bytes.fromhex(given) if isinstance(given, str) else bytes(memoryview(given))
    except (TypeError, ValueError):
        key = b""
    if len(key) != 32:
        raise InvalidArgument("a key is 32 bytes, or 64 hexadecimal digits, as openssl rand -hex 32 prints them") from None
    return key


def _given(options: CreateOptions | Query) -> dict[str, Any]:
    """Without what is None; the library has its own defaults for that."""
    values = {one.name: getattr(options, one.name) for one in fields(options)}
    return {name: value for name, value in values.items() if value is not None}


def _create_options(options: CreateOptions) -> dict[str, Any]:
    return {**_given(options), "tags": list(options.tags), "metadata": json_text(options.metadata)}


def _query(query: Query) -> dict[str, Any]:
    given = _given(query)
    for name in ("since", "until"):
        if name in given:
            given[name] = model.to_milliseconds(given[name])
    given["tags"] = list(query.tags)
    given["metadata"] = [(key, json_text(value)) for key, value in query.metadata.items()]
    return given


def _retention(retention: Retention) -> dict[str, Any]:
    given: dict[str, Any] = {"keep_hourly": retention.keep_hourly, "keep_daily": retention.keep_daily,
                             "keep_weekly": retention.keep_weekly, "keep_tagged": list(retention.keep_tagged),
                             "keep_best": [(best.key, best.count, best.highest) for best in retention.keep_best]}
    for name in ("keep_last", "bytes_max"):
        if (value := getattr(retention, name)) is not None:
            given[name] = value
    for name in ("keep_within", "expire_after"):
        if (span := getattr(retention, name)) is not None:
            given[name] = span.total_seconds()
    return given


def _checkpoint(row: tuple[Any, ...]) -> Checkpoint:
    changed = list(row)
    changed[7] = json.loads(row[7])
    changed[8] = model.from_milliseconds(row[8])
    changed[17] = tuple(row[17])
    changed[18] = tuple(model.Annotation(level, text, model.from_milliseconds(at)) for level, text, at in row[18])
    return Checkpoint(*changed)


def _session(row: tuple[Any, ...]) -> SessionInfo:
    id, name, metadata, at, forked_from, checkpoints, last_sequence, last_event, epoch, branches = row
    return SessionInfo(id, name, json.loads(metadata), model.from_milliseconds(at), forked_from, checkpoints, last_sequence, last_event,
                       epoch, tuple(Branch(*branch) for branch in branches))


def _problems(rows: Iterable[tuple[Any, ...]]) -> tuple[Problem, ...]:
    return tuple(Problem(*row) for row in rows)


def _verified(row: tuple[Any, ...]) -> VerifyReport:
    checkpoints, bytes_read, problem_count, problems = row
    return VerifyReport(checkpoints, bytes_read, problem_count, _problems(problems))


def _event_page(row: tuple[Any, ...]) -> EventPage:
    events = (Event(number, kind, sequence, count, model.from_milliseconds(at)) for number, kind, sequence, count, at in row[0])
    return EventPage(tuple(events), row[1], row[2])


class EmbeddedSession(Session):
    def __init__(self, store: EmbeddedStore, native: _native.Session, name: str) -> None:
        self._store = store
        self._handle = native
        self.name = name

    @property
    def _native(self) -> _native.Session:
        self._store.check_process()
        return self._handle

    def describe(self) -> SessionInfo:
        return _session(self._native.describe())

    def _create(self, payload: bytes, options: CreateOptions) -> Checkpoint:
        return _checkpoint(self._native.create(payload, _create_options(options)))

    def fence(self) -> EmbeddedSession:
        return EmbeddedSession(self._store, self._native.fence(), self.name)

    def get(self, id: str) -> Checkpoint:
        return _checkpoint(self._native.get(id))

    def at_sequence(self, sequence: int) -> Checkpoint:
        return _checkpoint(self._native.at_sequence(sequence))

    def latest(self, branch: str = "") -> Checkpoint:
        return _checkpoint(self._native.latest(branch))

    def as_of(self, time: datetime) -> Checkpoint:
        return _checkpoint(self._native.as_of(model.to_milliseconds(time)))

    def as_of_sequence(self, sequence: int) -> Checkpoint:
        return _checkpoint(self._native.as_of_sequence(sequence))

    def _list(self, query: Query) -> Page:
        rows, damaged, next = self._native.list(_query(query))
        return Page(tuple(_checkpoint(row) for row in rows), _problems(damaged), next)

    def payload(self, id: str) -> bytes:
        return self._native.payload(id)

    def restore(self, id: str) -> Restored:
        row, payload = self._native.restore(id)
        return Restored(_checkpoint(row), payload)

    def _rewind(self, id: str, options: CreateOptions) -> Checkpoint:
        return _checkpoint(self._native.rewind(id, _create_options(options)))

    def fork(self, id: str, name: str) -> EmbeddedSession:
        return EmbeddedSession(self._store, self._native.fork(id, name), name)

    def diff(self, first: str, second: str) -> Difference:
        same, structural, patch, *counts = self._native.diff(first, second)
        return Difference(same, structural, json.loads(patch) if structural else [], *counts)

    def tag(self, id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Checkpoint:
        return _checkpoint(self._native.tag(id, list(add), list(remove)))

    def annotate(self, id: str, level: Level, text: str) -> Checkpoint:
        if level not in _LEVELS:
            raise InvalidArgument(f"level is one of {', '.join(_LEVELS)}, not {level}")
        return _checkpoint(self._native.annotate(id, _LEVELS.index(level), text))

    def pin(self, id: str, pinned: bool = True) -> Checkpoint:
        return _checkpoint(self._native.pin(id, pinned))

    def remove(self, id: str) -> None:
        self._native.remove(id)

    def prune(self, retention: Retention, dry_run: bool = False) -> PruneReport:
        examined, deleted, payload_bytes, returned, sequences = self._native.prune(_retention(retention), dry_run)
        return PruneReport(examined, deleted, payload_bytes, returned, tuple(sequences))

    def verify(self, id: str | None = None) -> VerifyReport:
        return _verified(self._native.verify() if id is None else self._native.verify_one(id))

    def events(self, start: int, limit: int = 100) -> EventPage:
        return _event_page(self._native.events(start, limit))

    def wait_events(self, start: int, limit: int = 100, timeout: float = 30.0) -> EventPage:
        return _event_page(self._native.wait_events(start, limit, timeout))

    def export_to(self, write: Callable[[bytes], object], since: int = 0) -> None:
        self._native.export_to(lambda line: write(line + b"\n"), since)


class EmbeddedStore(Store):
    def __init__(self, native: _native.Store) -> None:
        self._handle = native
        self._process = os.getpid()
        self._closed = False
        _open.add(self)

    def check_process(self) -> None:
        if os.getpid() != self._process:
            raise Closed(f"opened in process {self._process}: open it again in this one")

    @property
    def _native(self) -> _native.Store:
        self.check_process()
        return self._handle

    def create_session(self, name: str, metadata: dict[str, Any] | None = None) -> EmbeddedSession:
        return EmbeddedSession(self, self._native.create_session(name, json_text(metadata or {})), name)

    def session(self, name: str) -> EmbeddedSession:
        return EmbeddedSession(self, self._native.session(name), name)

    def open_session(self, name: str) -> EmbeddedSession:
        return EmbeddedSession(self, self._native.open_session(name), name)

    def list_sessions(self, after: str = "", limit: int = 100) -> SessionPage:
        rows, next = self._native.list_sessions(after, limit)
        return SessionPage(tuple(_session(row) for row in rows), next)

    def rename_session(self, name: str, to: str) -> None:
        self._native.rename_session(name, to)

    def delete_session(self, name: str) -> None:
        self._native.delete_session(name)

    def rotate_key(self, key: bytes | str) -> None:
        self._native.rotate_key(key_bytes(key))

    def _timeline(self, query: Query) -> TimelinePage:
        rows, damaged, next = self._native.timeline(_query(query))
        return TimelinePage(tuple(Moment(name, _checkpoint(row)) for name, row in rows), _problems(damaged), next)

    def verify(self) -> VerifyReport:
        return _verified(self._native.verify())

    def compact(self) -> int:
        return self._native.compact()

    def health(self) -> Health:
        row = list(self._native.health())
        row[-1] = model.from_milliseconds(row[-1])
        return Health(*row)

    def scrub_report(self) -> VerifyReport:
        return _verified(self._native.scrub_report())

    def import_from(self, lines: Iterable[bytes]) -> ImportReport:
        remaining = (line.rstrip(b"\r\n") for line in lines)
        return ImportReport(*self._native.import_from(lambda: next(remaining, None)))

    def close(self) -> None:
        if not self._closed and os.getpid() == self._process:
            self._closed = True
            _open.discard(self)
            self._handle.close()


@atexit.register
def _close_all() -> None:
    for store in list(_open):
        store.close()
