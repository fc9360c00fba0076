"""Ledgers of several councils: keys and charters that compete."""

import json

from tests.damage import canonical
from tests.vectors.spelling import Vectors, spelled_files, to_accept, to_refuse
from tests.world import (
    DAY_MS,
    Said,
    World,
    founding_charter,
    letter,
    public_hex,
    say,
    signing_key,
)
from verify.kinds import Approval, Charter, Membership, Thresholds
from verify.merkle import leaf_hash

COUNCILS = ("easthall", "northmere", "southfold")


def _councils(*, notice_days: int = 28) -> World:
    """Return a ledger of three registrars, two of whom must sign."""
    world = World().found(
        members=(*COUNCILS, "westbury"), registrars=COUNCILS, notice_days=notice_days
    )
    for party in ("southfold", "easthall"):
        world.enrol(party)
        world.join(party)
    amendment = _amendment(world, thresholds=Thresholds(govern=2, recover=2))
    world.submit(amendment)
    assert isinstance(amendment.event, Charter)
    world.charter = amendment.event
    return world


def _amendment(world: World, by: str = "northmere", **changes: object) -> Said:
    charter = max(
        (index for index, event in enumerate(world.events()) if event == world.charter),
    )
    fields: dict[str, object] = {
        "amends": id_of(world, charter),
        "founding_key": None,
        "members": (*COUNCILS, "westbury"),
        "registrars": COUNCILS,
        "thresholds": Thresholds(govern=2, recover=2),
    }
    return founding_charter(by, **{**fields, "controller": "northmere", **changes})


def id_of(world: World, index: int = -1) -> str:
    return leaf_hash(canonical(json.loads(world.entries[index])["event"])).hex()


def _key(world: World, by: str, key: str, party: str = "westbury", verb: str = "enrol") -> str:
    """Propose a key, and return the id of the proposal."""
    world.submit(world.enrolment(party, by=by, key=signing_key(key), verb=verb))
    return id_of(world)


def _approve(world: World, of: str, by: str = "easthall") -> None:
    world.submit(say(Approval, by, None, of=of))


def _write(world: World, key: str, party: str = "westbury") -> None:
    world.submit(letter(party), key=signing_key(key))


def proposal_vectors() -> Vectors:
    """Yield ledgers in which several proposals wait at once (SPEC sections 9.3 to 9.5)."""
    for play, ends in (
        (_competing_enrolments, 5),
        (_enrolled_again, 3),
        (_enrolled_and_recovered, 3),
        (_amended_again, 6),
        (_competing_recoveries, 5),
        (_recovered_again, 5),
        (_both_due, 4),
    ):
        for end in range(ends):
            world = _councils()
            desc, allowed = play(world, end)
            made = to_accept if allowed else to_refuse
            yield made("export", desc, spelled_files(world.export()))


def _competing_enrolments(world: World, end: int) -> tuple[str, bool]:
    rival = _key(world, "southfold", "w a")
    second = _key(world, "northmere", "w b")
    if end == 0:
        return "two registrars propose a key for one party", True
    if end == 1:
        _approve(world, rival)
        _write(world, "w a")
        return "the first of two proposed keys takes effect", True
    _approve(world, second)
    if end == 2:
        _write(world, "w b")
        return "the second of two proposed keys takes effect", True
    if end == 3:
        _write(world, "w a")
        return "a key whose rival took effect", False
    _approve(world, rival)
    return "an approval of an enrolment whose rival took effect", False


def _enrolled_again(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "southfold", "w a")
    second = _key(world, "southfold", "w b")
    if end == 0:
        _approve(world, second)
        _write(world, "w b")
        return "a registrar proposes another key instead", True
    if end == 1:
        _approve(world, first)
        return "an approval of an enrolment that its author replaced", False
    _key(world, "northmere", "w a")
    return "a void key proposed again", False


def _enrolled_and_recovered(world: World, end: int) -> tuple[str, bool]:
    _approve(world, _key(world, "southfold", "w a"))
    key = signing_key("w a")
    joined = say(Membership, "westbury", None, verb="join", charter=world.fingerprint)
    world.submit(joined, key=key)
    left = say(Membership, "westbury", None, verb="leave", charter=world.fingerprint)
    world.submit(left, key=key)
    recovery = _key(world, "southfold", "w b", verb="recover")
    _approve(world, _key(world, "northmere", "w c"))
    if end == 0:
        _write(world, "w c")
        return "an enrolment beside a recovery takes effect", True
    if end == 1:
        _approve(world, recovery)
        return "an approval of a recovery of a party enrolled since", False
    _key(world, "easthall", "w d")
    return "an enrolment of a party that has a key", False


def _amended_again(world: World, end: int) -> tuple[str, bool]:
    taken = public_hex(signing_key("next log"))
    world.submit(_amendment(world, waiting_days=5, log_key=taken))
    first = id_of(world)
    if end == 0:
        _key(world, "northmere", "next log")
        return "a key of a pending amendment enrolled", False
    world.submit(_amendment(world, by="southfold", waiting_days=6))
    other = id_of(world)
    world.submit(_amendment(world, waiting_days=7))
    last = id_of(world)
    if end == 1:
        _key(world, "northmere", "next log")
        return "a key of an amendment that its author replaced enrolled", True
    if end == 2:
        _approve(world, first)
        return "an approval of an amendment that its author replaced", False
    _approve(world, other if end == 3 else last)
    if end == 3:
        return "an amendment takes effect though another author made a later one", True
    if end == 4:
        return "the amendment that its author made instead takes effect", True
    _approve(world, other)
    return "an approval of an amendment whose rival took effect", False


def _competing_recoveries(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    second = _key(world, "easthall", "s b", "southfold", "recover")
    _approve(world, second, "northmere")
    if end == 0:
        _write(world, "southfold", "southfold")
        return "two members each propose a recovery", True
    world.now += 14 * DAY_MS
    if end == 1:
        _write(world, "s b", "southfold")
        return "the second of two recoveries takes effect", True
    if end == 2:
        _write(world, "s a", "southfold")
        return "a key of a recovery whose rival took effect", False
    if end == 3:
        _approve(world, first)
        return "an approval of a recovery whose rival took effect", False
    _write(world, "southfold", "southfold")
    return "a key that a recovery ended", False


def _recovered_again(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    if end > 2:
        _approve(world, first)
    second = _key(world, "northmere", "s b", "southfold", "recover")
    if end == 0:
        _approve(world, first)
        return "an approval of a recovery that its author replaced", False
    if end == 1:
        _approve(world, second)
        world.now += 14 * DAY_MS
        _write(world, "s b", "southfold")
        return "a member proposes another recovery instead", True
    world.now += 14 * DAY_MS
    if end == 2:
        _write(world, "s b", "southfold")
        return "a key of a recovery that nobody approved", False
    if end == 3:
        _write(world, "s a", "southfold")
        return "a key of an approved recovery that its author replaced", False
    _write(world, "southfold", "southfold")
    return "the old key after an approved recovery was replaced", True


def _both_due(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    second = _key(world, "easthall", "s b", "southfold", "recover")
    early, late = (first, second) if end < 2 else (second, first)
    _approve(world, early, "northmere" if early == second else "easthall")
    world.now += DAY_MS
    _approve(world, late, "northmere" if late == second else "easthall")
    world.now += 20 * DAY_MS
    key = "s a" if end in {0, 3} else "s b"
    _write(world, key, "southfold")
    which = "first" if end in {0, 2} else "second"
    order = "as proposed" if end < 2 else "not as proposed"
    desc = f"two recoveries due by one entry, {order}: the key of the one due {which}"
    return desc, which == "first"
