"""Go's golang.org/x/mod, which nobody here wrote, reads what we write; and we what it writes."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.export import export
from ledger.keys import PartySigner, WitnessKey
from ledger.ledger import Ledger
from tests.api.serving import serving
from tests.interop.golang import Reader
from tests.ledger.builder import ORIGIN, Party, found_ledger, new_letter, new_log_key, submit
from verify.note import (
    ED25519,
    VerifierKey,
    check_note,
    format_note,
    format_vkey,
    key_id,
    parse_note,
)
from verify.proof import Proof, format_proof

ALPHA = Party("alpha", 1)
NOW_S = 1_750_000_000


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with two levels of tiles, of which the first has full and partial ones."""
    path = tmp_path_factory.mktemp("go") / "ledger"
    with found_ledger(path, ALPHA)[0] as founded:
        submit(founded, *(new_letter("alpha") for _ in range(520)))
        yield founded


def vkey() -> str:
    return format_vkey(new_log_key().verifier_key)


def cosigned(checkpoint: bytes, *witnesses: WitnessKey) -> bytes:
    note = parse_note(checkpoint)
    lines = [one.cosign(note.text, timestamp_s=NOW_S) for one in witnesses]
    return format_note(note.text, [*note.signatures, *lines])


def test_go_finds_every_entry_and_every_earlier_tree_in_an_export(
    reader: Reader, ledger: Ledger, tmp_path: Path
) -> None:
    exported = export(ledger, tmp_path / "export", audience="public")
    found = reader.reads("export", tmp_path / "export", vkey())

    root = base64.b64encode(bytes.fromhex(exported.root)).decode()
    assert {"size": "521", "root": root, "entries": "521"} == found


@pytest.mark.parametrize("size", range(1, 10))
def test_go_reads_small_exports(reader: Reader, tmp_path: Path, size: int) -> None:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as small:
        for _ in range(1, size):
            submit(small, new_letter("alpha"))
        export(small, tmp_path / "export", audience="public")

    assert str(size) == reader.reads("export", tmp_path / "export", vkey())["entries"]


def test_go_reads_a_mirror(reader: Reader, ledger: Ledger, tmp_path: Path) -> None:
    PartySigner(ALPHA.name, seed=bytes(ALPHA.key)).save(tmp_path / "alpha.key")
    out = io.StringIO()
    with serving(ledger, now_ms=lambda: 1000 * NOW_S) as site:
        words = ("mirror", site.url, str(tmp_path / "copy"), "--once", "--key")
        named = ("--fingerprint", ledger.fingerprint, "--home", str(tmp_path / "home"))
        context = Context(now_ms=lambda: 1000 * NOW_S, out=out, err=out)
        assert 0 == run([*words, str(tmp_path / "alpha.key"), *named], context), out.getvalue()
    with Ledger.open(tmp_path / "copy", read_only=True) as copy:
        export(copy, tmp_path / "export", audience="public")

    assert "521" == reader.reads("export", tmp_path / "export", vkey())["entries"]


@pytest.mark.parametrize(
    "name",
    ["checkpoint", "tile/0/000", "tile/0/002.p/9", "tile/1/000.p/2", "tile/entries/001"],
)
def test_go_refuses_an_export_in_which_one_octet_was_changed(
    reader: Reader, ledger: Ledger, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "export"
    export(ledger, folder, audience="public")
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)

    assert reader.refuses("export", folder, vkey())


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 512, 520])
def test_go_reads_a_tlog_proof_and_its_cosignatures(
    reader: Reader, ledger: Ledger, tmp_path: Path, index: int
) -> None:
    witnesses = [WitnessKey(f"w{n}.example", seed=bytes([n]) * 32) for n in (1, 2)]
    hashes = ledger.inclusion_proof(index=index, size=ledger.size())
    note = cosigned(ledger.checkpoint(), *witnesses)
    (tmp_path / "one.tlog-proof").write_bytes(format_proof(Proof(index, hashes, note)))
    (tmp_path / "entry").write_bytes(ledger.entry(index))
    keys = [format_vkey(witness.verifier_key) for witness in witnesses]
    found = reader.reads("proof", tmp_path / "one.tlog-proof", vkey(), tmp_path / "entry", *keys)

    assert {"index": str(index), "size": "521", "witnesses": "2"} == found


def test_go_refuses_a_tlog_proof_of_another_entry_or_with_a_cosigner_too_few(
    reader: Reader, ledger: Ledger, tmp_path: Path
) -> None:
    witness = WitnessKey("w1.example", seed=bytes(32))
    hashes = ledger.inclusion_proof(index=3, size=ledger.size())
    file, entry = tmp_path / "one.tlog-proof", tmp_path / "entry"
    file.write_bytes(format_proof(Proof(3, hashes, ledger.checkpoint())))
    entry.write_bytes(ledger.entry(3))
    lacking = reader.refuses("proof", file, vkey(), entry, format_vkey(witness.verifier_key))
    entry.write_bytes(ledger.entry(4))
    other = reader.refuses("proof", file, vkey(), entry)

    assert "1 of 2 keys signed" in lacking
    assert "invalid transparency proof" in other


def test_a_note_that_go_signed_is_one_to_us(reader: Reader) -> None:
    seed = bytes(range(32))
    public = bytes(Party("go", int.from_bytes(seed, "big")).key.verify_key)
    identity = key_id(name=ORIGIN, algorithm=ED25519, public=public)
    secret = base64.b64encode(b"\1" + seed).decode()
    skey = f"PRIVATE+KEY+{ORIGIN}+{identity.hex()}+{secret}"
    signed = reader.run("sign", skey, text="Già è sera.\n".encode()).stdout

    check_note(parse_note(signed), key=VerifierKey(ORIGIN, identity, ED25519, public))
