"""The commands that follow a ledger from outside: watch, mirror."""

from __future__ import annotations

import contextlib
import functools
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.asking import Asking, Patience, UnknownReaderError
from ledger.cli.context import (
    DONE,
    FAILED,
    REFUSED,
    Context,
    InvalidError,
    UsageError,
    one_line,
)
from ledger.cli.parsing import command, seconds
from ledger.cli.sources import (
    add_source,
    fingerprint_of,
    home_of,
    is_url,
    open_remote,
    reader_of,
)
from ledger.client import Remote
from ledger.errors import LedgerError, TargetError
from ledger.mirror import Mirror
from ledger.mirrored import MirrorNote, load_mirror
from ledger.source import Source
from ledger.transport import normal_url
from ledger.watching import Finding, Watch, findings
from verify.errors import MalformedError, VerifyError
from verify.policy import MAX_POLICY_SIZE, Policy, parse_policy
from verify.receipt import MAX_RECEIPT

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    watch = command(
        commands, "watch", "follow a ledger, and tell when it goes back on its word", _watch,
        "watch https://ledger.example.org/dispute --fingerprint 8d1f...e2 --policy policy",
        "watch URL --once --held letter.receipt.json # one look, with a receipt to compare",
        "watch URL --also https://mirror.example.net/dispute # two servers, one history?",
        more="Every new entry is checked as it comes. It ends with status 1 as soon as anything\n"
        "does not go together: with a fork proof for anybody, where there can be one, which\n"
        "`counterfoil-verify FILE --fingerprint HEX` confirms. It goes on from where it was.",
    )  # fmt: skip
    add_source(watch, source="the server's URL")
    watch.add_argument(
        "--policy", metavar="FILE",
        help="a tlog-policy: which log, and whose cosignatures there must be",
    )  # fmt: skip
    watch.add_argument(
        "--also", action="append", default=[], metavar="URL",
        help="another server of the same ledger; again for each",
    )  # fmt: skip
    watch.add_argument(
        "--witness", action="append", default=[], metavar="URL",
        help="the monitoring prefix of a witness; again for each",
    )  # fmt: skip
    watch.add_argument(
        "--held", action="append", default=[], metavar="FILE",
        help="a receipt or a signed checkpoint that reached you another way; again for each",
    )  # fmt: skip
    _looking_options(watch)
    _add_mirror(commands)


def _looking_options(parser: ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.add_argument(
        "--every", type=seconds, default=60, metavar="S", help="look every S seconds (default: 60)"
    )


def _add_mirror(commands: _SubParsersAction[ArgumentParser]) -> None:
    mirror = command(
        commands, "mirror", "keep a verified copy of a ledger that somebody else serves", _mirror,
        "mirror https://ledger.example.org/dispute copy --fingerprint 8d1f...e2",
        "mirror URL copy --once # bring it up to date, and end",
        "serve copy # let others read it: nobody can record in it",
        more="Every entry, claim and file is checked before it is kept. It can be interrupted at\n"
        "any moment and goes on from where it was. The copy is read, exported and proven from\n"
        "as the ledger is; with --key it has what your party may see, else what anybody may.\n"
        "What it has is kept whatever the server shows later: it ends with status 1 as soon as\n"
        "that does not go together with the copy, with a fork proof where there can be one.",
    )  # fmt: skip
    add_source(mirror, source="the server's URL")
    mirror.add_argument("folder", help="the copy's folder: a new one, or a mirror of this ledger")
    _looking_options(mirror)


def _watch(arguments: Namespace, context: Context) -> int:
    _check_url(arguments)
    with contextlib.ExitStack() as stack:
        watch = _open(arguments, context, stack)
        return _follow(arguments, context, watch.look, lambda: _watched(watch))


def _watched(watch: Watch) -> tuple[dict[str, object], str]:
    return {"size": watch.size}, f"{watch.size:,} entries: checked, and none went back"


def _mirror(arguments: Namespace, context: Context) -> int:
    _check_url(arguments)
    folder = Path(arguments.folder)
    kept = load_mirror(folder)
    if kept is not None and arguments.fingerprint is None:
        arguments.fingerprint = kept.charter
    signer = reader_of(arguments, context)
    with contextlib.ExitStack() as stack:
        charter = stack.enter_context(fingerprint_of(arguments, signer=signer))
        asking = Asking(
            arguments.ledger, fingerprint=charter, signer=signer, now_ms=context.now_ms,
            patience=Patience(),
        )  # fmt: skip
        stack.enter_context(contextlib.closing(asking))
        mirroring = _Mirroring(
            folder,
            Source(asking),
            note=MirrorNote(
                audience="public" if signer is None else signer.party,
                charter=charter,
                source=normal_url(arguments.ledger),
            ),
            progress=context.progress("Copied entry"),
            coming=context.coming("Files:"),
        )
        stack.callback(mirroring.close)
        return _follow(arguments, context, mirroring.look, mirroring.told)


class _Mirroring:
    """A mirror that is opened, or made, with the first look: the source may be away."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        *,
        note: MirrorNote,
        progress: Callable[[int, int], None],
        coming: Callable[[int], None],
    ) -> None:
        self._open = functools.partial(
            Mirror.open, folder, source, note=note, progress=progress, coming=coming
        )
        self._folder = folder
        self._mirror: Mirror | None = None

    def close(self) -> None:
        if self._mirror is not None:
            self._mirror.ledger.close()

    def look(self) -> Iterator[Finding]:
        return findings("the server", self._look)

    def told(self) -> tuple[dict[str, object], str]:
        size = 0 if self._mirror is None else self._mirror.size
        return (
            {"folder": str(self._folder), "size": size},
            f"{size:,} entries: checked, and kept in {self._folder}",
        )

    def _look(self) -> Iterator[Finding]:
        if self._mirror is None:
            self._mirror = self._open()
        self._mirror.look()
        lacking = self._mirror.lacking
        if lacking:
            index, name = lacking[0]
            more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
            reason = f"does not show what it should: {name} of entry {index}{more}"
            yield Finding("lacking", "the server", reason)


def _check_url(arguments: Namespace) -> None:
    if not is_url(arguments.ledger):
        reason = f"{arguments.command}: takes a URL; `counterfoil-verify` a folder"
        raise UsageError(f"{arguments.ledger}: {reason}")


def _follow(
    arguments: Namespace,
    context: Context,
    look: Callable[[], Iterator[Finding]],
    told: Callable[[], tuple[dict[str, object], str]],
) -> int:
    """Look again and again, and tell what is new, until something does not go together."""
    before: tuple[dict[str, object], str] | None = None
    owed: list[Finding] = []
    while True:
        found, ended = _found(look)
        going_on = not arguments.once and not isinstance(ended, UnknownReaderError)
        if isinstance(ended, TargetError) and (found or going_on):
            found.append(Finding("unanswered", "the server", str(ended)))
            ended = None
        now = told()
        if now != before and now[0]["size"]:
            context.answer(*now)
            before = now
        for finding in found:
            if finding not in owed:
                _tell(context, finding)
        # What a mirror is owed it asks for again: it does not end for that, and tells it once.
        owed = [finding for finding in found if finding.kind == "lacking"]
        kinds = {finding.kind for finding in found}
        if kinds - {"unanswered"} - (set() if arguments.once else {"lacking"}):
            if ended is not None:
                context.say(one_line(f"counterfoil: {ended}"))
            return REFUSED
        if ended is not None:
            raise ended
        if arguments.once:
            return FAILED if found else DONE
        time.sleep(arguments.every)


def _found(look: Callable[[], Iterator[Finding]]) -> tuple[list[Finding], Exception | None]:
    """Return what a look finds, and what ended it: that must not hide what was found before."""
    found: list[Finding] = []
    try:
        for finding in look():
            found.append(finding)  # noqa: PERF402 - each as it comes
    except (LedgerError, VerifyError) as error:
        return found, error
    return found, None


def _open(arguments: Namespace, context: Context, stack: contextlib.ExitStack) -> Watch:
    home, signer = home_of(arguments), reader_of(arguments, context)
    policy = None if arguments.policy is None else _policy(Path(arguments.policy))
    held = [(name, _read(Path(name), MAX_RECEIPT)) for name in arguments.held]
    remote = stack.enter_context(open_remote(context, arguments, signer=signer))
    others = [
        (url, stack.enter_context(
            Remote(url, fingerprint=remote.fingerprint, home=home, now_ms=context.now_ms,
                   signer=signer)))
        for url in arguments.also
    ]  # fmt: skip
    witnesses = {
        url: stack.enter_context(
            contextlib.closing(
                Asking(
                    url, fingerprint=remote.fingerprint, signer=None, now_ms=context.now_ms,
                    patience=Patience(),
                )
            )
        )
        for url in arguments.witness
    }  # fmt: skip
    return Watch(
        remote, home=home, now_ms=context.now_ms, sleep=time.sleep, policy=policy, others=others,
        witnesses=witnesses, held=held,
    )  # fmt: skip


def _tell(context: Context, finding: Finding) -> None:
    values = {"finding": finding.kind, "reason": finding.reason, "source": finding.source}
    text = one_line(f"{finding.kind}: {finding.source}: {finding.reason}")
    if finding.proof is not None:
        values["proof"] = str(finding.proof)
        if str(finding.proof) not in finding.reason:
            text += f"\n  {finding.proof} is the proof, for counterfoil-verify"
    context.answer(values, text)


def _policy(path: Path) -> Policy:
    try:
        return parse_policy(_read(path, MAX_POLICY_SIZE))
    except MalformedError as error:
        raise InvalidError(f"{path}: {error}") from None


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit + 1)
