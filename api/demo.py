"""The demonstration: the founding case, end to end, through the commands that any user has.

Every step is a command of the command line, printed as it would be typed and then run: keys, a
ledger, a server on a real socket, drafts recorded through it, an export, the verifier, and what
the ledger answers. A second dispute, invented, shows two sides signing.
"""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import msgspec

from ledger.cli.context import DONE, INTERRUPTED, Context, UsageError
from ledger.cli.main import run

__all__ = ["demo"]

_ORIGIN = "demo.example/data-sharing"
_INVENTED_ORIGIN = "demo.example/invented"
_AS_AT = "2025-11-28"
_INVENTED_AS_AT = "2026-04-01"
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
        self._run("promises", "export", "--as-at", _AS_AT)
        self._run("ask", "export", "--as-at", _AS_AT)

    def invented(self) -> None:
        """Show two sides signing, in a dispute between two bodies that do not exist."""
        self._title("2. An INVENTED dispute between two invented bodies, both signing")
        self._say(
            "Northmere and Southfold do not exist. Northmere asks, Southfold receives, agrees\n"
            "to one thing, denies another with a date of its own, keeps one promise and lets\n"
            "another lapse. What both have signed is established."
        )
        for party in ("northmere", "southfold"):
            self._run("key", "new", f"{party}.key", "--party", party, "--plain")
        init = ("init", "invented", "--origin", _INVENTED_ORIGIN, "--member", "southfold")
        self._run(*init, "--key", "northmere.key")
        fingerprint, vkey = self._identity("invented")
        request = ("key", "request", "invented", "-o", "southfold.request")
        self._run(*request, "--key", "southfold.key")
        self._run("enrol", "invented", "southfold.request", "--key", "northmere.key")
        join = ("join", "invented", "--fingerprint", fingerprint)
        self._run(*join, "--key", "southfold.key")
        with self._serving("invented") as url:
            for name in self._drafts("invented-"):
                party = "northmere" if name.endswith("north.yaml") else "southfold"
                options = ("--fingerprint", fingerprint, "--names", "names.json")
                self._run("record", url, name, "--key", f"{party}.key", *options)
        self._run("export", "invented", "invented-export")
        self._verify("invented-export", "--log-key", vkey)
        self._run("chronology", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("requests", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("promises", "invented-export", "--as-at", _INVENTED_AS_AT)
        self._run("ask", "invented-export", "--as-at", _INVENTED_AS_AT)

    def next_steps(self) -> None:
        """Say what to try next."""
        self._title("What to try next")
        self._say(
            f"Everything is in {self._folder}\n\n"
            f"  cd {self._folder}\n"
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

    def _run(self, *words: str, quiet: bool = False) -> None:
        out, err = io.StringIO(), io.StringIO()
        inner = Context(now_ms=self._context.now_ms, out=out, err=err, json=self._context.json)
        self._command("counterfoil", *words)
        code = run(words, inner)
        if not quiet:
            self._show(out.getvalue())
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
    def _serving(self, ledger: str) -> Iterator[str]:
        """Serve a ledger from a process of its own, on a socket of this machine."""
        self._command("counterfoil", "serve", ledger, "--port", "0", "&")
        log = Path(f"{ledger}.log")
        with log.open("ab") as complaints:
            server = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "api", "serve", ledger, "--port", "0"],
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

    def _drafts(self, prefix: str) -> list[str]:
        shipped = resources.files("ledger") / "demo"
        names = sorted(e.name for e in shipped.iterdir() if e.name.startswith(prefix))
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


def _environment() -> dict[str, str]:
    """Return this process's environment, with the packages it runs from first."""
    here = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": here}
