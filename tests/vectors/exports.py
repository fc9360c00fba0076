"""Vectors of exports."""

import json
from collections.abc import Callable
from random import Random

from tests.damage import ACCIDENTS, FORGERIES, canonical, forge, rechain, resign
from tests.moves import withholding
from tests.vectors.councils import id_of, proposal_vectors
from tests.vectors.events import having
from tests.vectors.policies import bracket_vectors, policy_vectors
from tests.vectors.spelling import REF, Vectors, spelled_files, to_accept, to_refuse
from tests.vectors.submissions import small_world
from tests.world import DAY_MS, Said, World, founding_charter, letter, public_hex, say, signing_key
from verify.claims import parse_disclosure
from verify.events import parse_event
from verify.kinds import Approval, Erasure, Hold, Key, Link, Opening, Position
from verify.merkle import leaf_hash, root_hash


def export_vectors() -> Vectors:
    world = small_world()
    files = world.export()
    yield to_accept("export", "five entries", spelled_files(files))
    yield to_accept("export", "one entry", spelled_files(World().found().export()))
    hidden = spelled_files({**files, ".git": b"x"})
    yield to_accept("export", "a hidden file at the top", hidden)
    cosigned = spelled_files({**files, "checkpoint": world.cosigned()})
    yield to_accept("export", "a cosigned checkpoint", cosigned)
    for number in range(24):
        chance = Random(number)
        name = sorted(ACCIDENTS)[number % len(ACCIDENTS)]
        damaged = dict(files)
        ACCIDENTS[name](damaged, chance)
        if damaged != files and not any(path.startswith(".") for path in damaged):
            yield to_refuse("export", f"accident {number}: {name}", spelled_files(damaged))
    for number in range(28):
        chance = Random(100 + number)
        name = sorted(FORGERIES)[number % len(FORGERIES)]
        forged = FORGERIES[name](world, chance)
        if forged.entries != world.entries and not _is_whole(world, forged):
            yield to_refuse("export", f"forgery {number}: {name}", spelled_files(forged.export()))
    for desc, size in (("0", 0), ("2^53 - 1", 2**53 - 1), ("one more", 6), ("one less", 4)):
        checkpoint = resign(world, size=size, root=root_hash(world.leaves[:size]))
        yield to_refuse("export", f"a checkpoint of size {desc}",
                       spelled_files({**files, "checkpoint": checkpoint}))  # fmt: skip
    yield from _ruled()
    yield from proposal_vectors()
    yield from _erased()
    yield from _timed()
    yield from policy_vectors()
    yield from bracket_vectors()
    yield from _of_another_version()


def _is_whole(world: World, forged: World) -> bool:
    """Say whether a forger left nothing but a shorter ledger."""
    return forged.entries == world.entries[: forged.size] and forged.size in {1, 2, 3}


def _ruled() -> Vectors:
    """Yield ledgers that break one rule of section 9 each."""
    link = (Link(event=REF, rel="about"),)
    rows: list[tuple[str, Callable[[World], object]]] = [
        ("a link forward", lambda w: w.submit(letter("northmere", links=link))),
        ("a stranger", lambda w: w.submit(letter("easthall"))),
        ("a joiner twice", lambda w: w.join("southfold")),
        ("a revoked key", _sign_with_a_revoked_key),
        ("an approval of nothing", lambda w: w.submit(say(Approval, "northmere", None, of=REF))),
        ("an expired statement", lambda w: w.submit(letter("northmere"), expires=w.now - 1)),
        ("an expiry too far off",
         lambda w: w.submit(letter("northmere"), expires=w.now + 31 * DAY_MS + 1)),
        ("an enrolment by a member that is no registrar",
         lambda w: w.submit(w.enrolment("easthall", by="southfold"))),
        ("a key that is the log's",
         lambda w: w.submit(w.enrolment("northmere", by="northmere", key=signing_key("log")))),
        ("two events of governance", lambda w: w.submit(
            w.enrolment("northmere", key=signing_key("n 2")),
            w.enrolment("northmere", key=signing_key("n 3")))),
        ("an amendment of the wrong charter",
         lambda w: w.submit(founding_charter("northmere", amends=REF, founding_key=None))),
        ("another's event retracted", lambda w: w.submit(
            say(Position, "southfold", None, on=_first_id(w), stance="retract_own"))),
    ]  # fmt: skip
    for desc, break_rule in rows:
        world = small_world()
        break_rule(world)
        yield to_refuse("export", desc, spelled_files(world.export()))
    linked = World()
    linked.submit(Said(parse_event(having(founding_charter("northmere").data, "links",
                                         [{"event": REF, "rel": "about"}]))))  # fmt: skip
    yield to_refuse("export", "a link in entry 0", spelled_files(linked.export()))
    unknown = World().found(spec="counterfoil/2")
    yield to_refuse("export", "another version", spelled_files(unknown.export()))
    reordered = small_world()
    entries = rechain([*reordered.entries[:3], reordered.entries[4]])
    yield to_refuse("export", "a submission cut", spelled_files(forge(reordered, entries).export()))


def _of_another_version() -> Vectors:
    """Yield ledgers whose charter became one of another version, damaged elsewhere [104]."""
    world = small_world()
    amended = founding_charter(
        "northmere", amends=id_of(world, 0), founding_key=None, spec="counterfoil/2"
    )
    at = world.submit(amended)
    world.submit(letter("northmere"))
    files = world.export()
    path = f"tile/0/000.p/{world.size}"
    for desc, index in (("its charter's", at), ("another", at + 1)):
        hashes = [files[path][start : start + 32] for start in range(0, 32 * world.size, 32)]
        hashes[index] = bytes(32)
        damaged = {**files, path: b"".join(hashes)}
        yield to_refuse("export", f"another version, and {desc} hash wrong in a tile",
                        spelled_files(damaged))  # fmt: skip


def _sign_with_a_revoked_key(world: World) -> None:
    key = public_hex(signing_key("southfold"))
    world.submit(say(Key, "southfold", None, verb="revoke", party="southfold", key=key))
    world.submit(letter("southfold"))


def _first_id(world: World) -> str:
    return leaf_hash(canonical(json.loads(world.entries[3])["event"])).hex()


def _erased() -> Vectors:
    """Yield ledgers that lack a disclosure (SPEC sections 9.8 and 11.3)."""
    hold, end, wait, then, erase, order, all_, other = (
        "a hold", "its end", "28 days", "an entry", "an erasure", "an order", "a hold on all",
        "a hold on another",
    )  # fmt: skip
    rows: list[tuple[bool, tuple[str, ...]]] = [
        (False, (erase,)),
        (False, (erase, wait)),
        (True, (erase, wait, then)),
        (True, (order,)),
        (False, (hold, order)),
        (False, (all_, order, then)),
        (True, (other, order)),
        (False, (hold, order, end)),
        (True, (hold, order, end, then)),
        (True, (order, hold)),
        (True, (erase, wait, then, hold)),
        (True, (erase, wait, hold)),
        (True, (erase, wait, all_, then)),
        (False, (erase, hold, wait, then)),
        (False, (erase, all_, wait, then)),
        (False, (erase, hold, wait, end)),
        (True, (erase, hold, wait, end, then)),
        (True, (hold, erase, end, wait, then, hold)),
        (False, (hold, end, hold, order, then)),
    ]
    for allowed, steps in rows:
        world = small_world()
        one = letter("northmere")
        at = world.submit(one)
        another = id_of(world, 3)
        held = ""
        for step in steps:
            if step == wait:
                world.now += 28 * DAY_MS
                continue
            said = letter("southfold")
            if step in {hold, other}:
                said = say(Hold, "northmere", None, of=(one.id if step == hold else another,))
            if step == all_:
                said = say(Hold, "northmere", None, all="yes")
            if step == end:
                said = say(Hold, "northmere", None, ends=held)
            if step in {erase, order}:
                ground = "retention" if step == erase else "court_order"
                said = say(Erasure, "northmere", None, of=one.id, names=("text",), ground=ground)
            world.submit(said)
            held = said.id if step in {hold, all_} else held
        world.disclosures[at] = _closed(one, "text")
        made = to_accept if allowed else to_refuse
        yield made("export", f"a claim erased: {', '.join(steps)}", spelled_files(world.export()))
    yield from _handed_over()


def _closed(said: Said, *names: str) -> tuple[str, ...]:
    return tuple(text for text in said.disclosures if parse_disclosure(text).name not in names)


def _handed_over() -> Vectors:
    for desc, opened, allowed in (
        ("withheld", False, True),
        ("handed over, and here", True, True),
        ("handed over, and not here", True, False),
        ("handed over, and erased", True, True),
        ("another one handed over", True, True),
    ):
        world = small_world()
        whole = letter("northmere")
        one, _ = withholding(whole, "person.1", "text")
        at = world.submit(one)
        names = ("text",) if desc.startswith("another") else ("person.1",)
        if opened:
            world.submit(say(Opening, "northmere", None, of=one.id, names=names))
            world.disclosures[at] = _closed(whole, *({"person.1", "text"} - {*names}))
        if not allowed or desc.endswith("erased"):
            world.disclosures[at] = one.disclosures
        if desc.endswith("erased"):
            world.submit(say(Erasure, "northmere", None, of=one.id, names=names,
                             ground="court_order"))  # fmt: skip
        made = to_accept if allowed else to_refuse
        yield made("export", f"a withheld claim: {desc}", spelled_files(world.export()))


def _timed() -> Vectors:
    """Yield ledgers recorded at 0, which is an instant like any other."""
    world = World(now=0).found()
    yield to_accept("export", "recorded at 0", spelled_files(world.export()))
    world.now = 0
    world.submit(letter("northmere"), letter("northmere"))
    yield to_accept("export", "recorded at 0 twice", spelled_files(world.export()))
    world.submit(letter("northmere"))
    world.now = 0
    world.submit(letter("northmere"))
    yield to_refuse("export", "recorded at 0 after 1000", spelled_files(world.export()))
    world = small_world()
    world.now = 0
    world.submit(letter("northmere"))
    yield to_refuse("export", "recorded at 0 at last", spelled_files(world.export()))
    world = small_world()
    world.submit(letter("northmere"), letter("northmere"))
    entries = [json.loads(entry) for entry in world.entries]
    entries[-1]["recorded"] = 0
    forged = forge(world, rechain([canonical(entry) for entry in entries]))
    yield to_refuse("export", "recorded at 0 within a submission", spelled_files(forged.export()))
