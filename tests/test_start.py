"""The two commands as they are installed, and interrupted while they load."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import subprocess
import sys
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


class Raising:
    """Raises at whoever imports a module."""

    def __init__(self, module: str, error: BaseException) -> None:
        self._module, self._error = module, error

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == self._module:
            raise self._error


@pytest.fixture
def process() -> Iterator[None]:
    """Give the process back what a command takes for itself."""
    noted = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in noted}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("script", "words"), [("counterfoil", ("stat",)), ("counterfoil-verify", ())]
)
def test_a_command_begins_or_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: tuple[str, ...]
) -> None:
    package = SCRIPTS[script].partition(".")[0]
    begin = importlib.import_module(f"{package}.start").main
    monkeypatch.setattr(sys, "argv", [script, *words, str(tmp_path / "missing")])
    ended = begin()
    monkeypatch.delitem(sys.modules, f"{package}.command")
    monkeypatch.setattr(
        sys, "meta_path", [Raising(f"{package}.command", KeyboardInterrupt()), *sys.meta_path]
    )

    assert (2, 130) == (ended, begin())


@pytest.mark.usefixtures("process")
def test_a_verifier_that_fails_gives_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = importlib.import_module("verify.start").main
    missing = Raising("verify.command", ImportError("no such library"))
    monkeypatch.delitem(sys.modules, "verify.command", raising=False)
    monkeypatch.setattr(sys, "meta_path", [missing, *sys.meta_path])

    assert 2 == begin()
    assert "ImportError: no such library" in capsys.readouterr().err


def test_nor_does_one_that_is_run_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise ImportError('no such library')\n")
    ended = subprocess.run(
        [sys.executable, "-m", "verify", "export"], cwd=ROOT, check=False, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, text=True,
    )  # fmt: skip

    assert 2 == ended.returncode
    assert "ImportError: no such library" in ended.stderr


@pytest.mark.parametrize(("script", "collects"), [
    ("counterfoil", True), ("counterfoil-verify", False),
])  # fmt: skip
def test_a_command_loads_what_it_needs_and_what_is_left_is_not_gone_through(
    tmp_path: Path, script: str, *, collects: bool
) -> None:
    module = SCRIPTS[script].removesuffix(":main")
    package = module.partition(".")[0]
    lines = (
        "import gc, sys, types",
        "told = types.ModuleType('told')",
        "told.main = lambda: print(gc.isenabled(), 'typing_extensions' in sys.modules) or 0",
        f"sys.modules['{package}.command'] = told",
        f"from {module} import main",
        "code = main()",
        "import typing_extensions",
        "print(code, gc.get_count()[0] < gc.get_freeze_count())",
    )
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=tmp_path, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    assert [str(collects), "False", "0", "True"] == ended.stdout.split()


@pytest.mark.parametrize(("script", "words"), [
    ("counterfoil", ("key", "show", "pipe")),
    ("counterfoil-verify", ("pipe", "--receipt", "pipe")),
])  # fmt: skip
def test_an_interruption_while_a_command_loads_is_no_traceback(
    tmp_path: Path, script: str, words: tuple[str, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")  # so that it is there still if it was quicker than the signal
    module = SCRIPTS[script].removesuffix(":main")
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c",
         f"import sys; from {module} import main; sys.exit(main())", *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(" msgspec._core"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert 130 == process.returncode
    assert "Traceback" not in errors


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("interrupted", [True, False])
def test_an_interruption_that_a_library_tells_otherwise_is_one_all_the_same(
    monkeypatch: pytest.MonkeyPatch, *, interrupted: bool
) -> None:
    """As pydantic does, interrupted while it makes the schema of a class."""

    def run() -> int:
        try:
            if interrupted:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt as error:
            raise ValueError("no schema") from error
        raise ValueError("no schema")

    begin = importlib.import_module("api.start").main
    monkeypatch.setitem(sys.modules, "api.command", types.SimpleNamespace(main=run))

    if interrupted:
        assert begin() == 130
    else:
        with pytest.raises(ValueError, match="no schema"):
            begin()


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("later", [True, False])
def test_two_interruptions_at_once_are_one(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, *, later: bool
) -> None:
    """What the first one left is put away; one that comes later ends that, too."""
    put_away = []

    def run() -> int:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGINT)
            put_away.append("half a ledger")
        return 0

    start = importlib.import_module("api.start")
    monkeypatch.setitem(sys.modules, "api.command", types.SimpleNamespace(main=run))
    if later:
        monkeypatch.setattr(start, "_AGAIN_S", 0.0)
    signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    assert 130 == start.main()
    assert later != bool(put_away)


@pytest.mark.usefixtures("process")
def test_what_is_to_be_passed_over_still_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As SIGHUP is below `nohup`, and SIGINT in the background of a script."""

    def run() -> int:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setitem(sys.modules, "api.command", types.SimpleNamespace(main=run))
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)

    assert 0 == importlib.import_module("api.start").main()
