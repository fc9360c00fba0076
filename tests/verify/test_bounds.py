"""Exports made to cost their reader time or memory, or to pass for another's, are refused early."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from time import process_time

import msgspec
import pytest

from tests.world import World, letter, restart, say
from verify.audit import audit
from verify.checks import Check
from verify.chunk import parse_line
from verify.codec import encode
from verify.command import main
from verify.contents import FileResult, WantedFile, check_file
from verify.entry import MAX_ENTRY, parse_entry
from verify.errors import MalformedError, RuleError
from verify.evidence import parse_evidence
from verify.kinds import Artefact
from verify.report import MAX_ALIKE, Finding, Findings, Report, nest
from verify.source import MappingSource
from verify.tiles import parse_bundle
from verify.walk import Walk

Files = dict[str, bytes]
ROOT = Path(__file__).parents[2]


class Watched(MappingSource):
    """An export in memory that notes what is read of it."""

    __slots__ = ("reads",)

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(files)
        self.reads: list[tuple[str, int, int | None]] = []

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        self.reads.append((path, start, stop))
        return super().read(path, start, stop)


@pytest.fixture
def world() -> World:
    restart("bounds")
    made = World().found()
    made.enrol("southfold")
    made.submit(made.file("northmere", b"content"), letter("northmere"))
    return made


@pytest.fixture
def exported(world: World, tmp_path: Path) -> Path:
    return written(tmp_path / "export", world.export(audience="southfold"))


def written(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def all_of(report: Report) -> list[Finding]:
    return [each for cause in report.findings for each in (cause, *cause.consequences)]


def checks(files: Files) -> list[tuple[Check, int]]:
    report = audit(MappingSource(files))
    return [(f.check, len(f.consequences)) for f in report.findings]


# For whom


def test_a_report_says_for_whom_the_export_is_and_how_much_it_leaves_closed(
    world: World, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.disclosures[3] = world.disclosures[3][1:]
    report = audit(MappingSource(world.export()))
    assert ("public", 1) == (report.audience, report.left_out)

    main([str(exported)])
    text = capsys.readouterr().out
    assert "\n  For          southfold\n" in text
    assert "\n  Left closed  0 of 6 claims\n" in text

    main([str(exported), "--json"])
    told = msgspec.json.decode(capsys.readouterr().out)
    assert ("southfold", 0) == (told["audience"], told["left_out"])

    (exported / "manifest.json").write_bytes(b"{}")
    main([str(exported)])
    assert "\n  For          could not be read\n" in capsys.readouterr().out
    main([str(exported), "--json"])
    assert "audience" not in msgspec.json.decode(capsys.readouterr().out)


def test_an_export_for_another_audience_than_the_given_one_is_invalid(
    world: World, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.fingerprint is not None
    anchor = ["--fingerprint", world.fingerprint]

    assert 0 == main([str(exported), "--audience", "southfold", *anchor])
    assert 3 == main([str(exported), "--audience", "southfold"])  # it is no anchor
    capsys.readouterr()
    assert 1 == main([str(exported), "--audience", "public", *anchor, "--json"])
    (finding,) = msgspec.json.decode(capsys.readouterr().out)["findings"]
    assert finding == {
        "check": 102, "name": "manifest", "where": "manifest.json audience",
        "reason": "is not for the audience that you gave", "consequences": [],
        "expected": "public", "found": "southfold",
    }  # fmt: skip


def test_an_evidence_file_has_no_audience(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "e.json").write_bytes(b"{}")

    assert 2 == main([str(tmp_path / "e.json"), "--audience", "public"])
    assert "is for exports" in capsys.readouterr().err
    assert 1 == main([str(tmp_path / "e.json"), "--json"])
    assert {"audience", "left_out"}.isdisjoint(msgspec.json.decode(capsys.readouterr().out))


# Long words


def test_a_refusal_quotes_no_more_than_200_characters() -> None:
    with pytest.raises(MalformedError) as type_error:
        parse_line(b'{"claims":' + b"[" * 9 + b'"' + b"A" * 3_000_000 + b'"')
    with pytest.raises(RuleError) as long_word:
        parse_evidence(b'{"type":"' + b"A" * 60_000 + b'"}')
    with pytest.raises(RuleError) as looks_like_a_path:
        parse_evidence(b'{"type":"' + b" - at `$.x" * 6_000 + b'"}')
    with pytest.raises(RuleError) as unknown_field:
        parse_entry(b'{"' + b" - at `$.x" * 6_000 + b'":1}')

    for caught in (type_error, long_word, looks_like_a_path, unknown_field):
        assert len(caught.value.reason) <= 200
        assert len(caught.value.where) <= 250
    assert long_word.value.reason.endswith("…")
    assert "evidence.type" == looks_like_a_path.value.where


def test_of_a_line_with_many_bad_claims_16_are_shown(world: World) -> None:
    files = world.export()
    lines = files["disclosures.jsonl"].splitlines(keepends=True)
    for count, wanted in ((16, 16), (512, 17), (513, 0)):
        claims = {f"x.{n}": ("0" * 32, "") for n in range(count)}
        data = lines[0] + encode({"claims": claims, "index": 3}) + b"\n"
        found = all_of(audit(MappingSource({**files, "disclosures.jsonl": data})))
        bad = [f for f in found if f.check is Check.DISCLOSURE]

        assert wanted == len(bad)
        assert ("and 496 more like it" in [f.reason for f in bad]) is (count == 512)
        assert (Check.DISCLOSURES is found[0].check) is (count == 513)


def test_a_long_word_is_wrapped_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e.json").write_bytes(b'{"type":"' + b"A" * 3_000_000 + b'"}')
    started = process_time()

    assert 1 == main([str(tmp_path / "e.json")])
    assert process_time() - started < 1
    assert len(capsys.readouterr().out) < 2_000


def test_whatever_is_printed_of_a_part_is_cut_at_400_characters(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (exported / ("x" * 250) / ("y" * 250)).mkdir(parents=True)
    (exported / ("x" * 250) / ("y" * 250) / ("z" * 250)).write_bytes(b"")
    main([str(exported)])
    text = capsys.readouterr().out

    shown = "".join(text.split())
    assert ("x" * 250 + "/" + "y" * 10) in shown
    assert "z" * 10 not in shown
    assert "…" in text


# Bundles


def test_of_a_bundle_no_more_is_read_than_it_can_have(world: World) -> None:
    files = world.export()
    (path,) = (name for name in files if name.startswith("tile/entries/"))
    source = Watched({**files, path: files[path] + bytes(40_000_000)})
    started = process_time()
    report = audit(source)
    walk = Walk(source, world.size)
    with pytest.raises(MalformedError, match="more than 256 entries"):
        walk._octets(1)

    assert "invalid" == report.verdict
    assert path in [f.where for f in all_of(report)]
    bounds = {stop for name, _, stop in source.reads if name == path}
    assert None not in bounds
    assert world.size * (MAX_ENTRY + 2) + 1 == max(stop for stop in bounds if stop is not None)
    assert process_time() - started < 1


def test_a_bundle_of_empty_entries_is_cut_no_further_than_256() -> None:
    started = process_time()
    for data in (bytes(40_000_000), bytes(2 * 257), bytes(2 * 256 + 1)):
        with pytest.raises(MalformedError, match="more than 256 entries"):
            parse_bundle(data, where="tile/entries/000")

    assert process_time() - started < 0.2
    assert [b""] * 256 == parse_bundle(bytes(512), where="tile/entries/000")


# Files


def test_a_file_of_a_size_that_nothing_states_is_not_read(world: World) -> None:
    files = world.export()
    (path,) = (name for name in files if name.startswith("files/"))
    source = Watched({**files, path: b"content and more"})
    (finding,) = audit(source).findings

    assert (Check.FILE, "7", "16") == (finding.check, finding.expected, finding.found)
    assert path not in [name for name, _, _ in source.reads]


def test_a_file_of_a_size_that_something_states_is_hashed() -> None:
    source = MappingSource({"files/x": b"content"})
    digest = hashlib.sha256(b"content").hexdigest()

    assert FileResult(7, digest) == check_file(source, WantedFile("x", (3, 7)))
    assert FileResult(7, "") == check_file(source, WantedFile("x", (3, 8)))
    assert FileResult(-1, "") == check_file(source, WantedFile("y", (7,)))


def test_another_file_of_the_same_size_is_found(world: World) -> None:
    files = world.export()
    (path,) = (name for name in files if name.startswith("files/"))
    (finding,) = audit(MappingSource({**files, path: b"CONTENT"})).findings

    assert (Check.FILE, path.removeprefix("files/")) == (finding.check, finding.expected)


def test_a_file_of_20_gb_that_takes_no_disk_takes_no_time(world: World, exported: Path) -> None:
    (path,) = (name for name in world.export() if name.startswith("files/"))
    os.truncate(exported / path, 20 * 10**9)
    started = process_time()

    assert 1 == main([str(exported), "--quiet"])
    assert process_time() - started < 1


# Lines and findings


def test_nothing_is_read_after_the_first_bad_line(world: World) -> None:
    files = world.export()
    lines = files["disclosures.jsonl"].splitlines(keepends=True)
    for bad in (b"\n", b"x\n", lines[0], b'{"claims":{},"index":' + b"9" * 4200 + b"}\n"):
        data = lines[0] + bad * 3 + lines[1]
        found = all_of(audit(MappingSource({**files, "disclosures.jsonl": data})))

        assert Check.DISCLOSURES is found[0].check
        assert 1 == [f.check for f in found].count(Check.DISCLOSURES)
        missing = [f.index for f in found if f.check is Check.DISCLOSURE_MISSING]
        assert {3} == set(missing)  # the last line stands after it


def test_a_line_that_only_its_chunk_can_refuse_ends_the_reading_too(world: World) -> None:
    files = world.export()
    lines = files["disclosures.jsonl"].splitlines(keepends=True)
    data = b'{"x":0}\n{"x":1}\n' + b"".join(lines)
    found = all_of(audit(MappingSource({**files, "disclosures.jsonl": data})))

    assert 1 == [f.check for f in found].count(Check.DISCLOSURES)
    assert {2, 3} == {f.index for f in found if f.check is Check.DISCLOSURE_MISSING}


def test_the_first_line_for_no_entry_ends_the_reading(world: World) -> None:
    files = world.export()
    line = files["disclosures.jsonl"].splitlines(keepends=True)[1]
    beyond = b"".join(line.replace(b'"index":3', b'"index":%d' % n) for n in range(4, 3000))
    found = checks({**files, "disclosures.jsonl": files["disclosures.jsonl"] + beyond})

    assert [(Check.DISCLOSURE_UNUSED, 0)] == found


def test_three_million_empty_lines_are_one_finding_in_little_memory(
    exported: Path,
) -> None:
    path = exported / "disclosures.jsonl"
    path.write_bytes(path.read_bytes() + b"\n" * 3_000_000)
    # Not `ru_maxrss`: that one begins with what the parent had before exec.
    code = (
        "import sys; from verify.command import main; main(sys.argv[1:]);"
        "lines = open('/proc/self/status').read().splitlines();"
        "peak = next(line for line in lines if line.startswith('VmHWM'));"
        "print(peak.split()[1], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported), "--json"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip

    assert [701] == [f["check"] for f in msgspec.json.decode(done.stdout)["findings"]]
    assert int(done.stderr) < 150_000  # KiB


def test_of_findings_alike_1000_are_kept_and_the_rest_are_counted(world: World) -> None:
    files = world.export()
    report = audit(MappingSource(files | {f"files/{n:05}": b"" for n in range(3500)}))

    assert "invalid" == report.verdict
    assert MAX_ALIKE + 1 == len(report.findings)
    last = report.findings[-1]
    assert (Check.FILE_UNUSED, "and 2,500 more like it") == (last.check, last.reason)


def test_findings_of_the_walk_are_counted_too() -> None:
    restart("bounds walk")
    world = World().found()
    for _ in range(1100):
        world.submit(say(Artefact, "northmere", None, type="letter"))
        world.now = 1
    found = all_of(audit(MappingSource(world.export())))
    back = [f for f in found if f.check is Check.RECORDED]

    assert MAX_ALIKE + 1 >= len(back) > 0


def test_a_closing_finding_stands_where_the_first_of_its_kind_stands() -> None:
    findings = Findings()
    findings += [Finding(Check.ROOT, "checkpoint", "no")]
    for number in range(MAX_ALIKE + 2):
        findings.append(Finding(Check.TILE, "tile", "no", number))
    other = Findings()
    other += findings
    for number in range(MAX_ALIKE + 1):
        other.append(Finding(Check.MANIFEST, "manifest.json", "no", number + 9000))
    other.insert(0, Finding(Check.ENTRY, "entry", "no", 9))
    causes = nest(other, other.more)

    assert {Check.TILE: 2, Check.MANIFEST: 1} == other.more
    assert [Check.ENTRY] == [f.check for f in causes]
    reasons = [(f.check, f.reason) for f in causes[0].consequences[-2:]]
    assert [(Check.TILE, "and 2 more like it"), (Check.MANIFEST, "and 1 more like it")] == reasons


def test_long_texts_that_are_opened_take_little_more_room_than_they_have() -> None:
    world = World().found()
    world.submit(*(letter("northmere", f"{number:06}" * 5000) for number in range(200)))
    files = world.export()
    audit(MappingSource(files))  # what is loaded and built once
    tracemalloc.start()
    try:
        audit(MappingSource(files))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 3 * len(files["disclosures.jsonl"])
