"""Commands that put a ledger by and bring it back, or say why it has stopped."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.backup import back_up
from ledger.cli.context import DONE, REFUSED, Context, UsageError, groups, table, utc
from ledger.cli.parsing import command
from ledger.disputes import Dispute, decide, disputes_of
from ledger.errors import NotFoundError
from ledger.restore import restore
from verify.checkpoint import parse_signed
from verify.note import MAX_NOTE_SIZE
from verify.receipt import MAX_RECEIPT

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_KEYS = (
    "The log's own keys are in it: whoever has it can sign in the log's name. It is\n"
    "not encrypted, and only this account may read it (0700): keep it as you keep\n"
    "the ledger, on another disk."
)
_GO_ON = (
    "If this ledger goes on, its log key signs more that contradicts what it signed:\n"
    "anybody who holds both can prove that, and no witness that has seen the other\n"
    "history cosigns this one."
)
_SHORT = 16
_FORK = (
    "What was acknowledged after a backup was made is not in it. If a ledger goes on\n"
    "from such an earlier state, it signs a second history (a fork), and anybody who\n"
    "holds a later receipt can prove that."
)


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the commands to the command line."""
    backing = command(
        commands, "backup", "copy a ledger, also while it is served", _backup,
        "backup ledger /mnt/other-disk/ledger-2025-11-28",
        more=_KEYS,
    )  # fmt: skip
    backing.add_argument("ledger", help="the ledger's folder")
    backing.add_argument("folder", help="the folder to make")
    restoring = command(
        commands, "restore", "make a ledger of a backup, unless it is known to be old", _restore,
        "restore ledger-2025-11-28 ledger --receipt latest.json",
        "restore ledger-2025-11-28 ledger --checkpoint export/checkpoint --receipt *.json",
        more=f"{_FORK}\n\n"
        "So hand in the latest receipts and checkpoints that there are, and ask every\n"
        "party for theirs: if one of them is later than the backup, nothing is restored.\n"
        "Stop the old ledger first, and never serve both.",
    )  # fmt: skip
    restoring.add_argument("backup", help="the backup")
    restoring.add_argument("ledger", help="the folder to make")
    restoring.add_argument(
        "--receipt", action="extend", nargs="+", default=[], metavar="FILE",
        help="receipts of the ledger: all must agree with the backup",
    )  # fmt: skip
    restoring.add_argument(
        "--checkpoint", action="extend", nargs="+", default=[], metavar="FILE",
        help="signed checkpoints of the ledger, such as an export's: likewise",
    )  # fmt: skip
    restoring.add_argument(
        "--unproven", action="store_true",
        help="restore although there is neither: nothing then shows that it is not too old",
    )  # fmt: skip
    disputing = command(
        commands, "disputes", "say what stopped a ledger; go on all the same", _disputes,
        "disputes ledger", "disputes ledger --go-on 3c918f3d21a0b7e4",
        more="The log's key has signed what this ledger has not, as a witness has shown. Either\n"
        "this folder is older than what was acknowledged, or is served twice: then the\n"
        "other one is the ledger. Or somebody else has the log's key: then go on, and make\n"
        "another at once (`counterfoil amend --new-log-key`), or found a successor. Tell the\n"
        "parties either way: they will see it.\n\n"
        f"{_GO_ON}",
    )  # fmt: skip
    disputing.add_argument("ledger", help="the ledger's folder")
    disputing.add_argument(
        "--go-on", metavar="DISPUTE",
        help="record again, although the log's key signed this: it cannot be taken back",
    )  # fmt: skip


def _backup(arguments: Namespace, context: Context) -> int:
    with context.ledger(Path(arguments.ledger)) as ledger:
        made = back_up(
            ledger, Path(arguments.folder), now_ms=context.now_ms(), tell=context.progress
        )
    note = made.note
    absent = note.absent or ()
    values = {
        "absent_files": list(absent),
        "files": made.files,
        "fingerprint": note.fingerprint,
        "folder": str(made.path),
        "holds_log_keys": True,
        "made_ms": note.made,
        "root": note.root,
        "size": note.size,
    }
    rows = [
        ("entries", str(note.size)),
        ("root", groups(note.root)),
        ("fingerprint", groups(note.fingerprint)),
        ("files", str(made.files)),
        ("made", utc(note.made)),
    ]
    lines = [f"Wrote {made.path}", table(rows), _KEYS]
    lines += [f"Missing: the file {name}, which a claim names" for name in absent]
    context.answer(values, "\n".join(lines))
    return REFUSED if absent else DONE


def _restore(arguments: Namespace, context: Context) -> int:
    if not (arguments.receipt or arguments.checkpoint or arguments.unproven):
        raise UsageError(
            "give the latest --receipt or --checkpoint that there is, or --unproven.\n"
            f"{_FORK}\n"
            "Only what others hold can show that nothing was."
        )
    made = restore(
        Path(arguments.backup),
        Path(arguments.ledger),
        receipts=_read(arguments.receipt, limit=MAX_RECEIPT),
        checkpoints=_read(arguments.checkpoint, limit=MAX_NOTE_SIZE),
        tell=context.progress,
    )
    note = made.note
    absent = note.absent or ()
    values = {
        "absent_files": list(absent),
        "files": made.files,
        "fingerprint": note.fingerprint,
        "folder": str(made.path),
        "known_size": made.known,
        "made_ms": note.made,
        "root": note.root,
        "size": note.size,
    }
    known = f"up to {made.known} entries" if made.known else "nothing was handed in"
    rows = [
        ("entries", str(note.size)),
        ("root", groups(note.root)),
        ("fingerprint", groups(note.fingerprint)),
        ("files", str(made.files)),
        ("backed up", utc(note.made)),
        ("others know", known),
    ]
    lines = [f"Restored {made.path}", table(rows)]
    lines += [f"Missing, as it was then: the file {name}, which a claim names" for name in absent]
    lines.append(
        "Whether anything was acknowledged after these entries, only its receipts show:\n"
        "ask every party for its latest before this is served."
    )
    context.answer(values, "\n".join(lines))
    return DONE


def _disputes(arguments: Namespace, context: Context) -> int:
    path = Path(arguments.ledger)
    with context.ledger(path) as ledger:
        size, root_at = ledger.size(), ledger.root_at
        if arguments.go_on is not None:
            try:
                decide(path, arguments.go_on)
            except NotFoundError as error:
                raise UsageError(f"{path}: {error}") from None
        found = [_told(one, size, root_at) for one in disputes_of(path)]
    rows = [("dispute", "signed", "here", "so", "proof")]
    rows += [
        (str(v["dispute"]), f"{v['size']} {str(v['root'])[:_SHORT]}",
         str(v.get("found", "-"))[:_SHORT], str(v["state"]), str(v.get("proof", "-")))
        for v in found
    ]  # fmt: skip
    text = table(rows) if found else "None is known."
    if arguments.go_on is not None:
        text += f"\n{_GO_ON}"
    elif any(v["state"] == "open" for v in found):
        text += "\nNothing is recorded while one is open: see `counterfoil disputes --help`."
    context.answer({"disputes": found}, text)
    return DONE


def _told(one: Dispute, size: int, root_at: Callable[[int], bytes]) -> dict[str, object]:
    checkpoint, _ = parse_signed(one.note)
    values: dict[str, object] = {
        "dispute": one.name,
        "note": one.note.decode(),
        "root": checkpoint.root.hex(),
        "size": checkpoint.size,
        "state": "decided" if one.decided else "open",
    }
    if checkpoint.size <= size:
        values["found"] = root_at(checkpoint.size).hex()
        if values["found"] == values["root"]:
            values["state"] = "over"
    if one.proof is not None:
        values["proof"] = str(one.proof)
    return values


def _read(paths: Iterable[str], *, limit: int) -> list[tuple[str, bytes]]:
    """Read files, or as much of each as is needed to see that it is too long."""
    found = []
    for path in paths:
        with Path(path).open("rb") as file:
            found.append((path, file.read(limit + 1)))
    return found
