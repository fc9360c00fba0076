"""Machines of their own for the command line: each command is a process, forked from one that has
everything imported, so that forty of them take seconds and not minutes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.clock import now_ms
from api.command import _add, main
from ledger.cli.context import Context
from ledger.cli.main import run
from tests.ledger.commandline import Ran

ROOT = Path(__file__).parents[2]
DAY_MS = 86_400_000
_LISTENS = "listening on "
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, "api.serve", "api.witness"])


@dataclass
class Running:
    """A process that runs a command."""

    process: multiprocessing.process.BaseProcess
    out: Path
    err: Path

    def end(self, limit_s: float = 60) -> Ran:
        """Wait until it ends by itself."""
        self.process.join(limit_s)
        code = self.process.exitcode
        assert code is not None, (self.out.read_text(), self.err.read_text())
        return Ran(code, self.out.read_text(), self.err.read_text())

    def stop(self) -> Ran:
        """Ask it to end, as an operator would."""
        if self.process.is_alive() and self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGTERM)
        return self.end()

    def listening(self) -> str:
        """Wait until it says where it listens; return its URL, or raise `EndedError`."""

        def line() -> str:
            text = self.out.read_text() if self.out.exists() else ""
            return text.partition(_LISTENS)[2] if text.endswith("\n") else ""

        until(lambda: bool(line()) or not self.process.is_alive())
        if not line():
            raise EndedError(self.end())
        return line().strip()


class EndedError(Exception):
    """A process that should serve has ended."""

    def __init__(self, ran: Ran) -> None:
        super().__init__(ran)
        self.ran = ran


@dataclass
class Machine:
    """A folder on a machine of somebody's, on which commands run, each as a process of its own."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, *words: str, days_ago: int = 0) -> Ran:
        """Run `counterfoil`, and wait until it ends."""
        return self.start(command, words, days_ago).end()

    def done(self, *words: str, days_ago: int = 0) -> dict[str, object]:
        """Run a command that succeeds, and return its JSON object."""
        ran = self("--json", *words, days_ago=days_ago)

        assert 0 == ran.code, ran
        return ran.values

    def start(self, what: Callable[..., None], *given: object) -> Running:
        """Start a process that does something here."""
        self._count += 1
        out, err = (self.folder / f".{self._count}.{name}" for name in ("out", "err"))
        process = _forks.Process(
            target=_enter,
            args=(self.folder, dict(self.settings), out, err, what, given),
            daemon=True,
        )
        process.start()
        return Running(process, out, err)

    @contextlib.contextmanager
    def serving(self, *words: str) -> Iterator[str]:
        """Run a command that serves; give its URL."""
        with self.serves(command, words, 0) as url:
            yield url

    @contextlib.contextmanager
    def serves(self, what: Callable[..., None], *given: object) -> Iterator[str]:
        """Start a process that serves; give its URL."""
        running = self.start(what, *given)
        try:
            yield running.listening()
        finally:
            running.stop()


def until(done: Callable[[], bool], limit_s: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def _enter(
    folder: Path,
    settings: Mapping[str, str],
    out: Path,
    err: Path,
    what: Callable[..., None],
    given: tuple[object, ...],
) -> None:
    """Become a process of a machine."""
    os.chdir(folder)
    os.environ |= {**settings, "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    for number, path in ((1, out), (2, err)):
        stream = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(stream, number)
        os.close(stream)
    what(*given)


def command(words: tuple[str, ...], days_ago: int) -> None:
    """Run `counterfoil`; its clock is right, or stands where it stood some days ago."""
    if not days_ago:
        sys.exit(main(words))
    context = Context(now_ms=lambda: now_ms() - days_ago * DAY_MS, out=sys.stdout, err=sys.stderr)
    sys.exit(run(words, context, _add))
