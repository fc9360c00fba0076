"""Exports: whole or not at all, the same for the same ledger, and valid whatever happens."""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.errors import ExportError
from ledger.export import export
from ledger.ledger import Ledger
from tests import reference
from tests.ledger.builder import (
    CONTENT,
    FILE,
    Clock,
    NewEvent,
    Party,
    found_ledger,
    names,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    submit,
)
from tests.world import cosign, witness
from verify.anchors import Anchors
from verify.audit import audit
from verify.folder import Folder
from verify.note import format_note, parse_note

ROOT = Path(__file__).parents[2]
ALPHA, BETA = Party("alpha", 1), Party("beta", 2)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found, _ = found_ledger(tmp_path / "ledger", ALPHA, clock=Clock(), members=["beta"])
    with found:
        yield found


def file_event(**fields: object) -> NewEvent:
    claims: dict[str, object] = {"file": FILE, "title": "A letter"}
    return new_event("alpha", "artefact/v1", type="letter", claims=claims, **fields)  # type: ignore[arg-type]  # any field


def fill(ledger: Ledger) -> NewEvent:
    """Record some of everything; return an event that withholds its text."""
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    ledger.add_file(io.BytesIO(CONTENT), sha256=str(FILE["sha256"]), size=len(CONTENT))
    submit(ledger, file_event(), *(new_letter("alpha") for _ in range(300)))
    limited = new_event(
        "alpha", "communication/v1", channel="letter", audience={"text": ["beta", "public"]},
        claims={"text": "For Beta alone", "title": "A letter"},
    )  # fmt: skip
    withheld = new_event(
        "alpha", "communication/v1", channel="letter", withheld=["text"],
        claims={"text": "Later", "title": "A letter"},
    )  # fmt: skip
    submit(ledger, limited, withheld, note=ledger.checkpoint())
    return withheld


def content(path: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(path)): each.read_bytes()
        for each in sorted(path.rglob("*"))
        if each.is_file()
    }


def check(ledger: Ledger, path: Path) -> None:
    """Have both verifiers look."""
    report = audit(Folder(path), anchors=Anchors(fingerprint=ledger.fingerprint))
    judged = reference.audit_export(content(path), fingerprint=ledger.fingerprint)

    assert ((), "valid") == (tuple(report.findings), report.verdict)
    assert ([], "valid") == (judged.findings, judged.verdict)


def test_an_export_is_valid_and_holds_the_files(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    exported = export(ledger, tmp_path / "export")

    check(ledger, tmp_path / "export")
    assert CONTENT == (tmp_path / "export" / "files" / str(FILE["sha256"])).read_bytes()
    assert (305, 1, ()) == (exported.size, exported.files, exported.absent)
    assert ledger.root().hex() == exported.root


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257])
def test_ledgers_about_the_width_of_a_tile_export_well(
    ledger: Ledger, tmp_path: Path, count: int
) -> None:
    if count:
        submit(ledger, *(new_letter("alpha") for _ in range(count)))
    export(ledger, tmp_path / "export")

    check(ledger, tmp_path / "export")


def test_the_same_ledger_and_audience_give_the_same_octets(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    for name in ("one", "two"):
        export(ledger, tmp_path / name, audience="beta")
    with Ledger.open(ledger_copy(ledger, tmp_path), read_only=True) as again:
        export(again, tmp_path / "three", audience="beta")

    assert content(tmp_path / "one") == content(tmp_path / "two") == content(tmp_path / "three")


def ledger_copy(ledger: Ledger, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "ledger.mdb").write_bytes((ledger.path / "ledger.mdb").read_bytes())
    (copy / "files").symlink_to(ledger.path / "files")
    return copy


def test_what_is_limited_to_an_audience_is_open_only_for_it(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    left_out = {}
    for audience in ("public", "alpha", "beta"):
        left_out[audience] = export(ledger, tmp_path / audience, audience=audience).left_out

        check(ledger, tmp_path / audience)
        lines = (tmp_path / audience / "disclosures.jsonl").read_bytes()
        assert (audience != "public") == (b"For Beta alone" in lines)
    assert {"public": 2, "alpha": 1, "beta": 1} == left_out


def test_what_is_erased_is_in_no_export(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    gone, kept = file_event(), new_letter("alpha", "Under a hold")
    submit(ledger, gone, kept)
    submit(ledger, new_event("alpha", "hold/v1", of=[kept.id.hex()]))
    for event, of in ((gone, ["file", "title"]), (kept, ["title"])):
        erasing = {"of": event.id.hex(), "names": of, "ground": "court_order"}
        submit(ledger, new_event("alpha", "erasure/v1", **erasing))  # type: ignore[arg-type]  # fields
    export(ledger, tmp_path / "export")

    check(ledger, tmp_path / "export")
    lines = (tmp_path / "export" / "disclosures.jsonl").read_bytes().splitlines()
    held = {line["index"]: line["claims"] for line in map(json.loads, lines)}
    first = ledger.index_of(gone.id)
    assert first is not None
    assert (False, {"title"}) == (first in held, set(held[first + 1]))
    assert (tmp_path / "export" / "files" / str(FILE["sha256"])).exists()  # of another event


def test_what_an_erasure_says_itself_stays(ledger: Ledger, tmp_path: Path) -> None:
    letter = new_letter("alpha", "Erased")
    submit(ledger, letter)
    erasing = new_event(
        "alpha", "erasure/v1", of=letter.id.hex(), names=["title"], ground="court_order",
        claims={"order": "Order 7", "file": FILE},
    )  # fmt: skip
    ledger.add_file(io.BytesIO(CONTENT), sha256=str(FILE["sha256"]), size=len(CONTENT))
    submit(ledger, erasing)
    index = ledger.index_of(erasing.id)
    assert index is not None
    export(ledger, tmp_path / "export")

    check(ledger, tmp_path / "export")
    assert erasing.sent == ledger.disclosures(index)
    lines = (tmp_path / "export" / "disclosures.jsonl").read_bytes().splitlines()
    assert {"file", "order"} == set(json.loads(lines[-1])["claims"])


def test_refuses_an_audience_that_is_no_party(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="gamma"):
        export(ledger, tmp_path / "export", audience="gamma")

    assert ["ledger"] == names(tmp_path)


MAKERS: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text("here"),
    "a folder": lambda path: (path / "sub").mkdir(parents=True),
    "a link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize("what", MAKERS)
def test_refuses_a_folder_that_is_there(ledger: Ledger, tmp_path: Path, what: str) -> None:
    MAKERS[what](tmp_path / "export")
    with pytest.raises(ExportError, match="there already"):
        export(ledger, tmp_path / "export")

    assert ["export", "ledger"] == names(tmp_path)


def test_refuses_the_folder_in_which_it_works(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    monkeypatch.chdir(tmp_path / "export")
    with pytest.raises(ExportError, match="there already"):
        export(ledger, Path())

    assert [] == names(tmp_path / "export")
    assert ["export", "ledger"] == names(tmp_path)


def test_takes_an_empty_folder_and_refuses_a_missing_parent(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    export(ledger, tmp_path / "export")

    check(ledger, tmp_path / "export")
    with pytest.raises(ExportError, match="No such file"):
        export(ledger, tmp_path / "none" / "export")


def test_an_interruption_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)

    def interrupt(_done: int, _size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(ledger, tmp_path / "export", progress=interrupt)

    assert ["ledger"] == names(tmp_path)


def test_a_full_disk_leaves_nothing_and_says_so(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    ledger.close()

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    # A child that measured its coverage could not write that either.
    measured = {name for name in os.environ if name.startswith("COVERAGE")}
    environment = {name: os.environ[name] for name in os.environ.keys() - measured}
    done = subprocess.run(
        [sys.executable, "-m", "api", "export", "ledger", "export"],
        cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, preexec_fn=limit,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert 2 == done.returncode
    assert "counterfoil: export: File too large\n" == done.stderr
    assert ["ledger"] == names(tmp_path)


def test_the_mode_is_what_this_account_gives(ledger: Ledger, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        export(ledger, tmp_path / "export")
    finally:
        os.umask(before)

    assert 0o700 == (tmp_path / "export").stat().st_mode & 0o777


def test_what_comes_meanwhile_is_left_out(ledger: Ledger, tmp_path: Path) -> None:
    withheld = fill(ledger)
    export(ledger, tmp_path / "before")
    old = ledger.checkpoint()

    grown: list[int] = []

    def grow(done: int, _size: int) -> None:
        if grown:
            return
        grown.append(done)
        # Names a note of the size that is being written, opens what was closed at that size, and
        # changes the charter, of which the policy is made.
        submit(ledger, new_letter("alpha"), note=old)
        handing = new_event("alpha", "opening/v1", of=withheld.id.hex(), names=["text"])
        submit(ledger, NewEvent(handing.data, {"text": withheld.disclosures["text"]}))
        ledger.add_log_key(new_log_key(2))
        amends = ledger.state().charter_id
        charter = new_charter(
            ALPHA, new_log_key(2), founding=False, members=["beta"], amends=amends
        )
        submit(ledger, charter)

    export(ledger, tmp_path / "meanwhile", progress=grow)
    export(ledger, tmp_path / "after")

    assert content(tmp_path / "before") == content(tmp_path / "meanwhile")
    check(ledger, tmp_path / "after")
    assert b"Later" in (tmp_path / "after" / "disclosures.jsonl").read_bytes()


def test_the_checkpoint_comes_with_who_cosigned_it(tmp_path: Path) -> None:
    """Else no export would ever meet its reader's policy."""
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    founded, clock = found_ledger(tmp_path / "ledger", ALPHA, witnesses=named, quorum=2)
    at_s = clock() // 1000

    def exported(ledger: Ledger, name: str) -> bytes:
        export(ledger, tmp_path / name)
        check(ledger, tmp_path / name)
        return (tmp_path / name / "checkpoint").read_bytes()

    with founded as ledger:
        note = ledger.checkpoint()
        assert note == exported(ledger, "nobody")
        other = cosign(note, ("w9", at_s))
        ledger.keep_note(other)
        assert other == exported(ledger, "another")
        ledger.keep_note(cosign(note, ("w1", at_s), ("w2", at_s)))
        both = cosign(other, ("w1", at_s), ("w2", at_s))
        assert both == exported(ledger, "both")
        submit(ledger, new_letter("alpha"), note=cosign(note, ("w1", at_s)))
        latest = ledger.checkpoint()
        assert latest == exported(ledger, "later")
        text, lines = parse_note(cosign(latest, ("w1", at_s)))
        ledger.keep_note(format_note(text, [lines[0], lines[1]._replace(payload=bytes(72))]))
        assert latest == exported(ledger, "a line that is not valid")


def test_a_missing_file_is_named(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    ledger.file_path(str(FILE["sha256"])).unlink()
    exported = export(ledger, tmp_path / "export")

    assert (FILE["sha256"],) == exported.absent
    assert "invalid" == audit(Folder(tmp_path / "export")).verdict
