"""Whatever is altered in an export is found, and the first finding names the place."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.damage import bundle_paths, canonical, forge, rechain, resign
from tests.world import (
    Said,
    World,
    letter,
    public_hex,
    restart,
    say,
    signing_key,
)
from verify.audit import Anchors, audit
from verify.checks import Check
from verify.codec import encode
from verify.kinds import Key
from verify.merkle import leaf_hash, root_hash
from verify.notes import log_vkey
from verify.report import Finding, Report
from verify.source import MappingSource
from verify.state import UnknownVersionError
from verify.tiles import format_bundle, parse_bundle

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def small() -> World:
    """Return five entries: a charter, a key, a join, and two letters that saw a checkpoint."""
    restart("tampering small")
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), world.file("northmere", b"content"), see=True)
    return world


@pytest.fixture(scope="module")
def large() -> World:
    """Return 300 entries: a full tile, one of level 1, and two bundles."""
    restart("tampering large")
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(*(letter("northmere", f"Letter {n}") for n in range(100)), see=True)
    world.submit(letter("southfold", "Alone", withheld=("person.1",)))
    world.submit(*(letter("southfold", f"Letter {n}") for n in range(191)))
    world.submit(world.file("northmere", b"a file"), see=True)
    world.submit(letter("northmere", "Late"), letter("northmere", "Last"))
    world.submit(letter("southfold", "End"))
    world.submit(letter("southfold", "Of all"))

    assert 300 == world.size
    return world


@pytest.fixture(scope="module")
def small_files(small: World) -> Files:
    return small.export()


@pytest.fixture(scope="module")
def large_files(large: World) -> Files:
    return large.export()


def report_of(files: Files, **anchors: object) -> Report:
    return audit(MappingSource(files), anchors=Anchors(**anchors))  # type: ignore[arg-type]  # any


def first_finding(files: Files) -> Finding:
    report = report_of(files)

    assert "invalid" == report.verdict
    return report.findings[0]


def places(finding: Finding) -> set[str | int | None]:
    """Return every place that a finding and its consequences name."""
    return {finding.where, finding.index, finding.submission}


def entry_spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each entry of a bundle begins and ends, its length included."""
    at = 0
    while at < len(data):
        stop = at + 2 + int.from_bytes(data[at : at + 2], "big")
        yield at, stop
        at = stop


def test_an_export_that_nobody_altered_is_consistent_with_itself(
    small_files: Files, large_files: Files
) -> None:
    for files in (small_files, large_files):
        report = report_of(files)

        assert ("self-consistent", ()) == (report.verdict, report.findings)


# Single bits


def names_the_place(path: str, place: int, files: Files, finding: Finding) -> bool:
    """Say whether a finding names the path, or the entry, whose octet was altered."""
    if path.startswith("tile/entries/"):
        number = 0 if path.endswith(("000.p/5", "/000")) else 1
        spans = list(entry_spans(files[path]))
        entry = number * 256 + next(n for n, (_, stop) in enumerate(spans) if place < stop)
        # A length that is wrong takes down the bundle.
        return finding.index == entry or path in finding.where
    if path.startswith("tile/"):
        return path in finding.where
    if path == "disclosures.jsonl":
        line = files[path][:place].count(b"\n")
        index = json.loads(files[path].split(b"\n")[line])["index"]
        return path in finding.where or finding.index == index
    if path.startswith("files/"):
        return path == finding.where
    if path == "checkpoints":
        # A note that is another is missed where it was seen.
        return finding.where.startswith("checkpoints") or finding.check is Check.SEEN
    if path == "checkpoint":
        return "checkpoint" in finding.where or finding.check in {
            Check.ROOT, Check.TILE_MISSING, Check.LAYOUT,
        }  # fmt: skip
    return finding.where.startswith(path)


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_each_octet_of_a_small_export_counts(small_files: Files, mask: int) -> None:
    step = 1 if mask == 0x01 else 7
    for path in sorted(small_files):
        for place in range(0, len(small_files[path]), step):
            data = bytearray(small_files[path])
            data[place] ^= mask
            try:
                finding = first_finding({**small_files, path: bytes(data)})
            except UnknownVersionError:
                pytest.fail("a flipped bit is no other version")

            assert names_the_place(path, place, small_files, finding), (path, place, finding)


def values_in(entry: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each value of an entry's JSON stands: strings and numbers, however deep."""
    for found in re.finditer(
        rb':(?:"((?:[^"\\]|\\.)*)"|([0-9]+))|(?<=[\[,])"([^"]*)"(?=[,\]])', entry
    ):
        for group in (1, 2, 3):
            if found.start(group) >= 0 and found.group(group):
                yield found.span(group)


def test_each_field_of_entries_in_a_full_tile_counts(large: World, large_files: Files) -> None:
    chosen = (0, 1, 2, 3, 4, 102, 103, 104, 255, 256, 295, 299)
    count = 0
    for index in chosen:
        entry = large.entries[index]
        for start, stop in values_in(entry):
            data = bytearray(entry)
            middle = (start + stop) // 2
            data[middle] ^= 0x01
            number, place = divmod(index, 256)
            entries = large.entries[number * 256 : number * 256 + 256]
            entries[place] = bytes(data)
            path = bundle_paths(large_files)[number]
            finding = first_finding({**large_files, path: format_bundle(entries)})
            count += 1

            assert index == finding.index, (index, start, finding)

    assert count > 150


def test_each_length_and_hash_of_a_full_tile_counts(large_files: Files) -> None:
    for path in bundle_paths(large_files):
        spans = list(entry_spans(large_files[path]))
        for start, _ in [*spans[::40], spans[-1]]:
            for place in (start, start + 1):
                data = bytearray(large_files[path])
                data[place] ^= 0x01

                (finding,) = report_of({**large_files, path: bytes(data)}).findings
                assert (Check.BUNDLE, path) == (finding.check, finding.where)
                assert finding.governance  # for all that anybody can tell
    for path in sorted(p for p in large_files if re.match(r"tile/[0-9]", p)):
        for place in range(5, len(large_files[path]), 32 * 17):
            data = bytearray(large_files[path])
            data[place] ^= 0x10

            assert path in first_finding({**large_files, path: bytes(data)}).where


@pytest.mark.parametrize(
    ("index", "old", "new"),
    [
        (1, b'{"event"', b'"event"'),  # what follows is signed by the key that it enrols
        (1, b'"index":1,', b'"index":0,'),
        (1, b'"position":0', b'"position":1'),
        (1, b'"recorded":1', b'"recorded":2'),
        (3, b'"recorded":1', b'"recorded":2'),
        (4, b'"author":"northmere"', b'"author":"southmere"'),
    ],
)
def test_an_altered_entry_is_one_finding(
    small: World, small_files: Files, index: int, old: bytes, new: bytes
) -> None:
    entries = list(small.entries)
    entries[index] = entries[index].replace(old, new, 1)
    (path,) = bundle_paths(small_files)
    (finding,) = report_of({**small_files, path: format_bundle(entries)}).findings

    assert entries[index] != small.entries[index]
    assert (Check.ENTRY, index) == (finding.check, finding.index)
    assert finding.governance or new != b'"event"'  # what cannot be read may be governance


def test_two_altered_entries_of_one_submission_are_two_findings() -> None:
    world = World().found()
    world.submit(*(letter("northmere", f"letter {number}") for number in range(4)))
    files = world.export()
    entries = list(world.entries)
    for index in (2, 4):
        nonce = world.events()[index].nonce.encode()
        entries[index] = entries[index].replace(nonce, nonce[::-1])
    (path,) = bundle_paths(files)
    found = report_of({**files, path: format_bundle(entries)}).findings

    assert [(Check.ENTRY, 2), (Check.ENTRY, 4)] == [(one.check, one.index) for one in found]
    for one in found:
        missing = [f.index for f in one.consequences if f.check is Check.DISCLOSURE_MISSING]
        assert {one.index} == set(missing)


def test_a_line_for_another_entry_is_one_finding(small_files: Files) -> None:
    lines = small_files["disclosures.jsonl"].replace(b'"index":3}', b'"index":2}')
    (finding,) = report_of({**small_files, "disclosures.jsonl": lines}).findings

    assert (Check.DISCLOSURE_UNUSED, 2) == (finding.check, finding.index)


# Whole parts


def test_each_file_is_missed_when_it_is_gone(large_files: Files) -> None:
    for path in large_files:
        files = {name: data for name, data in large_files.items() if name != path}
        finding = first_finding(files)

        if path == "checkpoints":
            assert Check.SEEN == finding.check
        elif path == "disclosures.jsonl":
            assert Check.DISCLOSURE_MISSING == finding.check
        else:
            assert path in finding.where
        if path in {"checkpoint", "manifest.json", "policy"}:
            assert Check.LAYOUT == finding.check


def test_each_file_is_missed_when_it_is_cut(large_files: Files) -> None:
    for path, data in large_files.items():
        for cut in (data[:-1], data[: len(data) // 2], b""):
            finding = first_finding({**large_files, path: cut})

            assert path in finding.where or path in {"checkpoints", "disclosures.jsonl"}, finding


def test_a_path_that_has_no_place_is_found(small_files: Files) -> None:
    strange = ("extra", "tile/0/000", "tile/0/001", "tile/entries/000", "tile/1/000.p/1", "a/.b")
    for path in (*strange, "files/x", "files/" + "0" * 64):
        finding = first_finding({**small_files, path: b"x"})

        assert path == finding.where


@pytest.mark.parametrize("change", ["delete", "duplicate", "swap", "reverse"])
@pytest.mark.parametrize("index", [0, 4, 103, 254, 256, 299])
def test_entries_out_of_place_are_found(large_files: Files, change: str, index: int) -> None:
    number, place = divmod(index, 256)
    path = bundle_paths(large_files)[number]
    entries = parse_bundle(large_files[path], where=path)
    other = place - 1 if place else 1
    if change == "delete":
        del entries[place]
    if change == "duplicate":
        entries[other] = entries[place]
    if change == "swap":
        entries[place], entries[other] = entries[other], entries[place]
    if change == "reverse":
        entries.reverse()
    finding = first_finding({**large_files, path: format_bundle(entries)})

    if change == "delete":
        assert (Check.BUNDLE, path) == (finding.check, finding.where)
    else:
        assert finding.index in {index, number * 256 + other, number * 256}


def test_lines_out_of_place_are_found(large: World) -> None:
    large = replace(large, notes=dict(large.notes))
    large.keep(large.cosigned(200))
    files = large.export()
    for path in ("disclosures.jsonl", "checkpoints"):
        lines = files[path].splitlines(keepends=True)
        for changed in (
            lines[1:],
            lines[:-1],
            [*lines, lines[-1]],
            [lines[0], *lines],
            [lines[1], lines[0], *lines[2:]],
            lines[::-1],
            [*lines, b"\n"],
            [*lines, b"{}\n"],
            [*lines[:-1], lines[-1].rstrip(b"\n")],
        ):
            if path == "checkpoints" and changed == lines[:-1]:
                continue  # the cosigned note is kept for its cosignature: its ledger may drop it
            finding = first_finding({**files, path: b"".join(changed)})

            assert path in finding.where or finding.check in {Check.SEEN, Check.DISCLOSURE_MISSING}


def test_another_disclosure_is_found(small: World) -> None:
    text = small.disclosures[3]
    said = letter("northmere")
    other = replace(small, disclosures={**small.disclosures, 3: said.disclosures})
    moved = replace(small, disclosures={4: text, 3: small.disclosures[4]})
    for world in (other, moved):
        finding = first_finding(world.export())

        assert (Check.DISCLOSURE, 3) == (finding.check, finding.index)


# Forgeries: whoever makes them has the log's key


def resubmitted(world: World, index: int, said: Said, **changes: object) -> World:
    """Return a world in which the submission of one event at `index` is another."""
    entry = json.loads(world.entries[index])
    signed = world.sign((said,), expires=entry["statement"]["expires"], **changes)  # type: ignore[arg-type]  # any field
    entry["event"] = json.loads(said.data)
    entry["statement"] = json.loads(encode(signed.statement))
    entry["signature"] = signed.signature.hex()
    entries = list(world.entries)
    entries[index] = canonical(entry)
    forged = forge(world, entries)
    forged.disclosures = {**world.disclosures, index: said.disclosures}
    return forged


def test_a_signed_event_in_the_place_of_another_is_found(large: World, large_files: Files) -> None:
    forged = resubmitted(large, 299, letter("southfold", "Rewritten"))
    path = bundle_paths(large_files)[1]
    swapped = {**large_files, path: format_bundle(forged.entries[256:])}
    finding = first_finding(swapped)

    assert (Check.ENTRY, 299) == (finding.check, finding.index)


def test_a_signed_event_in_the_middle_is_found_though_its_tile_agrees(large: World) -> None:
    forged = resubmitted(large, 103, letter("southfold", "Rewritten"))
    finding = first_finding(forged.export())

    assert (Check.PREV, 104) == (finding.check, finding.index)


def test_a_rewritten_history_under_the_old_checkpoint_is_found(large: World) -> None:
    forged = resubmitted(large, 299, letter("southfold", "Rewritten"))
    finding = first_finding({**forged.export(), "checkpoint": large.note()})

    assert Check.ROOT == finding.check


def test_a_rewritten_history_under_a_new_checkpoint_disagrees_with_what_was_seen(
    large: World,
) -> None:
    forged = resubmitted(large, 103, letter("southfold", "Rewritten"))
    forged.entries = rechain(forged.entries)
    finding = first_finding(forged.export())

    assert Check.NOTE_ROOT == finding.check


def test_a_rewritten_history_that_nobody_saw_disagrees_with_a_receipt() -> None:
    world = World().found()
    world.submit(letter("northmere", "One"))
    receipt = world.receipt(1, 1)
    forged = resubmitted(world, 1, letter("northmere", "Rewritten"))
    report = report_of(forged.export(), receipts=(("r", receipt),))

    assert "self-consistent" == report_of(forged.export()).verdict
    assert [(Check.RECEIPT, "r")] == [(f.check, f.where) for f in report.findings]


def test_a_key_that_may_not_sign_is_found(small: World) -> None:
    rows = (
        ({"key": signing_key("nobody")}, Check.KEY),
        ({"key": signing_key("southfold")}, Check.KEY),
        ({"key": signing_key("log")}, Check.KEY),
    )
    for changes, check in rows:
        world = forge(small, small.entries)
        world.rules = json.loads(small.entries[3])["rules"]
        index = world.submit(letter("northmere"), **changes)  # type: ignore[arg-type]  # any field
        finding = first_finding(world.export())

        assert (check, index) == (finding.check, finding.index)


def test_a_revoked_key_and_a_key_without_power_are_found() -> None:
    world = World().found()
    world.enrol("southfold", powers=("answer", "govern"))
    powerless = forge(world, world.entries)
    powerless.rules = world.rules
    index = powerless.submit(letter("southfold"))

    assert (Check.POWER, index) == (
        first_finding(powerless.export()).check, first_finding(powerless.export()).index
    )  # fmt: skip

    key = public_hex(signing_key("southfold"))
    world.submit(say(Key, "southfold", None, verb="revoke", party="southfold", key=key))
    index = world.submit(letter("southfold"))

    finding = first_finding(world.export())

    assert (Check.KEY, index) == (finding.check, finding.index)


def test_an_old_backup_is_older_than_a_newer_receipt(small: World) -> None:
    backup = small.export()
    newer = forge(small, small.entries)
    newer.rules = json.loads(small.entries[3])["rules"]
    newer.submit(letter("southfold"))
    receipts = (("newest", newer.receipt(5, 1)),)

    assert "valid" == report_of(newer.export(), receipts=receipts).verdict

    report = report_of(backup, receipts=receipts)

    assert [(Check.RECEIPT, "newest")] == [(f.check, f.where) for f in report.findings]


def test_an_invented_ledger_is_consistent_with_itself_and_never_valid(small: World) -> None:
    invented = World(log=signing_key("impostor"))
    invented.found(log_key=public_hex(signing_key("impostor")))
    invented.submit(letter("northmere", "Never written"))
    files = invented.export()
    real = log_vkey("ledger.example/two-councils", public_hex(small.log))

    assert "self-consistent" == report_of(files).verdict
    assert [Check.LOG_KEY] == [f.check for f in report_of(files, log_key=real).findings]
    assert [Check.FINGERPRINT] == [
        f.check for f in report_of(files, fingerprint=small.fingerprint).findings
    ]
    assert [Check.RECEIPT] == [
        f.check for f in report_of(files, receipts=(("r", small.receipt(0, 1)),)).findings
    ]


def test_anchors_that_agree_make_an_export_valid(small: World, small_files: Files) -> None:
    real = log_vkey("ledger.example/two-councils", public_hex(small.log))

    assert "valid" == report_of(small_files, log_key=real).verdict
    assert "valid" == report_of(small_files, fingerprint=small.fingerprint).verdict
    assert "valid" == report_of(small_files, receipts=(("r", small.receipt(3, 2)),)).verdict


def test_unknown_signature_lines_of_the_checkpoint_change_nothing(
    small: World, small_files: Files
) -> None:
    """The formats oblige us to ignore them: `signed-note` says so."""
    plain = report_of(small_files)
    for note in (
        small.cosigned(),
        small.note() + "\u2014 stranger.example AAAAAAAA\n".encode(),
        small.note() + "\u2014 ledger.example/two-councils AAAAAAAAAAA=\n".encode(),
    ):
        assert plain == report_of({**small_files, "checkpoint": note})


def test_a_checkpoint_of_another_size_or_root_is_found(small: World, small_files: Files) -> None:
    for size, root in (
        (4, small.root(4)),
        (6, small.root(5)),
        (5, bytes(32)),
        (2**53 - 1, bytes(32)),
    ):
        files = {**small_files, "checkpoint": resign(small, size=size, root=root)}

        assert "invalid" == report_of(files).verdict


def test_the_tile_of_the_last_entry_is_judged_by_the_root(small: World, small_files: Files) -> None:
    data = small_files["tile/0/000.p/5"]
    finding = first_finding({**small_files, "tile/0/000.p/5": data[:-32] + bytes(32)})

    assert (Check.TILE, "tile/0/000.p/5 hash 4") == (finding.check, finding.where)
    assert leaf_hash(small.entries[4]).hex() == finding.expected
    assert root_hash(small.leaves) == small.root(5)
