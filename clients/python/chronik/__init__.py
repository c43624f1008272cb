"""The checkpoint store of Chronik: for whatever works for long and wants to stop, look back, branch and resume.

    with chronik.open("state") as store:
        agent = store.open_session("agent-7")
        saved = agent.create('{"step":1}', tags=["good"])
        state = agent.restore(saved.id).payload

chronik.aio has the same to be awaited, chronik.langgraph a checkpointer for LangGraph.
"""

from __future__ import annotations

import os
import re
from typing import Any

from .errors import (AlreadyExists, CheckpointError, Closed, Conflict, Corrupt, DiskFull, Fenced, InUse, InvalidArgument, NotFound,
                     Overloaded, StorageFailed, TimedOut, TooLarge, Unavailable, Unsupported, WrongKey)
from .model import (NO_PARENT, Annotation, Best, Branch, Checkpoint, Difference, Event, EventPage, Health, ImportReport, Moment, Page,
                    Problem, PruneReport, Restored, Retention, SessionInfo, SessionPage, TimelinePage, VerifyReport)
from .store import Session, Store

__version__ = "0.1.0"

__all__ = [
    "open", "Store", "Session", "CheckpointError", "AlreadyExists", "Closed", "Conflict", "Corrupt", "DiskFull", "Fenced", "InUse",
    "InvalidArgument", "NotFound", "Overloaded", "StorageFailed", "TimedOut", "TooLarge", "Unavailable", "Unsupported", "WrongKey",
    "NO_PARENT",
    "Annotation", "Best", "Branch", "Checkpoint", "Difference", "Event", "EventPage", "Health", "ImportReport", "Moment", "Page",
    "Problem", "PruneReport", "Restored", "Retention", "SessionInfo", "SessionPage", "TimelinePage", "VerifyReport",
]


def open(where: str | os.PathLike[str], *, timeout: float = 30.0, **options: Any) -> Store:
    """A store, by where it is:

    - a directory (with a colon in it: as a pathlib.Path): Chronik's own log, created if absent; one process at a time (InUse)
    - `sqlite:PATH`: one file, any number of processes
    - `memory:`: for tests and what may be lost
    - `http://HOST:PORT` (or https): a chronik-server's --admin address

    timeout: seconds, for a call that is given none.
    Embedded stores take also payload_bytes_max (64 MiB), pending_bytes_max (256 MiB; beyond it writers wait), events_kept (1024 per
    session), stall_deadline (10 s; a disk operation beyond it fails the store), scrub_every (0: never; seconds between two
    verifications in the background), scrub_bytes_per_second (32 MiB). A directory takes cache_bytes (32 MiB of what was
    read not long ago), and key (32 bytes, or 64 hexadecimal
    digits): it is encrypted, each session with a key of its own that delete_session destroys. HTTP takes connections_max (16).
    """
    given = os.fspath(where)
    if given.startswith(("http://", "https://")):
        from .http import HttpStore
        return HttpStore(given, timeout=timeout, **options)
    from . import _native
    from .embedded import EmbeddedStore, key_bytes
    options["timeout"] = timeout
    unknown = options.keys() - {"timeout", "payload_bytes_max", "pending_bytes_max", "events_kept", "stall_deadline", "cache_bytes",
                                "key", "scrub_every", "scrub_bytes_per_second"}
    if unknown:
        raise TypeError(f"open: no option {', '.join(sorted(unknown))} for an embedded store")
    if "key" in options:
        options["key"] = key_bytes(options["key"])
    # Only a path object may name a directory that looks like something else.
    scheme = re.match(r"([A-Za-z]\w+):", given) if isinstance(where, str) else None
    if not given or given == "sqlite:" or (scheme and given != "memory:" and scheme[1] != "sqlite"):
        raise InvalidArgument(f"not a directory, sqlite:PATH, memory: or http://HOST:PORT: {given!r}")
    if given == "memory:":
        return EmbeddedStore(_native.open_memory(options))
    if given.startswith("sqlite:"):
        return EmbeddedStore(_native.open_sqlite(given.removeprefix("sqlite:"), options))
    return EmbeddedStore(_native.open_log(given, options))
