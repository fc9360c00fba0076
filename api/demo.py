"""The demonstration: the founding case, end to end, through the commands that any user has.

Every step is a command of the command line, printed as it would be typed and then run: keys, a
ledger, a server on a real socket, drafts recorded through it, an export, the verifier, and what
the ledger answers. A second dispute, invented, shows two sides signing, a witness, and how well
each thing is proven: every grade that there is.
"""

import contextlib
import datetime as dt
import io
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ledger.cli import witnessing
from ledger.cli.context import DONE, INTERRUPTED, Context, UsageError
from ledger.cli.main import run

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction

__all__ = ["demo"]

_ORIGIN = "demo.example/data-sharing"
_INVENTED_ORIGIN = "demo.example/invented"
_WITNESS = "witness.demo.example/w1"
_AS_AT = "2025-11-28"
_INVENTED_AS_AT = "2026-04-01"
_TODAY = "today-north.yaml"
_OF_TODAY = """\
# INVENTED, as the rest. It happened today, and a witness cosigned soon enough to show it.
counterfoil: draft/v1
author: northmere
events:
- label: call
  kind: communication
  channel: call
  from: [northmere/records-officer]
  to: [southfold/clerk]
  dates:
    sent: {{edtf: "{day}"}}
  claims:
    title: "Invented: Northmere called Southfold."
"""
_GRADED = {
    "invented-1-north:request": "A request that Northmere tells of",
    "today-north:call": "A call of today, cosigned in time",
    "invented-5-north:mail": "A mail recorded with its original; Southfold agrees when it was sent",
    "invented-6-south:mail": "The same mail as Southfold tells of it",
    "invented-1-north:letter": "A letter of which Southfold signed the receipt",
    "invented-1-north:meeting": "A meeting that both sides agree on, but not on its day",
    "invented-5-north:call": "What Northmere withdrew",
}
_SHORT = 16
_START_S = 30
_VERIFY_TRIES_S = 120


def demo(context: Context, folder: Path | None) -> int:
    """Run the demonstration in `folder`, or in a temporary one that is named at the end.

    Raises:
        LedgerError: Something cannot be done.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="counterfoil-demo-"))
    elif os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    elif folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty: the demonstration wants a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    shown = _Show(context, folder)
    with contextlib.chdir(folder):
        shown.founding()
        shown.invented()
    shown.next_steps()
    return DONE


class _Show:
    """Runs commands in the folder and prints what they are and say."""

    def __init__(self, context: Context, folder: Path) -> None:
        # A program that reads JSON wants one object: then the steps are gathered, not printed.
        self._context = context
        self._folder = folder
        self._steps: list[dict[str, object]] = []

    def founding(self) -> None:
        """Tell the founding case: one council's account, and nobody else's."""
        self._title("1. The founding case, as one council tells it")
        self._say(
            "Leicestershire County Council records its own account. Nobody else has signed\n"
            "anything, so everything below is `as told by leicestershire` and of the lowest\n"
            "grade: asserted, long after the event."
        )
        key = "leicestershire.key"
        self._run("key", "new", key, "--party", "leicestershire", "--plain")
        self._run("init", "ledger", "--origin", _ORIGIN, "--key", key, quiet=False)
        fingerprint, vkey = self._identity("ledger")
        draft = self._ship("founding.yaml")
        with self._serving("ledger") as url:
            self._run("record", url, draft, "--key", key, "--fingerprint", fingerprint)
        self._run("export", "ledger", "export")
        self._verify("export", "--log-key", vkey)
        self._run("chronology", "export", "--as-at", _AS_AT)
        self._run("requests", "export", "--as-at", _AS_AT)
        self._run("knowledge", "export", "--as-at", _AS_AT)
        self._run("contradictions", "export", "--as-at", _AS_AT)
        self._run("promises", "export", "--as-at", _AS_AT)
        self._run("ask", "export", "--as-at", _AS_AT)

    def invented(self) -> None:
        """Show two sides signing, in a dispute between two bodies that do not exist."""
        self._title("2. An INVENTED dispute between two invented bodies, both signing")
        self._say(
            "Northmere and Southfold do not exist. Northmere asks, Southfold receives, agrees\n"
            "to one thing, denies another with a date of its own, keeps one promise and lets\n"
            "another lapse. What both have signed is established. A witness cosigns."
        )
        for party in ("northmere", "southfold"):
            self._run("key", "new", f"{party}.key", "--party", party, "--plain")
        witness = self._witness()
        init = ("init", "invented", "--origin", _INVENTED_ORIGIN, "--member", "southfold")
        self._run(*init, "--witness", witness, "--quorum", "1", "--key", "northmere.key")
        fingerprint, vkey = self._identity("invented")
        self._run("witness", "add", "w1", vkey)
        request = ("key", "request", "invented", "-o", "southfold.request")
        self._run(*request, "--key", "southfold.key")
        self._run("enrol", "invented", "southfold.request", "--key", "northmere.key")
        join = ("join", "invented", "--fingerprint", fingerprint)
        self._run(*join, "--key", "southfold.key")
        self._ship("invented-mail.eml")
        with self._serving("w1", "witness") as at:
            self._command("echo", f"witness w1 {witness} {at}", ">>", "invented/witnesses")
            with Path("invented/witnesses").open("a", encoding="ascii") as known:
                known.write(f"witness w1 {witness} {at}\n")
            with self._serving("invented") as url:
                for name in (*self._drafts("invented-"), self._today()):
                    party = "southfold" if name.endswith("south.yaml") else "northmere"
                    options = ("--fingerprint", fingerprint, "--names", "names.json")
                    wait = ("--wait", "quorum") if name == _TODAY else ()
                    self._run("record", url, name, "--key", f"{party}.key", *options, *wait)
        self._run("export", "invented", "invented-export")
        self._verify("invented-export", "--log-key", vkey)
        self._run("chronology", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("requests", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("promises", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("ask", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._grades()

    def _grades(self) -> None:
        """Show how well each element of some events is proven: every grade, and both marks."""
        self._say(
            "\nHow well is each thing proven? Grades are computed from signatures, files and\n"
            "what others bear out, and say why. No grade says that something is true."
        )
        names = msgspec.json.decode(Path("names.json").read_bytes())
        for name, words in _GRADED.items():
            self._say(f"\n{words}:")
            self._run("show", "invented-export", names[name][:_SHORT], only="Proof that ")

    def next_steps(self) -> None:
        """Say what to try next."""
        self._title("What to try next")
        self._say(
            f"Everything is in {self._folder}\n\n"
            f"  cd {shlex.quote(str(self._folder))}\n"
            "  counterfoil list export                      every event, a line each\n"
            "  counterfoil show export ID                   one event, with its proof\n"
            "  counterfoil prove ledger ID -o one.json      evidence for a court\n"
            "  counterfoil-verify one.json --fingerprint …  check it, alone and offline\n"
            "  sed -i s/2025/2024/ export/tile/entries/*/*  change history, then verify again\n"
            "  counterfoil new request -o mine.yaml         write a draft of your own"
        )
        if self._context.json:
            values = {"folder": str(self._folder), "steps": self._steps}
            self._context.answer(values, "")

    # Steps

    def _run(self, *words: str, quiet: bool = False, only: str = "") -> None:
        """Run a command, and show what it says, or only the lines that begin so."""
        out, err = io.StringIO(), io.StringIO()
        inner = Context(now_ms=self._context.now_ms, out=out, err=err, json=self._context.json)
        self._command("counterfoil", *words, *(("|", "grep", f"'^{only}'") if only else ()))
        code = run(words, inner, _witness_commands)
        if not quiet:
            lines = out.getvalue().splitlines(keepends=True)
            self._show("".join(line for line in lines if line.startswith(only)))
        self._keep("counterfoil", words, code, out.getvalue())
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        if code != DONE:
            said = err.getvalue() or out.getvalue()
            raise UsageError(f"`counterfoil {' '.join(words)}` ended with status {code}: {said}")

    def _verify(self, *words: str) -> None:
        """Run the verifier in a process of its own: it shares nothing with this one."""
        self._command("counterfoil-verify", *words)
        more = ("--json",) if self._context.json else ()
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "verify", *words, *more],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERIFY_TRIES_S,
            env=_environment(),
        )
        self._show(done.stdout + done.stderr)
        self._keep("counterfoil-verify", words, done.returncode, done.stdout)
        if done.returncode != DONE:
            raise UsageError(f"the verifier ended with status {done.returncode}")

    @contextlib.contextmanager
    def _serving(self, folder: str, *kind: str) -> Iterator[str]:
        """Serve a ledger or a witness from a process of its own, on a socket of this machine."""
        words = (*kind, "serve", folder, "--port", "0")
        self._command("counterfoil", *words, "&")
        log = Path(f"{folder}.log")
        with log.open("ab") as complaints:
            server = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "api", *words],
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                env=_environment(),
            )
        with server:
            try:
                line = "" if server.stdout is None else server.stdout.readline()
                if not line.startswith("listening on "):
                    said = log.read_text(encoding="utf-8", errors="replace").strip()
                    raise UsageError(f"the server did not begin: {said or 'it says nothing'}")
                self._show(line)
                yield line.removeprefix("listening on ").strip()
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(_START_S)

    def _identity(self, ledger: str) -> tuple[str, str]:
        """Return a ledger's fingerprint and verifier key."""
        out = io.StringIO()
        context = Context(now_ms=self._context.now_ms, out=out, err=self._context.err, json=True)
        run(("stat", ledger), context)
        values = msgspec.json.decode(out.getvalue())
        return values["ledger"]["fingerprint"], values["log_key"]

    def _witness(self) -> str:
        """Make a witness, and return its verifier key."""
        self._run("witness", "new", "w1", "--name", _WITNESS)
        out = io.StringIO()
        context = Context(now_ms=self._context.now_ms, out=out, err=self._context.err, json=True)
        run(("witness", "show", "w1"), context, _witness_commands)
        vkey: str = msgspec.json.decode(out.getvalue())["vkeys"][0]
        return vkey

    def _today(self) -> str:
        """Write the draft of something that happened today: it cannot be shipped."""
        today = dt.datetime.fromtimestamp(self._context.now_ms() / 1000, dt.UTC).date()
        Path(_TODAY).write_text(_OF_TODAY.format(day=today.isoformat()), encoding="utf-8")
        return _TODAY

    def _drafts(self, prefix: str) -> list[str]:
        shipped = resources.files("ledger") / "demo"
        names = sorted(e.name for e in shipped.iterdir() if _is_draft(e.name, prefix))
        return [self._ship(name) for name in names]

    def _ship(self, name: str) -> str:
        """Put a draft that is shipped with the package into the folder."""
        draft = resources.files("ledger") / "demo" / name
        Path(name).write_bytes(draft.read_bytes())
        return name

    # Words

    def _title(self, text: str) -> None:
        self._show(f"\n{text}\n{'=' * len(text)}\n")

    def _say(self, text: str) -> None:
        self._show(f"{text}\n")

    def _command(self, *words: str) -> None:
        self._show(f"\n$ {' '.join(words)}\n")

    def _show(self, text: str) -> None:
        if not self._context.json:
            self._context.write(text)

    def _keep(self, command: str, words: tuple[str, ...], code: int, answer: str) -> None:
        if self._context.json:
            answered = msgspec.json.decode(answer) if answer.startswith("{") else answer
            self._steps.append({"answer": answered, "command": [command, *words], "status": code})


def _witness_commands(commands: "_SubParsersAction[ArgumentParser]") -> None:
    witnessing.add(commands)


def _is_draft(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.endswith(".yaml")


def _environment() -> dict[str, str]:
    """Return this process's environment, with the packages it runs from first."""
    here = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": here}
