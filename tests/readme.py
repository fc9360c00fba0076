"""README, held to its word: its tour is run, and what it names is there.

    python -m tests.readme            check
    python -m tests.readme --write    run the tour and print its outputs anew, trimmed as before

Blocks marked `console` are a session: lines that begin with `$ ` are run in order, in a temporary
folder and the folders made in it, by the real commands, and what they print must be what README
prints. What ends in `&` runs until the end. A block marked `yaml` with a file name is written to
that file, where the session is. Everything else in README is prose, and its names and
links are looked up.

What differs from run to run (ids, keys, times, days since, ports) is compared by its part in the
story: an id that README prints must stand for one and the same id wherever it is printed, and
where a command names it, the command of this run gets the id of this run. Runs of white space are
one space, since the width of a number can move a line's end. `…` stands for anything.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from api.command import _add
from ledger.cli.main import _parser

__all__ = ["main"]

_ROOT: Final = Path(__file__).resolve().parent.parent
_README: Final = _ROOT / "README.md"
_LONGEST_S: Final = 60
_SAFE: Final = frozenset(
    ("cat", "cd", "counterfoil", "counterfoil-verify", "cp", "diff", "echo", "ls", "mkdir", "sed")
)
_TRIMMED: Final = "…"
_GROUPS: Final = re.compile(r"\b[0-9a-f]{8}(?: [0-9a-f]{8}){3,7}\b")
_VARYING: Final = re.compile(
    r"(?P<gap>…)"
    r"|(?P<vkey>\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44})"
    r"|(?P<port>127\.0\.0\.1:[0-9]+)"
    r"|(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC)"
    r"|(?P<days>\b[0-9]+ days? later)"
    r"|(?P<version>\bholidays [0-9]+(?:\.[0-9]+)*)"
    r"|(?P<instant>\b1[0-9]{12}\b)"
    r"|(?P<hex>\b[0-9a-f]{8,128}\b)"
)
_FREE: Final[Mapping[str, str]] = {
    "gap": r".*?",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC",
    "days": r"[0-9]+ days? later",
    "version": r"holidays [0-9]+(?:\.[0-9]+)*",
    "instant": r"[0-9]{13}",
}


class ReadmeError(Exception):
    """README says what is not so."""


# Blocks


class Block(NamedTuple):
    """A fenced block: its info string, the number of its first line from 0, and its lines."""

    info: str
    start: int
    lines: tuple[str, ...]


class Step(NamedTuple):
    """A command of the tour, what README prints below it, and where that stands, from 0."""

    command: str
    printed: tuple[str, ...]
    start: int
    end: int
    silent: bool


def blocks_of(text: str) -> Iterator[Block]:
    """Give the fenced blocks of a Markdown text."""
    info: str | None = None
    held: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if not line.startswith("```"):
            held.append(line)
        elif info is None:
            info, held = line[3:].strip(), []
        else:
            yield Block(info, number - len(held), tuple(held))
            info = None
    if info is not None:
        raise ReadmeError("the last fenced block is not closed")


def steps_of(block: Block) -> Iterator[Step]:
    """Give the commands of a console block. A line that ends in a backslash goes on."""
    lines, at = block.lines, 0
    while at < len(lines):
        if not lines[at].startswith("$ "):
            raise ReadmeError(f"line {block.start + at + 1}: a console block begins with a command")
        command = lines[at][2:]
        at += 1
        while command.endswith("\\"):
            command = f"{command[:-1].rstrip()} {lines[at].strip()}"
            at += 1
        start = at
        while at < len(lines) and not lines[at].startswith("$ "):
            at += 1
        end = at
        while end > start and not lines[end - 1].strip():
            end -= 1
        asked = at < len(lines) and lines[at] == "$ echo $?"
        yield Step(command, lines[start:end], block.start + start, block.start + end, asked)


# The tour


@dataclass
class Tour:
    """A run of the tour.

    Attributes:
        folder: Where it runs.
        at: The folder in it where the session is.
        bound: What README prints -> what it is in this run.
        status: How the last command ended.
        variables: Assignments so far, for the shell.
        servers: What was started and not yet ended.
    """

    folder: Path
    bound: dict[str, str] = field(default_factory=dict)
    at: Path = Path()
    status: int = 0
    variables: list[str] = field(default_factory=list)
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def begin(self) -> None:
        """Make the two commands, as an installation would."""
        bin_ = self.folder / ".bin"
        bin_.mkdir()
        for name, module in (("counterfoil", "api"), ("counterfoil-verify", "verify")):
            words = shlex.join([sys.executable, "-m", module])
            (bin_ / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
            (bin_ / name).chmod(0o755)

    def end(self) -> None:
        """End what the tour has started."""
        for server in self.servers:
            server.terminate()
            server.wait(_LONGEST_S)
            if server.stdout is not None:
                server.stdout.close()

    def run(self, command: str) -> str:
        """Run a command of README, with the ids of this run, and return what it prints."""
        command = self.translated(command)
        if re.fullmatch(r"[A-Z]+=\S.*", command):
            self.variables.append(command)
            return ""
        word = command.split()[0]
        if word not in _SAFE:
            raise ReadmeError(f"`{command}`: {word} is not run here")
        if word == "cd":
            return self._enter(command.removeprefix("cd "))
        if command.endswith(" &"):
            return self._serve(command.removesuffix(" &"))
        # The subshell gives `echo $?` the status of the command before.
        script = "\n".join((*self.variables, f"(exit {self.status})", command))
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder / self.at,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
        self.status = done.returncode
        return done.stdout

    def translated(self, command: str) -> str:
        """Return a command with what README prints replaced by what it is in this run."""

        def replace(found: re.Match[str]) -> str:
            if found.lastgroup not in {"vkey", "port", "hex"}:
                return found[0]
            known, rest = self._known(found[0])
            if known is None or rest:
                raise ReadmeError(f"`{command}`: nothing before it has printed {found[0]}")
            return known

        return _VARYING.sub(replace, _joined(command))

    def compare(self, step: Step, output: str) -> None:
        """Check what a command printed, and learn what its ids stand for.

        Raises:
            ReadmeError: README prints something else.
        """
        found = self._pattern(_flat(step.printed)).fullmatch(_flat(output.splitlines()))
        if found is None:
            raise ReadmeError(self._difference(step, output))
        for name, actual in found.groupdict().items():
            printed = self._names[name]
            self._bind(step, printed, actual)
        if self.status and not step.silent and not step.command.startswith("echo"):
            raise ReadmeError(f"`{step.command}` ended with status {self.status}:\n{output}")

    def _bind(self, step: Step, printed: str, actual: str) -> None:
        """Learn that two ids are one, unless either is another's already."""
        for one, other in self.bound.items():
            if _alike(one, printed) != _alike(other, actual):
                raise ReadmeError(f"`{step.command}`: {printed} is not the id that it was before")
        self.bound[printed] = actual

    def learn(self, step: Step, output: str) -> None:
        """Learn what ids stand for from lines that are alike, whatever else has changed."""
        old, new = step.printed, output.splitlines()
        matcher = difflib.SequenceMatcher(None, _masked(old), _masked(new), autojunk=False)
        for a, b, size in matcher.get_matching_blocks():
            for before, after in zip(old[a : a + size], new[b : b + size], strict=True):
                for one, other in zip(_tokens(before), _tokens(after), strict=True):
                    self.bound.setdefault(one, other)

    def with_ports(self, line: str) -> str:
        """Return a line of this run with the ports that README prints: only ids are news."""
        for one, other in self.bound.items():
            line = line.replace(other, one) if ":" in one else line
        return line

    def write(self, name: str, content: str) -> None:
        """Write a file of README where the session is."""
        (self.folder / self.at / name).write_text(content, encoding="utf-8")

    def _enter(self, name: str) -> str:
        folder = (self.folder / self.at / name).resolve()
        if not folder.is_dir() or not folder.is_relative_to(self.folder.resolve()):
            raise ReadmeError(f"`cd {name}`: there is no such folder in the tour")
        self.at = folder.relative_to(self.folder.resolve())
        self.status = 0
        return ""

    def _serve(self, command: str) -> str:
        # A port of its own: another may be in use here.
        words = [*shlex.split(re.sub(r" --port [0-9]+", "", command)), "--port", "0"]
        server = subprocess.Popen(
            [self.folder / ".bin" / words[0], *words[1:]],
            cwd=self.folder / self.at,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.servers.append(server)
        self.status = 0
        return "" if server.stdout is None else server.stdout.readline()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "COLUMNS": "80",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "PATH": f"{self.folder / '.bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(_ROOT),
        }

    def _known(self, printed: str) -> tuple[str | None, int]:
        """Return what is known of a token of README in this run, and how many digits are not."""
        for one, other in self.bound.items():
            if one.startswith(printed):
                return other[: len(printed)] if one != printed else other, 0
        for one, other in self.bound.items():
            if printed.startswith(one):
                return other, len(printed) - len(one)
        return None, len(printed)

    def _pattern(self, printed: str) -> re.Pattern[str]:
        """Turn what README prints into a pattern of what may be printed here."""
        self._names: dict[str, str] = {}
        groups: dict[str, str] = {}
        parts: list[str] = []
        at = 0
        for found in _VARYING.finditer(printed):
            parts.append(re.escape(printed[at : found.start()]))
            at = found.end()
            kind, token = found.lastgroup or "", found[0]
            if kind in _FREE:
                parts.append(_FREE[kind])
                continue
            known, rest = self._known(token)
            if known is not None and not rest:
                parts.append(re.escape(known))
            elif token in groups:
                parts.append(f"(?P={groups[token]})")
            else:
                name = groups.setdefault(token, f"t{len(groups)}")
                self._names[name] = token
                parts.append(f"(?P<{name}>{_unknown(kind, known or '', rest)})")
        parts.append(re.escape(printed[at:]))
        return re.compile("".join(parts), re.DOTALL)

    def _difference(self, step: Step, output: str) -> str:
        shown = _joined(output)
        for one, other in sorted(self.bound.items(), key=lambda pair: -len(pair[1])):
            shown = shown.replace(other, one)
        lines = difflib.unified_diff(
            [_joined(line) for line in step.printed], shown.splitlines(),
            "README.md", "printed here", lineterm="", n=1,
        )  # fmt: skip
        return "\n".join((f"line {step.start}: `{step.command}`", *lines))


def _alike(one: str, other: str) -> bool:
    """Tell whether two ids may be one, of which fewer digits are printed here or there."""
    return one.startswith(other) or other.startswith(one)


def _unknown(kind: str, known: str, rest: int) -> str:
    if kind == "vkey":
        return r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"
    if kind == "port":
        return r"127\.0\.0\.1:[0-9]+"
    return f"{known}[0-9a-f]{{{rest}}}"


def _joined(text: str) -> str:
    return _GROUPS.sub(lambda found: found[0].replace(" ", ""), text)


def _flat(lines: Sequence[str]) -> str:
    return _joined(" ".join(" ".join(lines).split()))


def _masked(lines: Sequence[str]) -> list[str]:
    return [_VARYING.sub(lambda found: f"#{found.lastgroup}", _joined(line)) for line in lines]


def _tokens(line: str) -> list[str]:
    found = _VARYING.finditer(_joined(line))
    return [one[0] for one in found if one.lastgroup in {"vkey", "port", "hex"}]


def _steps_and_files(text: str) -> Iterator[Step | tuple[str, str]]:
    for block in blocks_of(text):
        if block.info == "console":
            yield from steps_of(block)
        elif block.info.startswith("yaml "):
            name = block.info.removeprefix("yaml ")
            if not re.fullmatch(r"[a-z0-9-]+\.yaml", name):
                raise ReadmeError(f"line {block.start}: {name!r} is no file name for here")
            yield name, "\n".join(block.lines) + "\n"


def run_tour(text: str, *, write: bool) -> str:
    """Run the tour; return README as it is, or with what was printed this time.

    Raises:
        ReadmeError: A command printed or did what README does not say.
    """
    lines = text.splitlines()
    changes: list[tuple[int, int, list[str]]] = []
    folder = Path(tempfile.mkdtemp(prefix="readme-"))
    tour = Tour(folder)
    count = 0
    try:
        tour.begin()
        for each in _steps_and_files(text):
            if not isinstance(each, Step):
                name, content = each
                tour.write(name, content)
                continue
            count += 1
            output = tour.run(each.command)
            if not write:
                tour.compare(each, output)
                continue
            tour.learn(each, output)
            new = [tour.with_ports(line) for line in output.splitlines()]
            changes.append((each.start, each.end, _trimmed(each.printed, new)))
        if not count:
            raise ReadmeError("there is no tour")
    finally:
        tour.end()
        shutil.rmtree(folder)
    return _rewritten(lines, changes, tour) if write else text


def _rewritten(lines: list[str], changes: Sequence[tuple[int, int, list[str]]], tour: Tour) -> str:
    """Put new outputs in their places, and the new ids into commands and prose."""
    for one, other in sorted(tour.bound.items(), key=lambda pair: -len(pair[0])):
        lines = [line if ":" in one else line.replace(one, other) for line in lines]
    for start, end, new in reversed(changes):
        lines[start:end] = [line.rstrip() for line in new]
    return "\n".join(lines) + "\n"


def _trimmed(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """Leave out of a new output what was left out of the old: where a line is only `…`."""
    new = list(new)
    while new and not new[-1].strip():
        new.pop()
    if _TRIMMED not in [line.strip() for line in old]:
        return new
    parts: list[list[str]] = [[]]
    for line in old:
        if line.strip() == _TRIMMED:
            parts.append([])
        else:
            parts[-1].append(line)
    kept: list[str] = []
    at = 0
    for number, part in enumerate(parts):
        if number:
            kept.append(_TRIMMED)
        if not part:
            continue
        if number == len(parts) - 1:
            at = max(at, len(new) - len(part))
        elif number:
            at = _like(part[0], new, at)
        kept += new[at : at + len(part)]
        at += len(part)
    return kept


def _like(line: str, lines: Sequence[str], at: int) -> int:
    masked = _masked(lines)
    close = difflib.get_close_matches(_masked([line])[0], masked[at:], n=1, cutoff=0.6)
    return masked.index(close[0], at) if close else at


# Names and links


def complaints(text: str) -> Iterator[str]:
    """Say what README leaves out, or names although it is not there."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from _opening(text, project)
    yield from _commands(text)
    yield from _dependencies(text, project)
    yield from _links(text)
    yield from _paths(text)
    yield from _foreign(text)


def _opening(text: str, project: Mapping[str, object]) -> Iterator[str]:
    """README opens with how to install and run it, and how to install and test it."""
    blocks = list(blocks_of(text))
    first, second = ("\n".join(block.lines) for block in blocks[:2])
    for name, block, last in (("first", first, "counterfoil demo"), ("second", second, "pytest")):
        if "python3 -m venv .venv && . .venv/bin/activate" not in block:
            yield f"the {name} command does not make its environment"
        if "pip install" not in block or last not in block:
            yield f"the {name} command does not install, or does not end with {last}"
    for extra in re.findall(r"pip install [^&]*'\.\[([a-z,]+)\]'", text):
        optional = project["optional-dependencies"]
        if not isinstance(optional, dict) or not set(extra.split(",")) <= set(optional):
            yield f"pyproject has no extra {extra}"
    lines = [line for block in blocks for line in block.lines]
    tests = [line for line in lines if "pytest" in line]
    if len(tests) != 1:
        yield f"{len(tests)} lines in code blocks run pytest; CI reads exactly one"


def _walk(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    below = [a.choices for a in parser._actions if isinstance(a.choices, dict)]
    if not below:
        yield name
    for choices in below:
        for word, child in choices.items():
            yield from _walk(child, f"{name} {word}")


def _commands(text: str) -> Iterator[str]:
    """Every command is in README, and no other."""
    known = set(_walk(_parser((_add,)), "counterfoil"))
    for command in sorted(known):
        if re.search(rf"(?<![\w-]){command}(?![\w-])", text) is None:
            yield f"`{command}` is not mentioned"
    code = "\n".join(re.findall(r"`([^`\n]+)`", text))
    code += "\n".join(line for b in blocks_of(text) for line in b.lines if line.startswith("$ "))
    for words in re.findall(r"(?<![\w./-])counterfoil ([a-z][a-z-]*)(?: ([a-z]+))?", code):
        one, two = f"counterfoil {words[0]}", f"counterfoil {words[0]} {words[1]}"
        if one not in known and two not in known and words[0] != "key":
            yield f"there is no command `{one}`"
    shown = subprocess.run(
        [sys.executable, "-m", "verify", "--help"],
        cwd=_ROOT, capture_output=True, text=True, check=True, timeout=_LONGEST_S,
    )  # fmt: skip
    for option in sorted(set(re.findall(r"--[a-z][a-z-]+", shown.stdout)) - {"--help"}):
        if f"`{option}" not in text and f"counterfoil-verify … {option}" not in text:
            yield f"`{option}` of counterfoil-verify is not mentioned"


def _dependencies(text: str, project: Mapping[str, object]) -> Iterator[str]:
    """The section on dependencies names each of pyproject's, and its table no other."""
    section = re.search(r"^## Dependencies\n(.*?)^## ", text, re.DOTALL | re.MULTILINE)
    if section is None:
        yield "there is no section on dependencies"
        return
    core, optional = project["dependencies"], project["optional-dependencies"]
    if not isinstance(core, list) or not isinstance(optional, dict):
        raise ReadmeError("pyproject.toml is not what it was")
    names = {_distribution(each) for each in core}
    extras = {_distribution(each) for group in optional.values() for each in group}
    tabled = set(re.findall(r"^\| `([A-Za-z0-9-]+)` \|", section[1], re.MULTILINE))
    for name in sorted(names ^ tabled):
        yield f"the table of dependencies and pyproject differ in {name}"
    for name in sorted(extras):
        if f"`{name}`" not in section[1]:
            yield f"the extra dependency {name} is not named"


def _distribution(requirement: str) -> str:
    return re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0]


def _links(text: str) -> Iterator[str]:
    """Every link into the repository leads somewhere."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        file = _README if not path else _ROOT / path
        if not file.exists():
            yield f"the link {target} leads nowhere"
        elif anchor and anchor not in set(_anchors(file.read_text(encoding="utf-8"))):
            yield f"the link {target}: there is no such heading"


def _anchors(text: str) -> Iterator[str]:
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _paths(text: str) -> Iterator[str]:
    """Every path of the repository that README names in code is there."""
    for path in sorted(set(re.findall(r"`((?:verify|ledger|api|tests|\.ci)/[^`\s*…]*)`", text))):
        if not (_ROOT / path).exists():
            yield f"there is no {path}"


def _foreign(text: str) -> Iterator[str]:
    """Nothing of the machine it was written on, and no registry: pip knows where it looks."""
    words = [*("/work/", "/opt/", "/root/", "/home/", "/tmp/", "/usr/", "localhost")]  # noqa: S108
    words += ("pypi", "pythonhosted", "anaconda", "npmjs", "index-url", "extra-index")
    lowered = text.lower()
    yield from (f"`{word}` does not belong in README" for word in words if word in lowered)


def main(arguments: Sequence[str] | None = None) -> int:
    """Check README, or print its tour anew; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.readme")
    parser.add_argument("--write", action="store_true", help="print the outputs of the tour anew")
    write: bool = parser.parse_args(arguments).write
    text = _README.read_text(encoding="utf-8")
    try:
        if write:
            text = run_tour(text, write=True)
            _README.write_text(text, encoding="utf-8")
        run_tour(text, write=False)
        found = list(complaints(text))
    except ReadmeError as error:
        found = [str(error)]
    for complaint in found:
        print(f"README.md: {complaint}", file=sys.stderr)
    if not found:
        print("README.md: the tour runs as printed, and what it names is there")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
