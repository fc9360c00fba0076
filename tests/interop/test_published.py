"""The examples that public specifications print, where no other test has them."""

from __future__ import annotations

from tests.verify.test_checkpoint import EXAMPLE
from verify.note import COSIGNATURE_ED25519, parse_cosignature, parse_note
from verify.submission import pae

# c2sp.org/signed-note, the example. Its key is not published.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\n"
    "trafitto da un raggio di sole:\n"
    "\n"
    "ed è subito sera.\n"
    "\n"
    "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMo"
    "uFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)


def test_reads_the_note_of_signed_note_whose_text_has_an_empty_line() -> None:
    note = parse_note(QUASIMODO.encode())

    assert note.text.decode().endswith("\n\ned è subito sera.\n")
    assert ["quasimodo.example/salvatore"] == [line.name for line in note.signatures]
    assert ["367ba04b"] == [line.key_id.hex() for line in note.signatures]
    assert [64] == [len(line.payload) for line in note.signatures]


def test_reads_the_time_of_the_cosignature_of_tlog_cosignature() -> None:
    line = parse_note(EXAMPLE.encode()).signatures[1]

    assert 1679315147 == parse_cosignature(line.payload, algorithm=COSIGNATURE_ED25519).timestamp_s


def test_encodes_the_hello_world_of_dsse() -> None:
    # DSSE protocol.md, "Test Vectors".
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"

    assert expected == pae("http://example.com/HelloWorld", b"hello world")
