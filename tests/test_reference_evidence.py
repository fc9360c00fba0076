"""The second verifier's evidence: whole, altered and incomplete."""

import json

import pytest

from tests import build_reference as build
from tests.reference import UnknownVersion, audit_evidence
from tests.reference_cases import causes, charter_of, note_of, two_parties


def shown() -> build.Builder:
    builder = two_parties()
    made = [build.make(build.event("beta", "meeting/v1", f"{n}"), {"body": "b"}) for n in range(3)]
    builder.submit("beta", made, seen=builder.see(2))
    builder.submit("alpha", [note_of("alpha", "later")])
    return builder


@pytest.mark.parametrize("indexes", [[0], [1], [3], [4], [5], [3, 4, 5], [0, 4, 6], [6]])
def test_evidence_of_some_entries(indexes: list[int]) -> None:
    builder = shown()
    data = build.canonical(builder.evidence(indexes))
    assert audit_evidence(data).findings == []
    assert audit_evidence(data).verdict == "self"
    assert audit_evidence(data, log_key=builder.vkey).verdict == "valid"
    assert audit_evidence(data, fingerprint=builder.fingerprint).verdict == "valid"
    assert causes(audit_evidence(data, fingerprint="0" * 64)) == [802]


def test_one_altered_octet_of_evidence_makes_it_invalid() -> None:
    builder = shown()
    data = build.canonical(builder.evidence([4]))
    for at in range(len(data)):
        octets = bytearray(data)
        octets[at] ^= 1 << at % 7
        try:
            report = audit_evidence(bytes(octets), fingerprint=builder.fingerprint)
        except UnknownVersion:
            continue
        assert report.verdict == "invalid", at


def test_evidence_that_is_incomplete_or_too_much() -> None:
    builder = shown()
    good = builder.evidence([4])

    def found(**others: object) -> list[int]:
        changed = {key: value for key, value in (good | others).items() if value}
        return causes(audit_evidence(build.canonical(changed)))

    assert found() == []
    assert found(governance=good["governance"][:-1]) == [903]
    assert found(governance=[good["governance"][0], good["governance"][2]]) in ([403], [903])
    assert found(entries=good["entries"][1:]) == [901]
    assert found(notes=None) == [507]
    assert found(notes=[*good["notes"], builder.checkpoint(1).decode()]) == [901]
    assert found(entries=[good["entries"][0] | {"shown": "yes"}, good["entries"][1]]) == [504]
    assert found(entries=[good["entries"][0], good["entries"][1] | {"shown": "no"}]) == [901]
    line = builder.evidence([3])["disclosures"][0]
    assert found(disclosures=[line, *good["disclosures"]]) == [901]


def test_what_is_shown_of_governance_stands_in_the_chain_up_to_a_later_log_key() -> None:
    builder = two_parties()
    rotated = charter_of("alpha", "beta", log_key=build.public_key("new log").hex())
    rotated |= {"amends": build.Made(builder.charter).id, "nonce": build.nonce("rotated")}
    del rotated["founding_key"]
    builder.submit("alpha", [build.Made(rotated)])
    builder.log_seed = "new log"
    chain = [json.loads(entry) for entry in builder.entries]
    latest = [each.hex() for each in build.inclusion_proof(builder.leaves, 3)]
    whole = builder.evidence([1]) | {"governance": chain, "latest": latest}
    without = whole | {"governance": [each for each in chain if each["index"] != 1]}

    assert causes(audit_evidence(build.canonical(whole))) == []
    assert causes(audit_evidence(build.canonical(without))) == [903]
