"""The description of the HTTP service, held to its word: schemathesis against a real server.

    python -m tests.api.conform            about a minute; further words go to schemathesis

A ledger is filled with the demonstration's founding case and served; schemathesis asks of every
path, each time with a new session (`conform_auth`), what its description allows and what it does
not, and looks at every answer. The examples in the description must be of the shape that they are
examples of, too.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from jsonschema_rs import validator_for

from api.clock import now_ms
from api.schemas import COMPONENTS, EXAMPLES
from api.settings import Settings
from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from tests.api import conform_auth
from tests.api.serving import serving
from tests.ledger.builder import Clock, found_ledger

__all__ = ["main"]

_CONFIG: Final = """
# Which cursors a question was given, which of two numbers or days is larger, and what a signature
# or a hash is of, no description can say.
[[operations]]
include-name = ["GET /events", "GET /entries", "GET /chronology",
                "GET /checkpoints", "GET /disclosures", "GET /bindings", "GET /queue"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "404", "400"]

[[operations]]
include-name = ["POST /sessions", "POST /submissions", "PUT /files/{sha256}"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "411", "422"]
"""
_LONGEST_S: Final = 60


def main(words: Sequence[str]) -> int:
    """Ask, and return the status that schemathesis ends with."""
    _check_examples()
    settings = Settings(
        requests_per_s=0, submissions_per_s=0, sessions_per_party=10_000, metrics=True
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        _ledger(Path(folder)) as ledger,
        serving(ledger, settings) as site,
    ):
        config = Path(folder) / "schemathesis.toml"
        config.write_text(_CONFIG)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
                *("run", f"{site.url}/openapi.json", "--url", site.url),
                *(
                    "--checks",
                    "all",
                    "--max-time",
                    str(_LONGEST_S),
                    "--seed",
                    "1",
                    "--workers",
                    "1",
                    *words,
                ),
            ],
            check=False,
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path.cwd()),
                "SCHEMATHESIS_HOOKS": conform_auth.__name__,
            },
        )
    return done.returncode


def _check_examples() -> None:
    """Check that each example is of its shape.

    Raises:
        ValidationError: One is not.
    """
    for name, example in EXAMPLES.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": COMPONENTS}}
        validator_for(schema).validate(example)


@contextlib.contextmanager
def _ledger(folder: Path) -> Iterator[Ledger]:
    """Open a new ledger in `folder` that tells the founding case."""
    draft = folder / "founding.yaml"
    draft.write_bytes((resources.files("ledger") / "demo" / draft.name).read_bytes())
    key, path = folder / "author.key", folder / "ledger"
    PartySigner(conform_auth.AUTHOR.name, seed=bytes(conform_auth.AUTHOR.key)).save(key)
    found_ledger(path, conform_auth.AUTHOR, clock=Clock(now_ms()))[0].close()
    context = Context(now_ms=now_ms, out=sys.stderr, err=sys.stderr)
    if run(("record", str(path), str(draft), "--key", str(key)), context) != 0:
        raise AssertionError(draft)
    with Ledger.open(path, clock=now_ms) as ledger:
        yield ledger


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
