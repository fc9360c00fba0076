"""The second verifier's state: what parties may, and when it takes effect."""

from typing import Any

import pytest

from tests import build_reference as build
from tests.reference import audit_export, rules
from tests.reference_cases import DAY_MS, causes, charter_of, join, meeting, note_of, two_parties


def approve(author: str, made: build.Made) -> build.Made:
    return build.Made(build.event(author, "approval/v1", f"{author} {made.id}", of=made.id))


def outcome(
    builder: build.Builder, charter: dict[str, Any] | None = None, **others: object
) -> list[int]:
    return causes(audit_export(builder.export(charter, **others)))


def test_a_second_party_enrols_and_joins() -> None:
    builder = two_parties()
    builder.submit("beta", [note_of("beta", "n")])
    assert outcome(builder) == []
    builder.submit("beta", [join(builder, "beta", "leave")])
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "after")])
    assert outcome(builder) == [506]


def test_an_amendment_takes_effect_when_enough_have_signed() -> None:
    builder = two_parties(thresholds={"govern": 1, "recover": 1})
    changed = charter_of("alpha", "beta", thresholds={"govern": 2, "recover": 1})
    changed |= {"amends": build.Made(builder.charter).id, "nonce": build.nonce("a")}
    del changed["founding_key"]
    amendment = build.Made(changed)
    builder.submit("alpha", [amendment])
    rotated = charter_of("alpha", "beta", log_key=build.public_key("new log").hex())
    rotated |= {"author": "beta", "amends": amendment.id, "nonce": build.nonce("b")}
    del rotated["founding_key"]
    second = build.Made(rotated)
    builder.submit("beta", [second])
    assert outcome(builder) == []
    builder.submit("alpha", [approve("alpha", second)])
    assert outcome(builder) == [201, 103]
    builder.log_seed = "new log"
    assert outcome(builder, charter=rotated) == []
    builder.submit("beta", [approve("beta", second)])
    assert outcome(builder, charter=rotated) == [604]


def test_a_closed_ledger_admits_nothing() -> None:
    builder = build.Builder()
    closed = build.charter_event(
        state="closed", amends=build.Made(builder.charter).id, founding_key=None
    )
    closed["nonce"] = build.nonce("closed")
    builder.submit("alpha", [build.Made(closed)])
    assert outcome(builder) == []
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [610]


def test_a_recovery_waits() -> None:
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "recover", "beta", "beta 2")])
    builder.now += 14 * DAY_MS - 1_001
    builder.submit("beta", [note_of("beta", "old key")])
    assert outcome(builder) == []
    early = two_parties()
    early.submit("alpha", [early.key_event("alpha", "recover", "beta", "beta 2")])
    early.now += 14 * DAY_MS - 1_001
    early.submit("beta", [note_of("beta", "new key")], seed="beta 2")
    assert outcome(early) == [506]
    builder.submit("beta", [note_of("beta", "new key")], seed="beta 2")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "old key again")])
    assert outcome(builder) == [506]


def test_a_recovery_can_be_revoked_while_it_waits() -> None:
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "recover", "beta", "beta 2")])
    revoke = build.event("beta", "key/v1", "revoke", verb="revoke", party="beta")
    revoke["key"] = build.public_key("beta 2").hex()
    builder.submit("beta", [build.Made(revoke)])
    builder.now += 20 * DAY_MS
    builder.submit("beta", [note_of("beta", "n")])
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "m")], seed="beta 2")
    assert outcome(builder) == [506]


def test_keys_are_refused() -> None:
    for seed in ("alpha", "log"):
        builder = two_parties()
        builder.submit("beta", [builder.key_event("beta", "enrol", "beta", seed)])
        assert outcome(builder) == [603]
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "enrol", "beta", "beta 2")])
    assert outcome(builder) == [603]
    builder = two_parties()
    wrong = builder.key_event("beta", "enrol", "beta", "beta 2")
    wrong.event["powers"] = ["record"]
    builder.submit("beta", [wrong])
    assert outcome(builder) == [603]


def test_a_rotation_ends_the_key_it_replaces() -> None:
    builder = two_parties()
    old = build.public_key("beta").hex()
    builder.submit("beta", [builder.key_event("beta", "enrol", "beta", "beta 2", replaces=old)])
    builder.submit("beta", [note_of("beta", "n")], seed="beta 2")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "m")])
    assert outcome(builder) == [506]


def test_powers_bind() -> None:
    builder = two_parties()
    few = builder.key_event("beta", "enrol", "beta", "intake", powers=["intake"])
    builder.submit("beta", [few])
    post = build.event("beta", "communication/v1", "c", channel="email")
    builder.submit("beta", [build.Made(post)], seed="intake")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "n")], seed="intake")
    assert outcome(builder) == [510]


@pytest.mark.parametrize(
    ("check", "others"),
    [
        (501, {"ledger": {"charter": "0" * 64, "origin": build.ORIGIN}}),
        (501, {"ledger": {"origin": build.ORIGIN}}),
        (406, {"count": 2}),
        (504, {"root": "0" * 64}),
        (506, {"key": build.public_key("beta").hex(), "seed": "beta"}),
        (507, {"seen": {"note": "0" * 64, "root": "0" * 64, "size": 1}}),
        (507, {"seen": {"note": "0" * 64, "root": "0" * 64, "size": 9}}),
        (508, {"expires": build.START}),
        (508, {"expires": build.START + 32 * DAY_MS}),
        (511, {"expires": -1}),
    ],
)
def test_statements_are_refused(check: int, others: dict[str, Any]) -> None:
    builder = build.Builder()
    builder.submit("alpha", [note_of("alpha", "n")], **others)
    assert outcome(builder) == [check]


def test_events_that_do_not_fit_their_ledger_are_refused() -> None:
    made = build.make(meeting(), {"body": "b"})
    step = {"of": made.id, "target": "request", "verb": "chase"}
    wrong: list[tuple[int, dict[str, Any]]] = [
        (408, made.event),
        (605, meeting(links=[{"event": "0" * 64, "rel": "about"}])),
        (606, build.event("alpha", "step/v1", "s", **step)),
        (607, build.event("alpha", "opening/v1", "o", of=made.id, names=["body"])),
        (608, build.event("alpha", "erasure/v1", "e", of=made.id, names=["title"], ground="error")),
        (609, build.event("alpha", "hold/v1", "h", ends=made.id)),
        (604, build.event("alpha", "approval/v1", "v", of=made.id)),
        (602, build.event("alpha", "party/v1", "p", verb="join", charter="0" * 64)),
        (601, build.charter_event() | {"nonce": build.nonce("another")}),
    ]
    for check, event in wrong:
        builder = build.Builder()
        builder.submit("alpha", [made])
        builder.submit("alpha", [build.Made(event)])
        assert outcome(builder) == [check], event["kind"]
    builder = two_parties()
    builder.submit("alpha", [made])
    disown = build.event("beta", "position/v1", "d", on=made.id, stance="disown")
    builder.submit("beta", [build.Made(disown)])
    assert outcome(builder) == [611]


def test_a_governance_event_travels_alone() -> None:
    builder = two_parties()
    both = [join(builder, "beta", "leave"), note_of("beta", "n")]
    builder.submit("beta", both)
    assert outcome(builder) == [509]


def test_sealed_events_are_opened_once() -> None:
    builder = build.Builder()
    nested = build.make(meeting(), {"body": "b"})
    dates = {"opens_by": {"basis": "stated", "edtf": "2030-01-01"}}
    sealed = build.Made(build.event("alpha", "sealed/v1", "s", seals=nested.id, dates=dates))
    builder.submit("alpha", [sealed])
    assert outcome(builder) == []
    opening = build.event("alpha", "opening/v1", "o", of=sealed.id, event=nested.event)
    builder.submit("alpha", [build.Made(opening, nested.disclosures)])
    assert outcome(builder) == []
    about = meeting(links=[{"event": nested.id, "rel": "about"}], nonce=build.nonce("about"))
    builder.submit("alpha", [build.Made(about)])
    assert outcome(builder) == []
    builder.submit("alpha", [build.Made(opening | {"nonce": build.nonce("again")})])
    assert 607 in outcome(builder)


def erased(ground: str) -> tuple[build.Builder, build.Made, build.Made]:
    """Return a ledger whose entry 1 has lost a claim, that event, and an erasure of the claim."""
    builder = build.Builder()
    made = build.make(meeting(), {"body": "b", "title": "t"})
    builder.submit("alpha", [made])
    del builder.disclosures[1]["body"]
    fields = {"of": made.id, "names": ["body"], "ground": ground}
    return builder, made, build.Made(build.event("alpha", "erasure/v1", "e", **fields))


def test_an_erasure_waits_for_notice_and_for_holds() -> None:
    builder, made, erasure = erased("retention")
    builder.submit("alpha", [erasure])
    hold = build.Made(build.event("alpha", "hold/v1", "h", of=[made.id]))
    builder.submit("alpha", [hold])
    builder.now += 28 * DAY_MS
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [704]
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "end", ends=hold.id))])
    assert outcome(builder) == [704]
    builder.submit("alpha", [note_of("alpha", "m")])
    assert outcome(builder) == []


def test_an_erasure_in_effect_stays_whatever_is_held_later() -> None:
    builder, made, erasure = erased("retention")
    builder.submit("alpha", [erasure])
    builder.now += 28 * DAY_MS - 1_001
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [704]
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "h", of=[made.id]))])
    assert outcome(builder) == []
    builder.submit("alpha", [note_of("alpha", "m")])
    assert outcome(builder) == []


def test_an_order_waits_for_holds_only() -> None:
    builder, _, erasure = erased("court_order")
    builder.submit("alpha", [erasure])
    assert outcome(builder) == []
    builder, _, erasure = erased("court_order")
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "h", all="yes"))])
    builder.submit("alpha", [erasure])
    assert outcome(builder) == [704]


def test_a_claim_that_was_handed_over_may_not_be_missing() -> None:
    builder = build.Builder()
    made = build.make(meeting(withheld=["body"]), {"body": "b"})
    builder.submit("alpha", [made])
    kept = builder.disclosures.pop(1)
    assert outcome(builder) == []
    opening = build.event("alpha", "opening/v1", "o", of=made.id, names=["body"])
    builder.submit("alpha", [build.Made(opening)])
    assert outcome(builder) == [704]
    builder.disclosures[1] = kept
    assert outcome(builder) == []


def test_a_time_of_zero_is_compared() -> None:
    builder = build.Builder()
    builder.now = -1_000
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [404]


def propose(builder: build.Builder, author: str, verb: str, party: str, seed: str) -> build.Made:
    made = builder.key_event(author, verb, party, seed)
    builder.submit(author, [made])
    return made


def two_must_sign() -> tuple[build.Builder, dict[str, Any]]:
    """Return a ledger of two parties, both of whom must sign an enrolment, and its charter."""
    builder = two_parties()
    charter = charter_of("alpha", "beta", thresholds={"govern": 2, "recover": 1})
    charter |= {"amends": build.Made(builder.charter).id, "nonce": build.nonce("two")}
    del charter["founding_key"]
    builder.submit("alpha", [build.Made(charter)])
    return builder, charter


@pytest.mark.parametrize(("void", "author"), [(0, "alpha"), (1, "beta")])
def test_nobody_blocks_a_party_by_proposing_a_key(void: int, author: str) -> None:
    builder, charter = two_must_sign()
    rival = propose(builder, "beta", "enrol", "gamma", "rival")
    wrong = propose(builder, "alpha", "enrol", "gamma", "wrong")
    right = propose(builder, "alpha", "enrol", "gamma", "gamma")
    builder.submit("beta", [approve("beta", right)])
    builder.submit("gamma", [note_of("gamma", "n")])
    assert outcome(builder, charter) == []
    builder.submit(author, [approve(author, (rival, wrong)[void])])
    assert outcome(builder, charter) == [604]


def test_void_keys_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_KEYS", 2)
    builder, charter = two_must_sign()
    for number in range(4):
        propose(builder, "alpha", "enrol", "gamma", f"gamma {number}")
    propose(builder, "beta", "enrol", "gamma", "rival")
    assert outcome(builder, charter) == []
    builder, charter = two_must_sign()
    for seed in ("beta 2", "beta 3"):
        propose(builder, "beta", "enrol", "beta", seed)
    assert outcome(builder, charter) == [603]


def test_a_key_that_waits_counts_until_another_proposal_makes_it_void(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "MAX_KEYS", 1)
    builder, charter = two_must_sign()
    propose(builder, "alpha", "enrol", "gamma", "gamma 1")
    assert outcome(builder, charter) == []
    propose(builder, "alpha", "enrol", "gamma", "gamma 2")
    assert outcome(builder, charter) == [603]


def test_audiences() -> None:
    builder = two_parties()
    made = build.make(meeting(audience={"body": ["beta"]}), {"body": "b"})
    builder.submit("alpha", [made])
    assert outcome(builder) == [705]
    assert outcome(builder, audience="beta") == []
    assert outcome(builder, audience="alpha") == []
    builder.disclosures.clear()
    assert outcome(builder) == []
    assert outcome(builder, audience="beta") == [704]
