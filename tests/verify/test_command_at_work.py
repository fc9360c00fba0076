"""The command `counterfoil-verify` at work: processes, terminals, interrupts."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.verify.commanding import COMMAND, ROOT, run, written
from tests.world import World, say
from verify.kinds import Meeting


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an export that is worth several processes."""
    world = World().found()
    for _ in range(3):
        world.submit(*(say(Meeting, "northmere") for _ in range(2800)))
    return written(tmp_path_factory.mktemp("large"), world.export())


def test_number_of_processes_changes_nothing(large: Path) -> None:
    reports = [run(large, "--json", "--processes", n) for n in ("1", "2")]

    assert 3 == reports[0].returncode == reports[1].returncode
    assert reports[0].stdout == reports[1].stdout
    assert b"" == reports[0].stderr == reports[1].stderr


def on_terminal(
    arguments: Sequence[str | Path], disturb: Callable[[int], None] = lambda _: None
) -> tuple[int, str]:
    """Run with a terminal as standard error; return the exit code and what it showed.

    `disturb` is called with the process's id once the first chunk is checked.
    """
    outer, inner = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=inner, start_new_session=True,
    )  # fmt: skip
    os.close(inner)
    shown, disturbed = b"", False
    while True:
        try:
            more = os.read(outer, 4096)
        except OSError:  # the other side is closed
            break
        if not more:
            break
        shown += more
        if not disturbed and b"entries" in shown:
            disturb(process.pid)
            disturbed = True
    os.close(outer)
    return process.wait(), shown.decode()


def test_progress_is_shown_on_a_terminal_and_cleared(large: Path) -> None:
    for processes in ("1", "2"):
        code, shown = on_terminal([large, "--processes", processes])
        assert 3 == code
        assert "\r8,401 of 8,401 entries" in shown
        assert shown.endswith(f"\r{'':79}\r")


@pytest.mark.parametrize("beside", [False, True])
def test_what_a_certificate_hashes_is_shown_twice_and_cleared(
    export: Path, evidence: Path, tmp_path: Path, *, beside: bool
) -> None:
    words = [evidence, "--files", export] if beside else [export]
    for number in range(3):
        (export / "files" / f"more{number}").write_bytes(bytes(700_000))
    (export / "files" / "large").write_bytes(bytes(2_500_000))
    size = sum(path.stat().st_size for path in export.rglob("*") if path.is_file())
    _, shown = on_terminal([*words, "--certificate", tmp_path / "draft.txt"])
    told = re.findall(r"\r([0-9,]+) of ([0-9,]+) octets", shown)

    assert {f"{size:,}"} == {of for _, of in told}
    assert 2 == [done for done, _ in told].count(f"{size:,}")
    assert 2 * 3 <= len(told) <= 2 * 6
    assert shown.endswith(f"\r{'':79}\r")
    assert (tmp_path / "draft.txt").exists()


def test_numbers_stand_one_under_the_other(large: Path) -> None:
    lines = run(large).stdout.decode().splitlines()

    assert "  Checked      8,401 entries" in lines
    assert "                   4 submissions" in lines


def test_quiet_shows_no_progress(large: Path) -> None:
    assert (3, "") == on_terminal([large, "--quiet"])


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_verdict(export: Path, closed: str) -> None:
    shell = ("/bin/sh", "-c", f'exec "$0" "$@" {closed}')
    checked, missing = (
        subprocess.run(
            [*shell, *COMMAND, path], cwd=ROOT, capture_output=True, check=False, timeout=60
        )
        for path in (export, export / "missing")
    )

    assert (3, b"") == (checked.returncode, checked.stderr)
    assert (2, b"") == (missing.returncode, missing.stdout)


def test_quiet_hashes_quietly(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "draft.txt"

    assert (3, "") == on_terminal([export, "--quiet", "--certificate", out])
    assert out.exists()


def test_interrupt_is_130_without_traceback(large: Path) -> None:
    for processes in ("1", "2"):
        code, shown = on_terminal(
            [large, "--processes", processes], lambda group: os.killpg(group, signal.SIGINT)
        )
        assert 130 == code
        assert "Traceback" not in shown
        assert "Error" not in shown


def test_loss_of_a_process_is_2(large: Path) -> None:
    def kill_child(process: int) -> None:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)

    code, shown = on_terminal([large, "--processes", "2"], kill_child)

    assert 2 == code
    assert "could not run" in shown
    assert "Traceback" not in shown


def test_interrupt_while_reading_is_130(export: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*COMMAND, str(export), "--receipt", str(pipe)], cwd=ROOT, stderr=subprocess.PIPE
    )
    with pipe.open("wb"):  # opens when the command has opened it to read
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()

    assert (130, b"") == (process.returncode, errors)
