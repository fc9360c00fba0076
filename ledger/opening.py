"""What is asked before a ledger may record: is the clock right, and are the log keys at hand?"""

from __future__ import annotations

from pathlib import Path

from ledger.commit import Head
from ledger.errors import LogKeyError, StoreError, WrongClockError
from ledger.keys import LogKey, load_log_key
from ledger.mirrored import load_mirror
from ledger.sequencer import LogSigner
from ledger.steady import Clock
from verify.state import State

__all__ = [
    "BACKUP_FILE",
    "LOG_KEY_FILE",
    "check_clock",
    "check_recorded_in",
    "further_log_key_file",
    "load_log_keys",
    "log_key_files",
]

BACKUP_FILE = "backup.json"
LOG_KEY_FILE = "log.key"
_FURTHER = "log-*.key"
_DAY_MS = 86_400_000


def check_clock(clock: Clock | None, head: Head, *, accepted: bool) -> Clock:
    """Return the clock, if it agrees with the last entry: `recorded` never decreases.

    Args:
        clock: The clock.
        head: Where the ledger stands.
        accepted: Somebody has confirmed that the clock is right.

    Raises:
        WrongClockError: There is none, it stands behind the last entry, or more than a day ahead
            of it.
    """
    recorded_ms = head.recorded
    if clock is None:
        reason = "a ledger that records needs a clock"
        raise WrongClockError(reason, now_ms=None, recorded_ms=recorded_ms)
    now_ms = clock()
    if accepted or recorded_ms <= now_ms <= recorded_ms + _DAY_MS:
        return clock
    behind = now_ms < recorded_ms
    reason = f"the clock stands {'behind' if behind else 'more than a day ahead of'} the last entry"
    raise WrongClockError(reason, now_ms=now_ms, recorded_ms=recorded_ms)


def check_recorded_in(path: Path) -> None:
    """Check that a ledger's folder is none that was put by, and no copy of another's.

    What is recorded in a backup makes a second history beside that of the ledger it was made of.
    In a mirror nobody here could sign it.

    Raises:
        StoreError: It is one, or what says so cannot be read.
    """
    if (path / BACKUP_FILE).exists():
        raise StoreError(path, "is a backup: it can be read and restored, not recorded in")
    mirror = load_mirror(path)
    if mirror is not None:
        reason = f"is a mirror: it can be read. What is recorded goes to {mirror.source}"
        raise StoreError(path, reason)


def log_key_files(path: Path) -> list[Path]:
    """Return the files of log keys in a ledger's folder, that of the first key first."""
    return [path / LOG_KEY_FILE, *sorted(path.glob(_FURTHER))]


def load_log_keys(path: Path, state: State | None) -> dict[bytes, LogSigner]:
    """Load the log keys in a ledger's folder, by public key.

    Raises:
        LogKeyError: The one in force is not among them.
        KeyFileError: One cannot be read.
    """
    keys = [load_log_key(file) for file in log_key_files(path) if file.exists()]
    signers: dict[bytes, LogSigner] = {key.public: key for key in keys}
    if state is not None and bytes.fromhex(state.charter.log_key) not in signers:
        raise LogKeyError(path, key=state.charter.log_key)
    return signers


def further_log_key_file(log_key: LogKey) -> str:
    """Return the name of the file for a log key beside the first."""
    return _FURTHER.replace("*", log_key.public.hex()[:16])
