"""Exports that witnesses cosigned, under a policy of the reader or of the charter."""

import hashlib

from tests.vectors.councils import id_of
from tests.vectors.spelling import Vector, Vectors, spelled, spelled_files, to_accept, to_refuse
from tests.vectors.submissions import small_world
from tests.world import (
    World,
    cosign,
    founding_charter,
    letter,
    policy,
    witness,
)
from verify.note import format_note, parse_note
from verify.submission import Seen

_THREE = ("group three 2 w1 w2 w3", "quorum three")
_NESTED = ("group ab all w1 w2", "group all any ab w3", "quorum all")


def policy_vectors() -> Vectors:
    """Yield exports against a reader's policy."""
    world = small_world()
    files, note = world.export(), world.note()

    def given(checkpoint: bytes, applied: bytes) -> Vector:
        return {**spelled_files({**files, "checkpoint": checkpoint}), "policy": spelled(applied)}

    two = cosign(note, ("w1", 1_760_000_100), ("w3", 1_760_000_200))
    for desc, checkpoint, rest in (
        ("two of three", two, _THREE),
        ("one witness alone", two, ("quorum w3",)),
        ("none needed", note, ("quorum none",)),
        ("a group of groups by its other way", two, _NESTED),
        ("more than needed", cosign(two, ("w2", 1)), _THREE),
        ("a stranger beside", cosign(two, ("w9", 5)), _THREE),
        ("the last time there is", cosign(note, ("w1", 2**63 - 1), ("w2", 1)), _THREE),
    ):
        yield to_accept("export", f"a policy: {desc}", given(checkpoint, policy(*rest)))
    for desc, checkpoint, rest in (
        ("nobody cosigned", note, _THREE),
        ("one of three", cosign(note, ("w2", 5)), _THREE),
        ("one of three, twice", cosign(note, ("w2", 5), ("w2", 6)), _THREE),
        ("strangers cosigned", cosign(note, ("w8", 5), ("w9", 5)), _THREE),
        ("another than the one", two, ("quorum w2",)),
        ("half of a group of groups", cosign(note, ("w1", 5)), _NESTED),
        ("cosigned at another size", _moved(world, two), _THREE),
        ("a third whose line fails", _spoiled(cosign(two, ("w2", 5))), _THREE),
        ("a line that fails, and none needed", _spoiled(two), ("quorum none",)),
        ("a second line that fails", _spoiled(cosign(two, ("w1", 5))), _THREE),
        ("a cosignature at time 0", _retimed(two, bytes(8)), _THREE),
        ("a cosignature at time 2^63", _retimed(two, b"\x80" + bytes(7)), _THREE),
        ("a cosignature at another time", _retimed(two, bytes(7) + b"\x01"), _THREE),
        ("a cosignature cut short", _cut_short(two), _THREE),
    ):
        yield to_refuse("export", f"a policy: {desc}", given(checkpoint, policy(*rest)))
    other = policy("quorum none", log="another log")
    yield to_refuse("export", "a policy: of another log", given(note, other))


def _councils_cosigned(*, quorum: int = 2) -> World:
    """Return a ledger whose charter names three witnesses."""
    return World().found(witnesses=tuple(map(witness, ("w1", "w2", "w3"))), quorum=quorum)


def bracket_vectors() -> Vectors:
    """Yield ledgers whose `recorded` is, or is not, where cosignatures leave it: 300 s around."""
    for desc, early, late, is_fine in (
        ("cosigned at once", 0, 0, True),
        ("cosigned 300 s before", -300, -300, True),
        ("cosigned 301 s before", -301, -301, False),
        ("one of two 301 s before", -301, 0, True),
        ("cosigned a year later", 0, 31_536_000, True),
    ):
        world = _councils_cosigned()
        world.submit(letter("northmere"), letter("northmere"))
        at_s = (world.now - 1000) // 1000
        world.keep(cosign(world.note(), ("w1", at_s + early), ("w3", at_s + late)))
        world.submit(letter("northmere"))
        make = to_accept if is_fine else to_refuse
        yield make("export", f"recorded, then {desc}", spelled_files(world.export()))
    for desc, early, late, is_fine in (
        ("as it was cosigned", 0, 0, True),
        ("300 s before that was cosigned", 300, 300, True),
        ("301 s before that was cosigned", 301, 301, False),
        ("301 s before one of two cosigned it", 301, 0, True),
    ):
        for through in (False, True):
            world = _councils_cosigned()
            own = world.now // 1000
            note = cosign(world.note(), ("w1", own + early), ("w2", own + late))
            _submit_having_seen(world, note, size=1)
            if through:
                world.now -= 1000
                _submit_having_seen(world, world.note(), size=2)
            make = to_accept if is_fine else to_refuse
            way = ", by way of another's statement" if through else ""
            yield make("export", f"recorded {desc}{way}", spelled_files(world.export()))
    yield from _tolerance_made_smaller()
    yield from _weighed_otherwise()


def _tolerance_made_smaller() -> Vectors:
    """Yield ledgers whose tolerance becomes 60 s after a note that is 200 s ahead was named."""
    for desc, ahead_s, is_fine in (
        ("and a later one, by way of which it was seen", None, True),
        ("and one of its own that is 60 s ahead", 60, True),
        ("and one of its own that is 61 s ahead", 61, False),
    ):
        world = _councils_cosigned()
        at_s = world.now // 1000 + 200
        _submit_having_seen(world, cosign(world.note(), ("w1", at_s), ("w2", at_s)), size=1)
        charter = founding_charter(
            "northmere", amends=id_of(world, 0), founding_key=None, tolerance_s=60, quorum=2,
            witnesses=tuple(map(witness, ("w1", "w2", "w3"))),
        )  # fmt: skip
        world.submit(charter)
        world.charter = charter.event  # type: ignore[assignment]  # it is one
        note, at_s = world.note(), world.now // 1000
        if ahead_s is not None:
            note = cosign(note, ("w1", at_s + ahead_s), ("w3", at_s + ahead_s))
        _submit_having_seen(world, note, size=3)
        make = to_accept if is_fine else to_refuse
        whole = f"a smaller tolerance after an earlier note, {desc}"
        yield make("export", whole, spelled_files(world.export()))


def _submit_having_seen(world: World, note: bytes, *, size: int) -> None:
    world.keep(note)
    seen = Seen(note=hashlib.sha256(note).hexdigest(), root=world.root(size).hex(), size=size)
    world.submit(letter("northmere"), seen=seen)


def _weighed_otherwise() -> Vectors:
    """Yield ledgers of which it matters whose witnesses count, and which."""
    world = _councils_cosigned()
    world.submit(letter("northmere"))
    early = cosign(world.note(), ("w1", 5), ("w2", 5))
    world.keep(early)
    yield to_refuse("export", "cosigned in 1970", spelled_files(world.export()))
    applied = {"policy": spelled(policy("quorum none"))}
    yield to_accept("export", "cosigned in 1970, where nobody counts",
                    {**spelled_files(world.export()), **applied})  # fmt: skip
    world.notes.clear()
    world.keep(_spoiled(early))
    yield to_accept("export", "a kept note dates nothing by a line that fails",
                    spelled_files(world.export()))  # fmt: skip
    for names, times, is_fine in (("w1 w2", (5, 5), True), ("w1 w2", (5, 6), False)):
        world = _councils_cosigned(quorum=3)
        world.submit(letter("northmere"))
        for name, time in zip(names.split(), times, strict=True):
            world.keep(cosign(world.note(), (name, time)))
        if not is_fine:
            world.keep(cosign(world.note(), ("w3", 7)))
        make = to_accept if is_fine else to_refuse
        yield make("export", f"{len(world.notes)} of three in 1970, a note each",
                   spelled_files(world.export()))  # fmt: skip
    world = World().found()
    world.submit(letter("northmere"))
    world.keep(early := cosign(world.note(), ("w1", 5), ("w2", 5)))
    yield to_accept("export", "cosigned in 1970 by strangers", spelled_files(world.export()))
    late = cosign(world.note(), ("w1", 2**40), ("w3", 2**40))
    files = spelled_files({**world.export(), "checkpoint": late})
    yield to_refuse("export", "cosigned in 1970 by those of a policy",
                   {**files, "policy": spelled(policy(*_THREE))})  # fmt: skip
    one = {"policy": spelled(policy("quorum w3"))}
    yield to_accept("export", "cosigned in 1970 by others of a policy", {**files, **one})


def _moved(world: World, cosigned: bytes) -> bytes:
    """Return the checkpoint with lines that were made over another one."""
    older = cosign(world.note(world.size - 1), ("w1", 5), ("w2", 5))
    own, _ = parse_note(cosigned)
    text, lines = parse_note(world.note())
    assert own == text
    return format_note(text, [*lines, *parse_note(older).signatures[1:]])


def _spoiled(note: bytes) -> bytes:
    """Return a note with the last octet of its last signature changed."""
    text, lines = parse_note(note)
    payload = lines[-1].payload
    last = lines[-1]._replace(payload=payload[:-1] + bytes([payload[-1] ^ 1]))
    return format_note(text, [*lines[:-1], last])


def _retimed(note: bytes, time: bytes) -> bytes:
    text, lines = parse_note(note)
    last = lines[-1]._replace(payload=time + lines[-1].payload[8:])
    return format_note(text, [*lines[:-1], last])


def _cut_short(note: bytes) -> bytes:
    text, lines = parse_note(note)
    return format_note(text, [*lines[:-1], lines[-1]._replace(payload=lines[-1].payload[:-1])])
