"""Benchmarks: `python -m tests.bench append`. A subcommand is a module here with `main(args)`."""

import importlib
import sys
from pathlib import Path

_FOLDER = Path(__file__).parent


def main() -> int:
    names = sorted(p.stem for p in _FOLDER.glob("*.py") if not p.stem.startswith("_"))
    name, *args = sys.argv[1:] or [""]
    if name not in names:
        print(f"usage: python -m tests.bench {{{','.join(names)}}} ...", file=sys.stderr)
        return 2
    result: int = importlib.import_module(f"tests.bench.{name}").main(args)
    return result


if __name__ == "__main__":
    sys.exit(main())
