"""Vectors of events."""

import json

from tests.damage import canonical
from tests.vectors.spelling import REF, Vectors, spelled, spellings, to_accept, to_refuse
from tests.world import (
    Said,
    World,
    file_of,
    founding_charter,
    letter,
    say,
)
from verify.kinds import (
    Account,
    Agreement,
    Approval,
    Arrangement,
    Artefact,
    Attestation,
    Commitment,
    Date,
    Discharge,
    Erasure,
    Hold,
    Knowledge,
    Link,
    Meeting,
    Membership,
    Opening,
    Position,
    Request,
    Sealed,
    Sentence,
    Step,
    Transfer,
)


def sample_events() -> dict[str, Said]:
    """Return a valid event of each kind."""
    opens_by = {"opens_by": Date(basis="stated", edtf="2027-01-01")}
    world = World().found()
    nested = letter("northmere")
    return {
        "charter": founding_charter("northmere"),
        "party": say(Membership, "northmere", None, verb="join", charter=REF),
        "key": world.enrolment("southfold"),
        "approval": say(Approval, "northmere", None, of=REF),
        "communication": letter("northmere", links=(Link(event=REF, rel="about"),)),
        "meeting": say(Meeting, "northmere", {"subject": "S"}, attendees=("unknown",), count=2),
        "artefact": say(Artefact, "northmere", {"file.1": file_of(b"x")}, type="letter"),
        "transfer": say(
            Transfer, "northmere", None, from_="northmere", to=("southfold",), rows=3,
            discharges=(
                Discharge(request=REF, items=((1, 2), (4, 4))),
                Discharge(request=REF, items=((7, 7),)),
            ),
        ),
        "request": say(
            Request, "northmere", None, what="data", medium="written", from_=("northmere",),
            to=("southfold",), categories=12, areas=("rutland",), areas_doubtful=("rutland",),
        ),
        "commitment": say(
            Commitment, "northmere", None, by="northmere", to=("southfold",), what="data"
        ),
        "agreement": say(Agreement, "northmere", None, type="terms"),
        "arrangement": say(Arrangement, "northmere", None, type="forum"),
        "step": say(
            Step, "northmere", None, of=REF, target="request", verb="answer", outcome="part",
            items=((1, 1), (3, 65535)),
        ),
        "knowledge": say(Knowledge, "northmere", None, knower="unknown", of=REF, mode="told"),
        "position": say(
            Position, "northmere", None, on=REF, stance="correct", field="claims.item.12"
        ),
        "account": say(Account, "northmere", None, sentences=(Sentence(number=2),)),
        "attestation": say(Attestation, "northmere", None, type="dkim", of=REF),
        "sealed": say(Sealed, "northmere", None, seals=REF, dates=opens_by),
        "opening": Said(say(Opening, "northmere", None, of=REF, event=nested.event).event),
        "erasure": say(
            Erasure, "northmere", None, of=REF, names=("item.1", "text"), ground="retention"
        ),
        "hold": say(Hold, "northmere", None, all="yes"),
    }  # fmt: skip


_WRONG: dict[str, list[tuple[str, object]]] = {
    "charter": [
        ("spec", "counterfoil/01"), ("spec", "counterfoil/"), ("state", "shut"), ("quorum", 1),
        ("quorum", 33), ("members", ["southfold", "northmere"]), ("members", []),
        ("registrars", ["southfolk"]), ("thresholds", {"govern": 2, "recover": 1}),
        ("thresholds", {"govern": 0, "recover": 1}), ("notice_days", 366), ("waiting_days", -1),
        ("tolerance_s", 86401), ("origin", "https://x"), ("origin", "a" * 201), ("origin", "x\n"),
        ("origin", "-x"), ("log_key", "AB" * 32), ("visibility", "all"), ("witnesses", []),
        ("witnesses", [{"algorithm": "ed25519", "key": "aa" * 1312, "name": "w"}]),
        ("witnesses", [{"algorithm": "ml-dsa-44", "key": "aa" * 32, "name": "w"}]),
        ("witnesses", [{"algorithm": "rsa", "key": "aa" * 32, "name": "w"}]),
        ("witnesses", [{"algorithm": "ed25519", "key": c * 64, "name": "w"} for c in "ab"]),
        ("witnesses", [{"algorithm": "ed25519", "key": "aa" * 32, "name": n} for n in "vw"]),
        ("founding_key", {"key": "aa" * 32, "powers": ["record", "govern"]}),
        ("founding_key", {"key": "aa" * 32, "powers": []}),
        ("founding_key", {"key": "aa" * 32, "powers": ["answer", "record"]}),
        ("predecessor", {"charter": REF, "root": REF, "size": 0}),
    ],
    "party": [("verb", "stay"), ("charter", "x"), ("charter", REF + "\n")],
    "key": [
        ("verb", "revoke"), ("verb", "rotate"), ("powers", ["record", "answer"]), ("powers", []),
        ("powers", ["answer", "answer"]), ("powers", ["admin"]), ("possession", "00" * 63),
        ("compromised_since", 1), ("post", "A"), ("post", ""), ("party", "a.b"), ("key", REF[1:]),
    ],
    "approval": [("of", None), ("of", ["x"]), ("of", REF.upper())],
    "communication": [
        ("author", "-northmere"), ("author", "northmere-"), ("author", "a" * 64), ("author", ""),
        ("author", "Northmere"), ("author", "northmere\n"), ("author", "nörthmere"),
        ("author", "unknown/x"), ("nonce", "00" * 15), ("nonce", "AA" * 16), ("nonce", "zz" * 16),
        ("kind", "communication/v2"), ("kind", "communication"), ("kind", "Communication/v1"),
        ("channel", "fax"), ("from", []), ("from", ["a", "a"]), ("to", ["a/b/c"]), ("to", ["a/"]),
        ("to", "southfold"), ("cc", ["x"] * 65), ("delivery", "yes"), ("links", []),
        ("links", [{"event": REF, "rel": "about"}] * 2), ("links", [{"event": REF, "rel": "like"}]),
        ("links", [{"event": REF, "rel": "about", "x": "y"}]), ("links", [{"rel": "about"}]),
        ("dates", {}), ("dates", {"sent": {"basis": "stated", "edtf": "203"}}),
        ("dates", {"sent": {"basis": "stated", "edtf": "2026-03-06\n"}}),
        ("dates", {"sent": {"basis": "guessed", "edtf": "2026"}}),
        ("dates", {"sent": {"edtf": "2026"}}), ("dates", {"when": {"basis": "stated"}}),
        ("authority", "claimed"), ("on_behalf_of", []), ("sealed", {}),
        ("sealed", {"text": "00" * 31}), ("sealed", {"text": "GG" * 32}),
        ("sealed", {"item.2": REF}), ("sealed", {"item.0": REF}), ("sealed", {"item.01": REF}),
        ("sealed", {"text.1": REF}), ("sealed", {"secret": REF}), ("sealed", {"phrase_x": REF}),
        ("sealed", {"item.10000": REF}), ("withheld", ["decision"]),
        ("withheld", ["title", "text"]), ("withheld", []), ("audience", {"text": []}),
        ("audience", {"text": ["b", "a"]}), ("audience", {"decision": ["a"]}), ("audience", {}),
        ("retain", {"text": "2026-1-1"}), ("retain", {"text": "2026-01-01\n"}),
        ("retain", {"order": "2026-01-01"}), ("cipher", {"order": REF}), ("cipher", {"text": "x"}),
    ],
    "meeting": [("count", 0), ("count", 65536), ("minutes", "maybe"), ("minutes", True),
                ("attendees", ["x", "x"]), ("apologies", ["x", "x"])],
    "artefact": [("type", "file"), ("custodian", ""), ("type", None)],
    "transfer": [
        ("to", []), ("rows", -1), ("rows", 1.5), ("from", ["a"]), ("geography", "town"),
        ("discharges", [{"request": REF}] * 2), ("discharges", [{"items": [[1, 1]]}]),
        ("discharges", [{"request": REF, "items": [[2, 1]]}]),
        ("discharges", [{"request": REF, "items": [[1, 2], [3, 4]]}]),
        ("discharges", [{"request": REF, "items": [[1, 2, 3]]}]),
        ("discharges", [{"request": REF, "items": [[0, 1]]}]),
        ("discharges", [{"request": REF, "items": [[1, 65536]]}]),
        ("discharges", [{"request": REF, "items": []}]),
    ],
    "request": [("categories", 0), ("categories", 4097), ("areas", ["x", "x"]), ("areas", None),
                ("regime", "foia"), ("what", "x"), ("to", [])],
    "commitment": [("what", "meal"), ("by", None), ("to", ["x", "x"])],
    "agreement": [("type", "x"), ("effective", "now"), ("signatories", ["x", "x"])],
    "arrangement": [("type", "x"), ("members", ["x", "x"])],
    "step": [("outcome", None), ("verb", "chase"), ("verb", "sign"), ("target", "agreement"),
             ("verb", ""), ("items", [[3, 4], [1, 1]]), ("version", 0), ("until_events", []),
             ("until_events", [REF, REF]), ("members", ["x", "x"]), ("to", ["x", "x"])],
    "knowledge": [("mode", "guessed"), ("directness", "x"), ("knower", "")],
    "position": [("field", "claims.item.0"), ("field", "dates"), ("field", "dates.when"),
                 ("field", "claims."), ("field", "claims.secret"), ("field", ""),
                 ("field", "happened\n"), ("stance", "maybe"), ("items", [[1, 1], [2, 2]])],
    "account": [("sentences", [{"number": 2}, {"number": 2}]), ("sentences", []),
                ("sentences", [{"number": 2}, {"number": 1}]), ("sentences", [{"number": 4097}]),
                ("sentences", [{"events": [REF, REF], "number": 1}]), ("to", ["x", "x"])],
    "attestation": [("of", None), ("size", 1), ("root", REF), ("type", "x")],
    "sealed": [("dates", None), ("dates", {"opens_by": {"basis": "stated", "edtf": "2027-01"}}),
               ("dates", {"sent": {"basis": "stated", "edtf": "2027-01-01"}}),
               ("sealed", {"text": REF}), ("links", [{"event": REF, "rel": "about"}]),
               ("on_behalf_of", ["x"])],
    "opening": [("names", ["text"]), ("event", None), ("sealed", {"text": REF}),
                ("event", {"kind": "x"})],
    "erasure": [("names", ["text", "item.1"]), ("names", []), ("names", ["secret"]),
                ("ground", "whim"), ("of", "x")],
    "hold": [("all", "no"), ("all", None), ("of", [REF]), ("ends", REF)],
}  # fmt: skip


def having(data: bytes, field: str, value: object) -> bytes:
    """Return an object's octets with one field changed; None takes it away."""
    changed = json.loads(data)
    changed.pop(field, None)
    if value is not None:
        changed[field] = value
    return canonical(changed)


def event_vectors() -> Vectors:
    samples = sample_events()
    for name, said in samples.items():
        yield to_accept("event", name, spelled(said.data))
    base = samples["communication"].data
    for desc, data in spellings(samples["party"].data):
        yield to_refuse("event", desc, spelled(data))
    for name, wrong in _WRONG.items():
        for field, value in wrong:
            shown = str(value)[:40]
            data = having(samples[name].data, field, value)
            yield to_refuse("event", f"{name}: {field} = {shown}", spelled(data))
    for name in ("charter", "party", "key", "approval", "sealed", "opening"):
        data = having(samples["opening"].data, "event", json.loads(samples[name].data))
        yield to_refuse("event", f"an opening of {name}", spelled(data))
    long = having(base, "sealed", {f"item.{n}": REF for n in range(1, 381)})
    yield to_accept("event", "380 sealed claims", spelled(long))
    padded = having(long, "to", [f"{n:05d}{'x' * 57}" for n in range(64)])
    yield to_refuse("event", "longer than 32,768 octets", spelled(padded))
    named = [f"{n:05d}" for n in range(1025)]
    yield to_refuse(
        "event", "1,025 parties in an audience", spelled(having(base, "audience", {"text": named}))
    )
