"""The benchmarks run, from end to end, on little: a figure that nobody can take proves nothing.

What they measure is not judged here: such a run is too short, and other tests run beside it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SMALL = {
    "append": ["--entries", "40", "--events", "1"],
    "audit": ["--events", "256", "--rounds", "1"],
    "chronology": ["--events", "256", "--rows", "10", "--repeats", "1", "--memory"],
    "evidence": ["--runs", "1"],
    "folding": ["--entries", "300"],
    "http": ["--submissions", "16", "--clients", "2", "--rounds", "1"],
    "million": ["--entries", "512"],
    "outputs": ["--events", "60"],
    "paper": ["--rows", "20"],
    "reconcile": ["--events", "100"],
    "watch": ["--submissions", "60"],
    "witness": ["--logs", "1", "--requests", "5", "--runs", "1"],
}


def test_every_benchmark_is_here() -> None:
    modules = Path(__file__, "..", "bench").resolve().glob("[!_]*.py")
    assert sorted(_SMALL) == sorted(module.stem for module in modules)


_PROC = {"audit", "million", "watch"}  # ask the system for what a process has used


@pytest.mark.parametrize("name", _SMALL)
@pytest.mark.timeout(180)
def test_a_benchmark_runs(name: str, tmp_path: Path) -> None:
    if name in _PROC and not Path("/proc/self/status").exists():
        pytest.skip("this system has no /proc")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", name, *_SMALL[name]],
        cwd=Path(__file__, "..", "..").resolve(),
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
