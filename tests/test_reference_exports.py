"""The second verifier's audit: small ledgers, and each octet flipped."""

import json

import pytest

from tests import build_reference as build
from tests import reference
from tests.reference import Report, UnknownVersion, audit_export
from tests.reference_cases import causes, small


def test_a_small_ledger_agrees_with_itself() -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files) == Report("self", [], [])


def test_a_small_ledger_is_valid_for_who_knows_it() -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files, fingerprint=builder.fingerprint).verdict == "valid"
    assert audit_export(files, log_key=builder.vkey).verdict == "valid"
    receipt = builder.receipt(1, 1)
    reference.check_receipt(receipt)
    assert audit_export(files, receipts=[receipt]).verdict == "valid"
    assert causes(audit_export(files, fingerprint="0" * 64)) == [802]
    assert causes(audit_export(files, log_key="another")) == [801]
    other = small()
    other.now += 1
    other.submit("alpha", [build.Made(build.event("alpha", "meeting/v1", "n"))])
    assert causes(audit_export(files, receipts=[other.receipt(2, 1)])) == [803]
    reference.check_receipt(other.receipt(1, 1, 2))


@pytest.mark.parametrize("path", sorted(small().export()))
def test_one_altered_octet_makes_it_invalid(path: str) -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files).verdict == "self"
    for at in range(len(files[path])):
        octets = bytearray(files[path])
        octets[at] ^= 1 << at % 7
        altered = files | {path: bytes(octets)}
        try:
            report = audit_export(altered, fingerprint=builder.fingerprint)
        except UnknownVersion:
            assert b'"spec"' in files[path]
            continue
        assert report.verdict == "invalid", (path, at)
        assert len(report.findings) >= 1


@pytest.mark.parametrize("path", sorted(small().export()))
def test_a_missing_or_misplaced_file_makes_it_invalid(path: str) -> None:
    files = small().export()
    without = {other: octets for other, octets in files.items() if other != path}
    assert audit_export(without).verdict == "invalid"
    assert audit_export(without | {path + "x": files[path]}).verdict == "invalid"
    assert audit_export(files | {path: b""}).verdict == "invalid"


def test_names_with_a_dot_are_passed_over() -> None:
    assert audit_export(small().export() | {".DS_Store": b""}).verdict == "self"
    assert causes(audit_export(small().export() | {"tile/.x": b""})) == [101]


def test_the_vote_blames_one_of_three() -> None:
    builder = small()
    builder.submit("alpha", [build.Made(build.event("alpha", "meeting/v1", "n"))])
    files = builder.export()
    tile, bundle = "tile/0/000.p/3", "tile/entries/000.p/3"
    octets = bytearray(files[tile])
    octets[40] ^= 1
    assert causes(audit_export(files | {tile: bytes(octets)})) == [302]
    octets[70] ^= 1
    assert causes(audit_export(files | {tile: bytes(octets)})) == [302, 302]
    recorded = str(json.loads(builder.entries[1])["recorded"]).encode()
    altered = files[bundle].replace(recorded, b"%d" % (int(recorded) + 1))
    report = audit_export(files | {bundle: altered})
    assert [(finding.check, finding.index) for finding in report.findings] == [(401, 1)]


def test_other_findings_of_an_export() -> None:
    builder = small()
    files = builder.export()
    assert causes(audit_export(builder.export(size=3))) == [102]
    assert causes(audit_export(builder.export(audience="beta"))) == [102]
    assert causes(audit_export(files | {"files/" + "0" * 64: b""})) == [708]
    lone = builder.disclosures[1].pop("body")
    assert causes(audit_export(builder.export())) == [704]
    builder.disclosures[1]["body"] = lone
    builder.notes.append(builder.checkpoint(2))
    assert causes(audit_export(builder.export())) == [206]
    assert causes(audit_export(builder.export(spec="counterfoil/9"))) == [102, 206]


def test_a_log_of_three_hundred_entries() -> None:
    builder = build.Builder()
    for number in range(99):
        builder.submit(
            "alpha",
            [
                build.Made(build.event("alpha", "meeting/v1", f"{number} {part}"))
                for part in range(3)
            ],
            seen=builder.see(builder.size),
        )
    files = builder.export()
    assert "tile/1/000.p/1" in files
    assert audit_export(files, receipts=[builder.receipt(7, 3)]).verdict == "valid"
    altered = files | {"tile/1/000.p/1": bytes(32)}
    assert causes(audit_export(altered)) == [302]
