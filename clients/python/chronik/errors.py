"""What can fail, as one exception class per error code of the store, the same for every backend and over HTTP."""

from __future__ import annotations


class CheckpointError(Exception):
    """Base of all below. `code` is the name of the error code, `detail` one line for a person."""

    code = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class InvalidArgument(CheckpointError, ValueError):
    """The caller's input is wrong: malformed JSON, bad UTF-8, an impossible limit."""

    code = "invalid_argument"


class NotFound(CheckpointError, LookupError):
    """No such session, checkpoint or branch."""

    code = "not_found"


class AlreadyExists(CheckpointError):
    """The name is taken."""

    code = "already_exists"


class Conflict(CheckpointError):
    """Someone else was there first: expected parent, or an idempotency key with another content."""

    code = "conflict"


class Fenced(CheckpointError):
    """A newer writer took the session over."""

    code = "fenced"


class TooLarge(CheckpointError):
    """Beyond a limit of the store."""

    code = "too_large"


class Corrupt(CheckpointError):
    """A checksum, hash or structure does not hold; the detail says where."""

    code = "corrupt"


class TimedOut(CheckpointError, TimeoutError):
    """The wait ended; a write may still take effect: repeat it with its idempotency key."""

    code = "timed_out"


class Overloaded(CheckpointError):
    """Too much is waiting to be written."""

    code = "overloaded"


class DiskFull(CheckpointError):
    """Recoverable: make room on the disk, then go on."""

    code = "disk_full"


class StorageFailed(CheckpointError):
    """Final for this store: open it again once the disk works."""

    code = "storage_failed"


class InUse(CheckpointError):
    """Another process has the directory; SQLite and the server take several."""

    code = "in_use"


class Closed(CheckpointError):
    """The store was closed."""

    code = "closed"


class Unsupported(CheckpointError):
    """Written by a newer version, or not offered by this server."""

    code = "unsupported"


class WrongKey(CheckpointError):
    """The store is encrypted with another key, or with one at all, or with none."""

    code = "wrong_key"


class Unavailable(CheckpointError, ConnectionError):
    """HTTP only: the server cannot be reached, or the connection was lost; a write may have taken effect."""

    code = "unavailable"


BY_CODE: dict[str, type[CheckpointError]] = {
    error.code: error
    for error in (InvalidArgument, NotFound, AlreadyExists, Conflict, Fenced, TooLarge, Corrupt, TimedOut, Overloaded,
                  DiskFull, StorageFailed, InUse, Closed, Unsupported, WrongKey,
                  Unavailable)
}


def make(code: str, detail: str) -> CheckpointError:
    """The exception for an error code; a code this version does not know gives the base class."""
    known = BY_CODE.get(code)
    return known(detail) if known else CheckpointError(f"{code}: {detail}")
