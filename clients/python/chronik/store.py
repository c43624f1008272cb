"""The interface of a store and its sessions, blocking. chronik.open gives one; embedded.py and http.py implement it.

Objects are safe to use from any number of threads. A call blocks until what it promises holds (a checkpoint that was returned is
on disk) or until its time is up. Every call may raise a class of chronik.errors: NotFound for what is not there, TimedOut,
Closed, StorageFailed and Corrupt are not repeated below.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, TypeAlias

from .errors import InvalidArgument
from .model import (Checkpoint, CreateOptions, Difference, EventPage, Health, ImportReport, Level, Moment, Page, PruneReport,
                    Query, Restored, Retention, SessionInfo, SessionPage, TimelinePage, Trigger, VerifyReport)

Payload: TypeAlias = bytes | bytearray | memoryview | str
"""Of a checkpoint; text is stored as UTF-8."""


def payload_bytes(payload: Payload) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return payload.encode() if isinstance(payload, str) else bytes(memoryview(payload))


def json_text(value: Any) -> str:
    """InvalidArgument for what JSON has no form of."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as wrong:
        raise InvalidArgument(f"this has no form in JSON: {wrong}") from None


class Session(abc.ABC):
    """One session: a totally ordered history of checkpoints."""

    name: str
    """The name it was opened by."""

    @abc.abstractmethod
    def describe(self) -> SessionInfo: ...

    def create(self, payload: Payload, *, branch: str = "main", message: str = "", tags: Iterable[str] = (),
               trigger: Trigger = "manual", reason: str = "", metadata: dict[str, Any] | None = None,
               content_type: str = "application/octet-stream", schema_version: int = 0, pinned: bool = False,
               expected_parent: str | None = None, branch_from: str | None = None, idempotency_key: str = "",
               timeout: float | None = None) -> Checkpoint:
        """A durable checkpoint of `payload`.

        metadata: a JSON object, at most 256 KiB. timeout: seconds, the store's own if None.
        expected_parent: the head of the branch must be this id (NO_PARENT: the branch must not exist), else Conflict.
        branch_from: the id at which a new branch begins; without it, at the newest checkpoint of the session.
        idempotency_key: a second call with it returns the first one's checkpoint; Conflict if the content differs.
        Raises TooLarge beyond the limits of the store, Fenced if a newer writer took over, DiskFull, Overloaded.
        """
        options = CreateOptions(branch, message, tuple(tags), trigger, reason, metadata or {}, content_type, schema_version, pinned,
                                expected_parent, branch_from, idempotency_key, timeout)
        return self._create(payload_bytes(payload), options)

    @abc.abstractmethod
    def _create(self, payload: bytes, options: CreateOptions) -> Checkpoint: ...

    @abc.abstractmethod
    def fence(self) -> Session:
        """A handle whose writes shut out every handle made before: those get Fenced."""

    @abc.abstractmethod
    def get(self, id: str) -> Checkpoint: ...

    @abc.abstractmethod
    def at_sequence(self, sequence: int) -> Checkpoint: ...

    @abc.abstractmethod
    def latest(self, branch: str = "") -> Checkpoint:
        """Of one branch, or of all."""

    @abc.abstractmethod
    def as_of(self, time: datetime) -> Checkpoint:
        """The newest that was created at or before."""

    @abc.abstractmethod
    def as_of_sequence(self, sequence: int) -> Checkpoint:
        """The newest whose sequence is this one or lower."""

    def list(self, *, newest_first: bool = True, limit: int = 100, cursor: str = "", branch: str = "", tags: Iterable[str] = (),
             trigger: Trigger | None = None, sequence_min: int = 0, sequence_max: int | None = None,
             since: datetime | None = None, until: datetime | None = None, metadata: dict[str, Any] | None = None) -> Page:
        """One page, at most 1,000; reads no payloads. All conditions must hold.

        cursor: Page.next of the page before. tags: all of them. since: created at or after; until: created before.
        metadata: top-level keys and the value each must equal. A filter looks at each checkpoint of the range.
        """
        return self._list(Query(newest_first, limit, cursor, branch, tuple(tags), trigger, sequence_min, sequence_max, since, until,
                                metadata or {}))

    @abc.abstractmethod
    def _list(self, query: Query) -> Page: ...

    def checkpoints(self, **query: Any) -> Iterator[Checkpoint]:
        """All that `list` finds with the same arguments, fetched page by page. Damaged ones are left out: verify names them."""
        query.setdefault("limit", 1000)
        while True:
            page = self.list(**query)
            yield from page.checkpoints
            if not page.next:
                return
            query["cursor"] = page.next

    @abc.abstractmethod
    def payload(self, id: str) -> bytes:
        """A verified copy; Corrupt if its hash does not hold."""

    @abc.abstractmethod
    def restore(self, id: str) -> Restored:
        """The payload with its checkpoint; those who follow the events are told."""

    def rewind(self, id: str, *, branch: str = "main", message: str = "", tags: Iterable[str] = (),
               trigger: Trigger = "manual", reason: str = "", metadata: dict[str, Any] | None = None, pinned: bool = False,
               expected_parent: str | None = None, branch_from: str | None = None, idempotency_key: str = "",
               timeout: float | None = None) -> Checkpoint:
        """A new checkpoint whose content is that of an old one; history stays. Arguments as for `create`."""
        options = CreateOptions(branch, message, tuple(tags), trigger, reason, metadata or {}, pinned=pinned,
                                expected_parent=expected_parent, branch_from=branch_from, idempotency_key=idempotency_key,
                                timeout=timeout)
        return self._rewind(id, options)

    @abc.abstractmethod
    def _rewind(self, id: str, options: CreateOptions) -> Checkpoint: ...

    @abc.abstractmethod
    def fork(self, id: str, name: str) -> Session:
        """A new session that begins with the content of this checkpoint; AlreadyExists."""

    @abc.abstractmethod
    def diff(self, first: str, second: str) -> Difference: ...

    @abc.abstractmethod
    def tag(self, id: str, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Checkpoint: ...

    @abc.abstractmethod
    def annotate(self, id: str, level: Level, text: str) -> Checkpoint: ...

    @abc.abstractmethod
    def pin(self, id: str, pinned: bool = True) -> Checkpoint:
        """A pinned one is removed by no retention policy."""

    @abc.abstractmethod
    def remove(self, id: str) -> None:
        """InvalidArgument for a pinned one."""

    @abc.abstractmethod
    def prune(self, retention: Retention, dry_run: bool = False) -> PruneReport: ...

    @abc.abstractmethod
    def verify(self, id: str | None = None) -> VerifyReport:
        """Reads all payloads of the session, or that of one checkpoint."""

    @abc.abstractmethod
    def events(self, start: int, limit: int = 100) -> EventPage:
        """Events numbered `start` and above."""

    @abc.abstractmethod
    def wait_events(self, start: int, limit: int = 100, timeout: float = 30.0) -> EventPage:
        """The same, but waits up to `timeout` seconds until there is one; TimedOut if none comes, Closed if the store is
        closed meanwhile (over HTTP it takes up to 20 s to tell)."""

    @abc.abstractmethod
    def export_to(self, write: Callable[[bytes], object], since: int = 0) -> None:
        """Calls `write` with JSON Lines, each with its line end: the session, then each checkpoint above sequence `since`, payloads
        inline. Complete if it returns; what `write` raises ends it."""

    def __repr__(self) -> str:
        return f"<chronik session {self.name!r}>"


class Store(abc.ABC):
    """Where sessions live. Close it, or use it in a `with` statement."""

    @abc.abstractmethod
    def create_session(self, name: str, metadata: dict[str, Any] | None = None) -> Session:
        """AlreadyExists if the name is taken. Names are 1 to 256 bytes of UTF-8 without control characters."""

    @abc.abstractmethod
    def session(self, name: str) -> Session:
        """One that is there, else NotFound."""

    @abc.abstractmethod
    def open_session(self, name: str) -> Session:
        """Creates it if there is none."""

    @abc.abstractmethod
    def list_sessions(self, after: str = "", limit: int = 100) -> SessionPage:
        """By name, those behind `after`; at most 1,000."""

    def sessions(self, after: str = "") -> Iterator[SessionInfo]:
        """All behind `after`, fetched page by page."""
        while True:
            page = self.list_sessions(after, 1000)
            yield from page.sessions
            if not page.next:
                return
            after = page.next

    @abc.abstractmethod
    def rename_session(self, name: str, to: str) -> None: ...

    @abc.abstractmethod
    def delete_session(self, name: str) -> None:
        """With all its checkpoints. Of an encrypted store its key is destroyed: what the disk still holds of it nobody can read."""

    @abc.abstractmethod
    def rotate_key(self, key: bytes | str) -> None:
        """From now on this key (as of chronik.open) opens the store, the key before does not. WrongKey if it is not encrypted."""

    def timeline(self, *, newest_first: bool = True, limit: int = 100, cursor: str = "", branch: str = "",
                 tags: Iterable[str] = (), trigger: Trigger | None = None, sequence_min: int = 0, sequence_max: int | None = None,
                 since: datetime | None = None, until: datetime | None = None,
                 metadata: dict[str, Any] | None = None) -> TimelinePage:
        """One page of the checkpoints of all sessions in the order of their creation: by time, then session id, then sequence.

        Arguments as for Session.list. A cursor (TimelinePage.next) stays good while others write, rename, delete and prune. A page
        may have less than `limit` and yet a next one, if its records are large.
        """
        return self._timeline(Query(newest_first, limit, cursor, branch, tuple(tags), trigger, sequence_min, sequence_max, since,
                                    until, metadata or {}))

    @abc.abstractmethod
    def _timeline(self, query: Query) -> TimelinePage: ...

    def moments(self, **query: Any) -> Iterator[Moment]:
        """All that `timeline` finds with the same arguments, fetched page by page. Damaged ones are left out: verify names them."""
        query.setdefault("limit", 1000)
        while True:
            page = self.timeline(**query)
            yield from page.moments
            if not page.next:
                return
            query["cursor"] = page.next

    @abc.abstractmethod
    def verify(self) -> VerifyReport: ...

    @abc.abstractmethod
    def compact(self) -> int:
        """Gives back what deleted checkpoints took: bytes returned to the file system."""

    @abc.abstractmethod
    def health(self) -> Health: ...

    @abc.abstractmethod
    def scrub_report(self) -> VerifyReport:
        """Of the last finished pass in the background (scrub_every of chronik.open, or the server's), its first 100 problems; empty
        if there was none."""

    @abc.abstractmethod
    def import_from(self, lines: Iterable[bytes]) -> ImportReport:
        """What export_to wrote, line by line. Checkpoints keep ids and sequences, so a second import changes nothing. All or
        nothing; Corrupt if a line was changed."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends it for every handle, after what is being written. A second call does nothing."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
