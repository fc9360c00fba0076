"""What is asked before a ledger may record: is the clock right, and are the log keys at hand?"""

from __future__ import annotations

from pathlib import Path

from ledger.commit import Head
from ledger.errors import LogKeyError, WrongClockError
from ledger.keys import LogKey, load_log_key
from ledger.sequencer import LogSigner
from ledger.steady import Clock

__all__ = ["LOG_KEY_FILE", "check_clock", "further_log_key_file", "load_log_keys"]

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


def load_log_keys(path: Path, head: Head) -> dict[bytes, LogSigner]:
    """Load the log keys in a ledger's folder, by public key.

    Raises:
        LogKeyError: The one in force is not among them.
        KeyFileError: One cannot be read.
    """
    files = [path / LOG_KEY_FILE, *sorted(path.glob(_FURTHER))]
    keys = [load_log_key(file) for file in files if file.exists()]
    signers: dict[bytes, LogSigner] = {key.public: key for key in keys}
    if head.state is not None and bytes.fromhex(head.state.charter.log_key) not in signers:
        raise LogKeyError(path, key=head.state.charter.log_key)
    return signers


def further_log_key_file(log_key: LogKey) -> str:
    """Return the name of the file for a log key beside the first."""
    return _FURTHER.replace("*", log_key.public.hex()[:16])
