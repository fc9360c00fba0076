"""The second verifier's octets: what it reads, and what it refuses."""

import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import build_reference as build
from tests import reference
from tests.reference import Refused
from tests.reference.refusals import Malformed
from tests.reference_cases import meeting, note_of, refusal, small


@pytest.mark.parametrize(
    "octets",
    [
        b'{"a":1}',
        b'{"a":-1,"b_2":["\\u0001\\n\\"",""]}',
        b'{"file.1":{},"file.10":[]}',
        b"9007199254740991",
        '"\u00e9\U0001f600\x7f"'.encode(),
    ],
)
def test_canonical_octets_are_read(octets: bytes) -> None:
    assert reference.encode(reference.parse(octets)) == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" 1",
        b"1\n",
        b"\xef\xbb\xbf1",
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"A":1}',
        b'{"a.0":1}',
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"+1",
        b"9007199254740992",
        b"9" * 5_000,
        b"NaN",
        b"Infinity",
        b"null",
        b"[true]",
        b'"\\u0041"',
        b'"\\/"',
        b'"\\ud800"',
        b'"\\u000A"',
        b'"\x01"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"[" * 9 + b"]" * 9,
        b"[" * 100_000,
        b'"',
    ],
)
def test_other_octets_are_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        reference.parse(octets)


def test_eight_levels_are_not_too_deep() -> None:
    reference.parse(b"[" * 8 + b"]" * 8)
    reference.parse(b'"[[[[[[[[[[[[[["')


@given(octets=st.binary(max_size=200), at=st.integers(0, 400), more=st.booleans())
def test_any_octets_pass_or_are_refused(octets: bytes, at: int, *, more: bool) -> None:
    builder = small()
    deciders: list[tuple[Callable[[bytes], object], bytes]] = [
        (reference.check_event, build.canonical(json.loads(builder.entries[1])["event"])),
        (reference.check_statement, build.canonical(json.loads(builder.entries[1])["statement"])),
        (reference.check_entry, builder.entries[1]),
        (reference.check_document, document([note_of("alpha", "n")])),
        (reference.check_receipt, builder.receipt(1, 1)),
        (lambda data: reference.check_checkpoint(data, builder.vkey), builder.checkpoint()),
        (lambda data: reference.check_note(builder.checkpoint(), data.decode("latin-1")), b""),
    ]
    for decide, good in deciders:
        with contextlib.suppress(Refused):
            decide(good[:at] + octets + good[at:] if more else octets)


@pytest.mark.parametrize(
    "event",
    [
        meeting(),
        meeting(count=2, attendees=["alpha", "beta/mayor"], medium="video"),
        meeting(dates={"held": {"basis": "stated", "edtf": "2024-05"}}),
        meeting(sealed={"item.1": "0" * 64, "item.2": "1" * 64}, withheld=["item.1"]),
        build.event("alpha", "hold/v1", "h", all="yes"),
        build.event(
            "alpha",
            "transfer/v1",
            "t",
            **{"from": "alpha", "to": ["beta"]},
            discharges=[{"request": "0" * 64, "items": [[1, 1], [3, 4]]}],
        ),
        build.event(
            "a",
            "sealed/v1",
            "s",
            seals="0" * 64,
            dates={"opens_by": {"basis": "stated", "edtf": "2030-01-01"}},
        ),
    ],
)
def test_events_pass(event: dict[str, Any]) -> None:
    reference.check_event(build.canonical(event))


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        meeting(extra=1),
        meeting(kind="meeting/v2"),
        meeting(author="Alpha"),
        meeting(author="-alpha"),
        meeting(nonce=""),
        meeting(attendees=[]),
        meeting(attendees=["alpha", "alpha"]),
        meeting(count=0),
        meeting(count=65_536),
        meeting(minutes="true"),
        meeting(authority="claimed"),
        meeting(dates={}),
        meeting(dates={"held": {"basis": "stated", "edtf": "yes"}}),
        meeting(sealed={"item.2": "0" * 64}),
        meeting(sealed={"body.1": "0" * 64}),
        meeting(sealed={"colour": "0" * 64}),
        meeting(withheld=["body"]),
        meeting(sealed={"body": "0" * 64, "title": "0" * 64}, withheld=["title", "body"]),
        meeting(links=[{"event": "0" * 64, "rel": "about"}] * 2),
        build.event("alpha", "hold/v1", "h"),
        build.event("alpha", "hold/v1", "h", all="yes", ends="0" * 64),
        build.event("alpha", "step/v1", "s", of="0" * 64, target="request", verb="sign"),
        build.event("alpha", "step/v1", "s", of="0" * 64, target="request", verb="answer"),
        build.event("alpha", "attestation/v1", "a", type="dkim", size=1),
        build.event("alpha", "opening/v1", "o", of="0" * 64, event=meeting(extra=1)),
        build.event("alpha", "sealed/v1", "s", seals="0" * 64),
        build.charter_event(quorum=1),
        build.charter_event(registrars=["beta"]),
        build.charter_event(thresholds={"govern": 2, "recover": 1}),
    ],
)
def test_events_are_refused(event: object) -> None:
    refusal(405, reference.check_event, build.canonical(event))


def test_a_charter_of_another_version_is_an_event_and_no_ledger() -> None:
    charter = build.charter_event(spec="counterfoil/2")
    reference.check_event(build.canonical(charter))
    for spec in ("counterfoil/", "counterfoil/02", "counterfoil/2 ", "ledger/2"):
        refusal(405, reference.check_event, build.canonical(charter | {"spec": spec}))


def test_a_disclosure_belongs_to_one_event_only() -> None:
    made = build.make(meeting(), {"body": "text", "title": ""})
    octets = build.canonical(made.event)
    for text in made.disclosures.values():
        reference.check_disclosure(text, octets)
    other = build.canonical(build.event("alpha", "meeting/v1", "other"))
    refusal(703, reference.check_disclosure, made.disclosures["body"], other)
    refusal(703, reference.check_disclosure, made.disclosures["body"] + "=", octets)
    refusal(703, reference.check_disclosure, made.disclosures["body"][:-1], octets)


@pytest.mark.parametrize(
    "value",
    [
        {"media_type": "text/plain", "name": "a.txt", "sha256": "0" * 64, "size": 0},
        pytest.param("text", marks=pytest.mark.xfail(raises=Refused, strict=True)),
        *[
            pytest.param(
                {"media_type": "text/plain", "name": "a", "sha256": "0" * 64, "size": 0} | wrong,
                marks=pytest.mark.xfail(raises=Refused, strict=True),
            )
            for wrong in (
                {"media_type": "text"},
                {"media_type": f"text/{'a' * 123}"},
                {"name": "a/b"},
                {"name": "\x7f"},
                {"name": ""},
                {"size": -1},
                {"more": "x"},
            )
        ],
    ],
)
def test_file_objects(value: object) -> None:
    made = build.make(meeting(), {"file.1": value})
    reference.check_disclosure(made.disclosures["file.1"], build.canonical(made.event))


def document(made: list[build.Made], **others: object) -> bytes:
    builder = build.Builder()
    statement = builder.statement("alpha", made, "alpha")
    held = [
        [
            text
            for name, text in sorted(each.disclosures.items())
            if name not in each.event.get("withheld", [])
        ]
        for each in made
    ]
    body: dict[str, Any] = {
        "type": "counterfoil-submissiondocument/v1",
        "statement": statement,
        "signature": build.sign_dsse("alpha", "submission", build.canonical(statement)),
        "events": [each.event for each in made],
        "disclosures": held,
    }
    return build.canonical(body | others)


def test_documents() -> None:
    plain = build.event("alpha", "meeting/v1", "plain")
    two = [build.make(meeting(), {"body": "b", "title": "t"}), build.Made(plain), build.Made(plain)]
    two[2].event = build.event("alpha", "meeting/v1", "third")
    reference.check_document(document(two))
    withheld = build.make(meeting(), {"body": "b", "title": "t"})
    withheld.event["withheld"] = ["body"]
    reference.check_document(document([withheld]))
    both = [[withheld.disclosures["body"], withheld.disclosures["title"]]]
    refusal(703, reference.check_document, document([withheld], disclosures=both))
    refusal(704, reference.check_document, document([withheld], disclosures=[[]]))
    refusal(703, reference.check_document, document(two, disclosures=[[]]))
    refusal(507, reference.check_document, document(two, note="x"))
    refusal(511, reference.check_document, document(two, extra="x"))
    refusal(511, reference.check_document, document(two) + b"\n")
    turned = [list(reversed(both[0]))]
    del withheld.event["withheld"]
    refusal(701, reference.check_document, document([withheld], disclosures=turned))


def test_notes_and_checkpoints() -> None:
    builder = build.Builder()
    note = builder.checkpoint()
    reference.check_note(note, builder.vkey)
    reference.check_checkpoint(note, builder.vkey)
    grease = f"\u2014 witness.test {base64.b64encode(bytes(70)).decode()}\n".encode()
    reference.check_checkpoint(note + grease, builder.vkey)
    for bad in (
        b"",
        note[:-1],
        note + b"\n",
        note.replace(b"\n1\n", b"\n01\n"),
        note.replace(b"\n1\n", b"\n2\n"),
        note.replace(b"\n\n", b"\nextension\n\n"),
        note.replace(b"\n\n", b"\n\n\n"),
        note + grease * 100,
        note + b"\xff\n",
        note + grease.replace(b"=", b""),
        note + note.split(b"\n\n")[1].replace(b"A", b"B").replace(b"a", b"b"),
    ):
        refusal(201, reference.check_checkpoint, bad, builder.vkey)
    refusal(201, reference.check_note, note, builder.vkey.replace("+", "-"))
    builder.log_seed = "another"
    refusal(201, reference.check_checkpoint, note, builder.vkey)
