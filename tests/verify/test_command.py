"""The command `counterfoil-verify`: exit codes, and what it prints."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from tests.showing import evidence_of
from tests.verify.commanding import COMMAND, ROOT, fingerprint, process, run, two_parties, written
from tests.world import ORIGIN, Said, World, letter, public_hex, say, signing_key
from verify.checks import Check
from verify.codec import encode
from verify.command import main
from verify.events import event_id, kind_of
from verify.evidence import format_evidence
from verify.folder import Folder
from verify.kinds import Attestation, Erasure
from verify.note import COSIGNATURE_ED25519, VerifierKey, format_vkey, key_id
from verify.notes import log_vkey

# Exit codes


def test_valid_and_anchored_is_0(world: World, export: Path, evidence: Path) -> None:
    vkey = format_vkey(log_vkey(ORIGIN, public_hex(world.log)))
    key_file = written(export.parent, {"log.vkey": f"{vkey}\n".encode()}) / "log.vkey"
    receipt = written(export.parent, {"r.json": world.receipt(3, 2)}) / "r.json"
    for path in (export, evidence):
        for anchor in (
            ["--fingerprint", fingerprint(world)],
            ["--fingerprint", fingerprint(world).upper()],
            ["--log-key", vkey],
            ["--log-key", f"@{key_file}"],
            ["--receipt", str(receipt)],
            ["--receipt", str(receipt), "--receipt", str(receipt), "--log-key", vkey],
        ):
            done = run(path, *anchor)
            assert (0, b"") == (done.returncode, done.stderr)
            assert done.stdout.startswith(b"Valid. ")


def test_fingerprint_is_taken_as_it_is_printed(world: World, export: Path) -> None:
    lines = run(export).stdout.decode().splitlines()
    place = next(n for n, line in enumerate(lines) if "Fingerprint" in line)
    printed = lines[place].removeprefix("  Fingerprint") + lines[place + 1]

    assert fingerprint(world) == "".join(printed.split())
    assert 0 == run(export, "--fingerprint", printed).returncode


def test_altered_export_is_1(world: World, export: Path) -> None:
    path = export / "tile/entries/000.p/6"
    octets = bytearray(path.read_bytes())
    octets[-50] ^= 1
    path.write_bytes(octets)
    done = run(export, "--fingerprint", fingerprint(world))

    assert (1, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(b"INVALID. ")


def test_a_folder_that_an_offer_made_is_no_export_and_says_what_to_check(
    export: Path, evidence: Path
) -> None:
    folder = evidence.parent / "offer"
    folder.mkdir()
    offered = Path(shutil.copy(evidence, folder))
    shutil.copy(evidence, export)

    done = run(folder)
    assert 2 == done.returncode
    assert f"no export, but holds an evidence file: check {offered}" in done.stderr.decode()
    assert 1 == run(export).returncode  # an export is one, whatever else was put into it


def test_the_folder_of_a_ledger_is_no_export_and_is_not_called_invalid(export: Path) -> None:
    store = written(export.parent / "ledger", {"ledger.mdb": b"?"})
    (export / "ledger.mdb").write_bytes(b"?")

    done = run(store)
    assert (2, b"") == (done.returncode, done.stdout)
    assert "no export, but the folder of a ledger or of a mirror" in done.stderr.decode()
    assert 1 == run(export).returncode


def test_altered_evidence_is_1(evidence: Path) -> None:
    evidence.write_bytes(evidence.read_bytes().replace(b'"recorded":1', b'"recorded":2', 1))

    assert 1 == run(evidence).returncode


def test_anchor_that_disagrees_is_1(export: Path, evidence: Path) -> None:
    other = format_vkey(log_vkey(ORIGIN, public_hex(signing_key("another log"))))
    for path in (export, evidence):
        assert 1 == run(path, "--fingerprint", "0" * 64).returncode
        assert 1 == run(path, "--log-key", other).returncode


def test_receipt_that_is_older_than_the_export_agrees(tmp_path: Path) -> None:
    world = two_parties()
    receipt = written(tmp_path, {"r.json": world.receipt(3, 2)}) / "r.json"
    world.submit(letter("northmere"))
    export = written(tmp_path / "export", world.export())

    assert 0 == run(export, "--receipt", receipt).returncode


def test_old_backup_against_a_newer_receipt_is_1(tmp_path: Path) -> None:
    world = two_parties()
    backup = written(tmp_path / "backup", world.export())
    newer = world.submit(letter("southfold"))
    receipt = written(tmp_path, {"r.json": world.receipt(newer, 1)}) / "r.json"
    done = run(backup, "--receipt", receipt, "--fingerprint", fingerprint(world))

    assert 1 == done.returncode
    assert b"it is older, or was cut" in done.stdout


def test_wholly_invented_ledger_is_3_and_never_0(export: Path, evidence: Path) -> None:
    for path, place in ((export, b"folder"), (evidence, b"file")):
        done = run(path)
        sentence = b"Consistent with itself only: nothing outside this %b vouches for it.\n" % place

        assert (3, b"") == (done.returncode, done.stderr)
        assert done.stdout.startswith(sentence)


def test_what_cannot_be_run_is_2(export: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bad.vkey").write_bytes(b"\xff")
    witness = "w.example+00000000+BAAA"
    for arguments in (
        [tmp_path / "missing"],
        [tmp_path / "pipe"],
        [tmp_path / ("x" * 300)],
        [],
        [export, export],
        [export, "--fingerprint", "0" * 63],
        [export, "--fingerprint", "g" * 64],
        [export, "--log-key", "nothing"],
        [export, "--log-key", witness],
        [export, "--log-key", f"@{tmp_path / 'missing'}"],
        [export, "--log-key", f"@{tmp_path / 'bad.vkey'}"],
        [export, "--receipt", tmp_path / "missing"],
        [export, "--receipt", tmp_path],
        [export, "--processes", "0"],
        [export, "--processes", "-1"],
        [export, "--processes", "1_0"],
        [export, "--finger", "0" * 64],
        [export, "--json", "--quiet"],
    ):
        done = run(*arguments)
        assert (2, b"") == (done.returncode, done.stdout), arguments
        assert b"Traceback" not in done.stderr
        assert b"counterfoil-verify" in done.stderr


def test_witness_key_is_no_log_key(world: World, export: Path) -> None:
    public = bytes(world.log.verify_key)
    identity = key_id(name=ORIGIN, algorithm=COSIGNATURE_ED25519, public=public)
    key = VerifierKey(ORIGIN, identity, COSIGNATURE_ED25519, public)
    done = run(export, "--log-key", format_vkey(key))

    assert 2 == done.returncode
    assert b"is the key of a witness" in done.stderr


def test_unknown_version_is_2(tmp_path: Path) -> None:
    world = World().found(spec="counterfoil/2")
    export = written(tmp_path / "export", world.export())
    done = run(export)

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"is of version counterfoil/2; this verifier knows counterfoil/1" in done.stderr


@pytest.mark.parametrize("kept", [0, 10, -1])
def test_what_changes_while_it_is_read_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    later = two_parties()
    of = Said(later.events()[-1]).id
    erasure = say(Erasure, "southfold", None, of=of, names=("title",), ground="error")
    later.submit(erasure)  # the rules look at the event again
    export = written(tmp_path / "export", later.export())
    bundle = export / "tile/entries/000.p" / str(later.size)
    read = Folder.read

    def cut(folder: Folder, path: str, start: int = 0, stop: int | None = None) -> bytes:
        octets = read(folder, path, start, stop)
        if path.startswith("tile/entries/"):
            first = 2 + int.from_bytes(octets[:2], "big")
            bundle.write_bytes(octets[: first if kept < 0 else kept])
        return octets

    monkeypatch.setattr(Folder, "read", cut)
    done = run(export, "--fingerprint", fingerprint(later))

    assert (2, b"") == done[:2]
    assert f"{export} changed while it was read: ".encode() in done.stderr


def test_what_changes_before_outside_evidence_is_looked_at_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = two_parties()
    later.submit(say(Attestation, "southfold", None, type="rfc3161", size=1, root="ab" * 32))
    export = written(tmp_path / "export", later.export())
    read = Folder.read

    def cut(folder: Folder, path: str, start: int = 0, stop: int | None = None) -> bytes:
        octets = read(folder, path, start, stop)
        if path.startswith("tile/entries/") and stop is None:  # as for outside evidence
            return octets[: 2 + int.from_bytes(octets[:2], "big")]
        return octets

    monkeypatch.setattr(Folder, "read", cut)
    done = run(export, "--fingerprint", fingerprint(later))

    assert (2, b"") == done[:2]
    assert f"{export} changed while it was read: tile/entries/000.p/7".encode() in done.stderr


def test_folder_that_cannot_be_listed_is_2(export: Path) -> None:
    # Deeper than any path may be long: that holds for root, too.
    folder = os.open(export, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=folder)
        below = os.open("x" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    done = run(export)

    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.endswith(b"File name too long\n")


def test_folder_that_is_replaced_meanwhile_is_2_and_not_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = two_parties()
    export = written(tmp_path / "export", world.export())
    world.submit(letter("northmere"))
    later = written(tmp_path / "later", world.export())
    read = Folder.read

    def replacing(self: Folder, path: str, start: int = 0, stop: int | None = None) -> bytes:
        data = read(self, path, start, stop)
        if path != "checkpoint" and later.exists():
            shutil.rmtree(export)
            later.rename(export)
        return data

    monkeypatch.setattr(Folder, "read", replacing)
    done = run(export, "--fingerprint", fingerprint(world))

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"was written to while it was checked: check it again" in done.stderr
    assert 0 == run(export, "--fingerprint", fingerprint(world)).returncode


def test_files_that_are_still_copied_are_2_and_not_invalid(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, {"e.json": format_evidence(evidence_of(world, 5))}) / "e.json"
    files = written(tmp_path / "files", dict.fromkeys(world.files, b""))
    paths = Folder.paths

    def copying(folder: Folder) -> Iterable[str]:  # after each file was looked at
        written(files, world.files)
        return paths(folder)

    monkeypatch.setattr(Folder, "paths", copying)
    done = run(file, "--files", files)

    assert (2, b"") == (done.returncode, done.stdout)
    assert f"{files}: was written to while it was checked".encode() in done.stderr
    assert 3 == run(file, "--files", files).returncode


def test_output_that_nobody_takes_is_2(export: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, str(export)], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert 2 == done.returncode
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_whatever_could_not_be_said_what_could_not_run_is_2(export: Path) -> None:
    for words in ([str(export)], [str(export / "nowhere")]):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*COMMAND, *words], cwd=ROOT, stdout=full, stderr=subprocess.STDOUT, check=False
            )

        assert 2 == done.returncode


def test_closed_output_changes_no_verdict(export: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, str(export)]
    done = subprocess.run(shell, cwd=ROOT, stderr=subprocess.PIPE, check=False)

    assert (3, b"") == (done.returncode, done.stderr)


# Folders with surprises


def test_export_may_be_named_by_a_link_but_holds_none(world: World, export: Path) -> None:
    link = export.parent / "link"
    link.symlink_to(export)
    assert 0 == run(link, "--fingerprint", fingerprint(world)).returncode

    for name in (
        "policy",
        "manifest.json",
        "checkpoint",
        "tile/entries/000.p/6",
        "disclosures.jsonl",
    ):
        original, moved = export / name, export.parent / "moved"
        original.rename(moved)
        original.symlink_to(moved)
        assert 1 == run(export, "--fingerprint", fingerprint(world)).returncode, name
        original.unlink()
        moved.rename(original)
    assert 0 == run(export, "--fingerprint", fingerprint(world)).returncode


def test_unknown_path_is_1_and_hidden_one_is_passed_over(export: Path) -> None:
    (export / ".DS_Store").write_bytes(b"x")
    assert 3 == run(export).returncode
    (export / "notes.txt").write_bytes(b"x")

    assert 1 == run(export).returncode


def test_files_are_those_of_an_evidence_file(export: Path, evidence: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "letter.pdf").write_bytes(b"")
    unused = run(evidence, "--files", tmp_path / "files", "--quiet")
    of_folder = run(export, "--files", tmp_path / "files")
    missing = run(evidence, "--files", tmp_path / "nowhere")

    assert 1 == unused.returncode
    assert (2, b"") == (of_folder.returncode, of_folder.stdout)
    assert b"--files is for evidence files" in of_folder.stderr
    assert (2, b"") == (missing.returncode, missing.stdout)
    assert b"nowhere: No such file" in missing.stderr


def test_control_characters_are_never_printed(export: Path) -> None:
    name = os.fsencode(export) + b"/\x1b[31mred\x07\n\xe2\x80\xae\xff"
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    for arguments in ([], ["--json"]):
        done = process(export, *arguments, PYTHONIOENCODING="utf-8")
        text = done.stdout.decode()
        assert 1 == done.returncode
        assert [] == [c for c in text if not c.isprintable() and c != "\n"]
        escaped = "\\x1b[31mred\\x07\\n\\u202e\\udcff"
        assert (escaped.replace("\\", "\\\\") if arguments else escaped) in text
        assert b"" == done.stderr


def test_terminal_that_knows_only_ascii_gets_ascii(export: Path) -> None:
    for number in range(30):
        (export / f"superfluous-{number}").write_bytes(b"x")
    done = process(export, PYTHONIOENCODING="ascii")

    assert 1 == done.returncode
    assert b"\\u2026 and 10 more; --json lists all" in done.stdout


# What it prints


def test_json_is_one_canonical_object(world: World, export: Path, evidence: Path) -> None:
    for path, kind in ((export, "export"), (evidence, "evidence")):
        done = run(path, "--json", "--fingerprint", fingerprint(world))
        report = msgspec.json.decode(done.stdout)

        assert 0 == done.returncode
        assert done.stdout == encode(report) + b"\n"
        assert done.stdout == run(path, "--json", "--fingerprint", fingerprint(world)).stdout
        assert "counterfoil-report/v1" == report["type"]
        assert kind == report["of"]
        assert "valid" == report["verdict"]
        assert fingerprint(world) == report["fingerprint"]
        assert ORIGIN == report["origin"]
        assert world.size == report["size"]
        assert world.root(world.size).hex() == report["root"]
        assert ["the ledger's fingerprint"] == report["agrees"]
        assert [] == report["findings"]
        assert all(name.replace("_", "").isalpha() for name in report["counts"])
        assert len(report["not_checked"]) > 3


def test_evidence_says_which_events_it_shows_where_nothing_is_wrong(
    world: World, evidence: Path
) -> None:
    event = world.events()[3]
    own_id = event_id(encode(event)).hex()
    told = msgspec.json.decode(run(evidence, "--json").stdout)["shown"]
    words = run(evidence).stdout.decode()
    evidence.write_bytes(evidence.read_bytes().replace(b'"recorded":1', b'"recorded":2'))

    shown = {"author": event.author, "entry": 3, "event": own_id, "kind": kind_of(event)}
    opened = sorted(event.sealed or {})
    assert [{**shown, "opened": opened, "closed": []}] == told
    assert "left closed" not in words
    assert f"  Shows        entry 3: {kind_of(event)} signed by {event.author}, event\n" in words
    assert f"               {own_id}\n" in words
    assert "shown" not in msgspec.json.decode(run(evidence, "--json").stdout)


def test_evidence_says_what_its_events_say_each_word_where_it_belongs(tmp_path: Path) -> None:
    world = two_parties()
    text = "Dear Sir" + 70 * " " + "entry 9: forged\nValid. " + "and so on " * 50
    world.submit(letter("southfold", text))
    path = tmp_path / "evidence.json"
    path.write_bytes(format_evidence(evidence_of(world, 5, 6)))
    lines = run(path).stdout.decode().splitlines()
    (sha256,) = world.files

    said = [line[15:] for line in lines if line.startswith(" " * 15)]
    assert "type: letter" in said
    assert f"file.1 (opened): file letter.pdf, 16 octets, SHA-256 {sha256}"[:40] in "".join(said)
    assert sha256 in "".join(part.strip() for part in said)
    assert 'dates: {"sent":{"basis":"stated","edtf":"2026-03-06"}}' in said
    assert 'from: ["southfold"]' in said
    assert "person.1 (opened): A. Clerk" in said
    # A further line of what anybody wrote begins further in than any line of ours.
    at = next(n for n, line in enumerate(said) if line.startswith("text (opened): Dear Sir"))
    end = next(n for n, line in enumerate(said) if line.endswith("…"))
    assert end > at + 3
    assert all(line.startswith("    ") for line in said[at + 1 : end + 1])


def test_json_lists_every_finding(export: Path) -> None:
    for number in range(30):
        (export / f"superfluous-{number}").write_bytes(b"x")
    report = msgspec.json.decode(run(export, "--json").stdout)

    assert "invalid" == report["verdict"]
    assert 30 == len(report["findings"])
    assert report["findings"][0] == {
        "check": Check.LAYOUT,
        "name": "layout",
        "where": "superfluous-0",
        "reason": "has no place in an export of this size",
        "consequences": [],
    }


def test_json_finding_says_entry_expected_and_found(evidence: Path) -> None:
    evidence.write_bytes(evidence.read_bytes().replace(b'"prev":"', b'"prev":"0', 1))
    octets = evidence.read_bytes()
    place = octets.index(b'"prev":"0') + len(b'"prev":"')
    evidence.write_bytes(octets[: place + 64] + octets[place + 65 :])
    (finding,) = msgspec.json.decode(run(evidence, "--json").stdout)["findings"]

    assert (Check.PREV, "prev", 3) == (finding["check"], finding["name"], finding["entry"])
    assert finding["expected"] == finding["found"][1:] + finding["expected"][-1]
    assert ["inclusion"] == [below["name"] for below in finding["consequences"]]


def test_json_leaves_out_what_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    report = msgspec.json.decode(run(tmp_path / "empty", "--json").stdout)

    assert set(report) == {
        "type", "of", "verdict", "agrees", "counts", "findings", "not_checked",
    }  # fmt: skip
    text = run(tmp_path / "empty").stdout.decode()
    assert 5 == text.count("could not be read")


def test_findings_are_a_tree_that_is_cut_where_it_is_long(tmp_path: Path) -> None:
    world = two_parties()
    seen, note = world.seen()
    world.keep(note)
    for _ in range(9):
        world.submit(letter("northmere"), seen=seen)
    files = world.export()
    files["checkpoints"] += b"x"
    done = run(written(tmp_path / "export", files))
    lines = done.stdout.decode().splitlines()

    assert 1 == done.returncode
    assert "1. [203] notes: checkpoints" in lines
    assert "   and so, 10 times:" in lines
    assert "   - [507] seen, entry 3: statement.seen.note" in lines
    assert 5 == sum(line.startswith("   - [507]") for line in lines)
    assert "   … and 5 more; --json lists all" in lines


def test_lines_fit_80_columns(world: World, export: Path, evidence: Path) -> None:
    (export / ("superfluous-" * 15)).write_bytes(b"x")
    (export / "policy").write_bytes(b"quorum none\n")
    for path in (export, evidence):
        text = run(path, "--fingerprint", "0" * 64).stdout.decode()
        assert max(map(len, text.splitlines())) <= 80
        assert f"     expected {'0' * 64}" in text or f"   expected {'0' * 64}" in text
        assert f"found    {fingerprint(world)}" in text


def test_quiet_prints_nothing(world: World, export: Path) -> None:
    for arguments, code in (([], 3), (["--fingerprint", fingerprint(world)], 0)):
        done = run(export, "--quiet", *arguments)
        assert (code, b"", b"") == (done.returncode, done.stdout, done.stderr)


def test_help_has_examples_and_exit_codes() -> None:
    done = run("--help")

    assert 0 == done.returncode
    assert b"examples:" in done.stdout
    assert b"exit codes:" in done.stdout


def test_the_version_is_told_without_a_path() -> None:
    done = run("--version")

    assert (0, f"counterfoil-verify {version('counterfoil')}\n") == (
        done.returncode,
        done.stdout.decode(),
    )


@pytest.mark.parametrize("words", [("--", "--version"), (".", "--version"), ("--version", ".")])
def test_no_path_is_taken_for_a_wish_for_the_version(words: Sequence[str]) -> None:
    done = run(*words)

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"could not run" in done.stderr


# Any octets


def test_any_export_gives_a_report(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    files = world.export()
    for number in range(400):
        spoilt = dict(files)
        for _ in range(chance.choice((1, 1, 2, 5))):
            _spoil(spoilt, chance)
        path = written(tmp_path / str(number), spoilt)
        code = main([str(path), "--fingerprint", fingerprint(world)])
        printed = capsys.readouterr()

        assert code in {0, 1, 2}
        assert printed.out.startswith(("Valid", "INVALID")) or code == 2


def _spoil(files: dict[str, bytes], chance: random.Random) -> None:
    path = chance.choice(sorted(files))
    data = bytearray(files.pop(path))
    match chance.randrange(7):
        case 0:
            pass  # the file is gone
        case 1:
            files[path] = bytes(data[: chance.randrange(len(data) + 1)])
        case 2:
            files[path] = bytes(data) + chance.randbytes(chance.randrange(1, 100))
        case 3:
            files[path] = chance.randbytes(chance.randrange(300))
        case 4:
            start = chance.randrange(len(data) + 1)
            data[start : start + chance.randrange(40)] = chance.randbytes(chance.randrange(40))
            files[path] = bytes(data)
        case 5:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            files[path] = b"\n".join(lines)
        case _:
            if data:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            files[path] = bytes(data)


def test_any_evidence_gives_a_report(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(8)
    path = tmp_path / "evidence.json"
    data = format_evidence(evidence_of(world, 3, 5))
    for _ in range(400):
        files = {"e": data}
        while files.get("e", data) == data:
            files = {"e": data}
            _spoil(files, chance)
        path.write_bytes(files["e"])

        assert main([str(path), "--fingerprint", fingerprint(world)]) in {1, 2}
        assert capsys.readouterr().out.startswith("INVALID")
