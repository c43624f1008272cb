"""What the store gives back, as frozen dataclasses. Ids are UUIDs as text, hashes SHA-256 in hex, sizes bytes, times aware
datetimes in UTC with a resolution of one millisecond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

Trigger = Literal["manual", "automatic", "scheduled"]
Level = Literal["info", "warning", "critical"]
EventKind = Literal["created", "restored", "deleted", "compacted", "annotated", "renamed", "fenced"]

NO_PARENT = "none"
"""As `expected_parent`: the branch must not exist yet."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """Milliseconds since 1970, UTC, as a datetime."""
    return _EPOCH + timedelta(milliseconds=value)


def to_milliseconds(time: datetime) -> int:
    """The other way, rounded down; a naive datetime is local time, as everywhere in Python."""
    return (time.astimezone(timezone.utc) - _EPOCH) // _MILLISECOND


@dataclass(frozen=True, slots=True)
class Annotation:
    level: Level
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything about a checkpoint but its payload."""

    id: str
    sequence: int  # from 1, gap-free as assigned, per session
    parent: str | None
    branch: str
    message: str
    trigger: Trigger
    reason: str  # of an automatic one
    metadata: dict[str, Any]
    created_at: datetime
    size: int  # of the payload, bytes
    content_type: str
    schema_version: int
    payload_hash: str
    parent_hash: str
    hash: str  # of all the above in canonical form: a chain
    idempotency_key: str
    writer_epoch: int  # of the fenced writer; 0: none
    tags: tuple[str, ...]  # sorted, each once
    annotations: tuple[Annotation, ...]
    pinned: bool


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    sequence: int  # of its newest checkpoint, which retention may have removed
    head: str


@dataclass(frozen=True, slots=True)
class SessionInfo:
    id: str
    name: str
    metadata: dict[str, Any]
    created_at: datetime
    forked_from: str  # "session name/checkpoint id", empty: not a fork
    checkpoints: int
    last_sequence: int
    last_event: int
    epoch: int  # of the newest fenced writer
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    session: str
    sequence: int  # 0: not about one checkpoint
    what: str


@dataclass(frozen=True, slots=True)
class Page:
    checkpoints: tuple[Checkpoint, ...]
    damaged: tuple[Problem, ...]  # in the range, but unreadable
    next: str  # cursor of the next page; empty: this was the last


@dataclass(frozen=True, slots=True)
class Moment:
    """A checkpoint among those of all sessions."""

    session: str  # its name
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class TimelinePage:
    moments: tuple[Moment, ...]
    damaged: tuple[Problem, ...]  # in the range, but unreadable
    next: str  # cursor of the next page; empty: this was the last


@dataclass(frozen=True, slots=True)
class SessionPage:
    sessions: tuple[SessionInfo, ...]  # by name
    next: str


@dataclass(frozen=True, slots=True)
class Restored:
    checkpoint: Checkpoint
    payload: bytes  # its hash was checked


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates two checkpoints: a JSON patch if both are JSON, else byte counts."""

    same: bool
    structural: bool
    patch: list[dict[str, Any]]  # RFC 6902, from the first to the second
    common_prefix: int
    common_suffix: int
    size_first: int
    size_second: int


@dataclass(frozen=True, slots=True)
class Best:
    key: str  # top-level number of the metadata
    count: int = 1
    highest: bool = True


@dataclass(frozen=True, slots=True)
class Retention:
    """Which checkpoints to keep: those that at least one rule wants, minus what `expire_after` and `bytes_max` end. Pinned ones
    stay. Without a keep rule, all that is not expired is kept."""

    keep_last: int | None = None
    keep_within: timedelta | None = None
    keep_hourly: int = 0  # the newest of each of the last n hours that have one, UTC
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_tagged: Sequence[str] = ()
    keep_best: Sequence[Best] = ()
    expire_after: timedelta | None = None
    bytes_max: int | None = None


@dataclass(frozen=True, slots=True)
class PruneReport:
    examined: int
    deleted: int
    payload_bytes: int  # of the deleted, as their owners count
    bytes_returned: int  # to the file system; 0 in a dry run
    sequences: tuple[int, ...]  # of the deleted, the first 100,000


@dataclass(frozen=True, slots=True)
class VerifyReport:
    checkpoints: int
    bytes: int  # of payload read
    problem_count: int
    problems: tuple[Problem, ...]  # the first 1,000

    @property
    def ok(self) -> bool:
        return self.problem_count == 0


@dataclass(frozen=True, slots=True)
class Event:
    number: int  # from 1, gap-free per session
    kind: EventKind
    sequence: int  # the checkpoint's; for deleted the first one's
    count: int  # of checkpoints
    at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    events: tuple[Event, ...]
    gap_from: int = 0  # not 0: events gap_from to gap_to are no longer kept
    gap_to: int = 0


@dataclass(frozen=True, slots=True)
class Health:
    sessions: int
    checkpoints: int
    payload_bytes: int  # as their owners count
    stored_bytes: int  # of payload, after sharing and compression
    dead_bytes: int  # on disk, for nobody
    damaged: int  # places found damaged while opening
    scrubs: int  # passes in the background that came to their end
    scrub_problems: int  # found by the last of them
    scrubbed_at: datetime  # its end; 1970: there was none


@dataclass(frozen=True, slots=True)
class ImportReport:
    created: int
    present: int  # were there already


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """What Session.create and rewind take besides the content; they document each."""

    branch: str = "main"
    message: str = ""
    tags: Sequence[str] = ()
    trigger: Trigger = "manual"
    reason: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    content_type: str = "application/octet-stream"
    schema_version: int = 0
    pinned: bool = False
    expected_parent: str | None = None
    branch_from: str | None = None
    idempotency_key: str = ""
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What Session.list takes; it documents each."""

    newest_first: bool = True
    limit: int = 100
    cursor: str = ""
    branch: str = ""
    tags: Sequence[str] = ()
    trigger: Trigger | None = None
    sequence_min: int = 0
    sequence_max: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
