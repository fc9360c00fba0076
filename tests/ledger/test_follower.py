"""Following entry by entry: what may stand where, and what was kept and taken up again."""

from __future__ import annotations

import copy

import msgspec
import pytest

from ledger.follower import Follower, parse_follower
from tests.world import DAY_MS, ORIGIN, T0, Said, World, letter, public_hex, say, signing_key
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.errors import MalformedError, RuleError, VerifyError
from verify.events import event_id
from verify.kinds import Approval, Key, Opening
from verify.merkle import root_hash
from verify.submission import LedgerName, Seen


@pytest.fixture
def world() -> World:
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"))
    world.submit(letter("southfold"))
    return world


def unknown(event_id: bytes) -> int | None:
    """Know no event."""
    del event_id
    return None


def follow(world: World) -> Follower:
    follower = Follower(fingerprint=world.fingerprint or "", find_known=unknown)
    for entry in world.entries:
        follower.take(entry)
    follower.finish()
    return follower


def again(follower: Follower) -> Follower:
    known = dict(follower.fresh)
    return parse_follower(follower.format(), fingerprint=follower.fingerprint, find_known=known.get)


def id_at(world: World, index: int) -> str:
    return event_id(bytes(parse_entry(world.entries[index]).event)).hex()


def check_of(world: World) -> Check:
    with pytest.raises(RuleError) as caught:
        follow(world)
    return caught.value.check


def test_grows_the_tree_of_the_entries(world: World) -> None:
    follower = follow(world)

    assert root_hash(world.leaves) == follower.frontier.root()
    assert {bytes.fromhex(id_at(world, i)): i for i in range(6)} == follower.fresh


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_goes_on_from_what_was_kept(world: World, size: int) -> None:
    whole = follow(world)
    part = World(entries=world.entries[:size])
    taken_up = again(follow(part))
    for entry in world.entries[size:]:
        taken_up.take(entry)

    assert (whole.state, whole.prev, whole.rules) == (taken_up.state, taken_up.prev, taken_up.rules)
    assert whole.frontier.nodes == taken_up.frontier.nodes
    assert whole.format() == taken_up.format()


@pytest.mark.parametrize(
    ("index", "change", "check"),
    [
        (3, {"index": 4}, Check.INDEX),
        (3, {"prev": "0" * 64}, Check.PREV),
        (3, {"prev": None}, Check.PREV),
        (3, {"rules": "0" * 64}, Check.RULES_REF),
        (3, {"rules": None}, Check.POSITION),
        (3, {"recorded": 1}, Check.RECORDED),
        (4, {"recorded": 2_000_000_000_000}, Check.RECORDED),
        (4, {"position": 2}, Check.POSITION),
        (5, {"signature": "0" * 128}, Check.SIGNATURE),
        (5, {"signature": None}, Check.POSITION),
        (0, {"recorded": 1}, Check.FINGERPRINT),
    ],
)
def test_refuses_what_may_not_stand_there(
    world: World, index: int, change: dict[str, object], check: Check
) -> None:
    entry = parse_entry(world.entries[index])
    fingerprint = world.fingerprint or ""
    follower = Follower(fingerprint=fingerprint, find_known=unknown)
    for data in world.entries[:index]:
        follower.take(data)
    altered = encode(msgspec.structs.replace(entry, **change))

    with pytest.raises(RuleError) as caught:
        follower.take(altered)

    assert check == caught.value.check


def test_refuses_a_submission_that_begins_within_another(world: World) -> None:
    del world.entries[4]
    following = Follower(fingerprint=world.fingerprint or "", find_known=unknown)
    for entry in world.entries[:4]:
        following.take(entry)

    with pytest.raises(RuleError) as caught:
        following.finish()

    assert Check.POSITION == caught.value.check


def test_refuses_an_event_twice(world: World) -> None:
    one = letter("northmere")
    world.submit(one)
    world.submit(one)

    assert Check.REPEATED == check_of(world)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"expires": T0}, Check.EXPIRES),
        ({"expires": T0 + 32 * DAY_MS}, Check.EXPIRES),
        ({"ledger": LedgerName(origin=ORIGIN, charter="77" * 32)}, Check.LEDGER),
        ({"ledger": LedgerName(origin="ledger.example/x", charter=None)}, Check.LEDGER),
        ({"seen": Seen(note="77" * 32, root="77" * 32, size=7)}, Check.SEEN),
    ],
)
def test_refuses_what_its_author_did_not_sign_for_this_time_and_place(
    world: World, change: dict[str, object], check: Check
) -> None:
    """An operator can keep a statement, and record it later, or in another ledger."""
    world.submit(letter("northmere"), letter("northmere"), **change)  # type: ignore[arg-type]  # any field

    assert check == check_of(world)


def test_refuses_governance_with_company(world: World) -> None:
    handing = say(Opening, "northmere", None, of=id_at(world, 3), names=("title",))
    for company in (letter("northmere"), handing):
        other = copy.deepcopy(world)
        other.submit(company, other.enrolment("westfold"))

        assert Check.ALONE == check_of(other)


def test_refuses_what_begins_with_no_charter() -> None:
    world = World()
    world.submit(letter("northmere"))

    assert Check.CHARTER == check_of(world)


def test_refuses_governance_by_who_may_not(world: World) -> None:
    world.submit(world.enrolment("westfold", by="southfold"))

    assert Check.ENROLMENT == check_of(world)


def test_refuses_a_key_that_has_ended(world: World) -> None:
    key = public_hex(signing_key("southfold"))
    world.submit(say(Key, "southfold", None, verb="revoke", party="southfold", key=key))
    follow(world)
    world.submit(letter("southfold"))

    assert Check.KEY == check_of(world)


def test_refuses_what_follows_the_closing(world: World) -> None:
    assert world.charter is not None
    closing = msgspec.structs.replace(
        world.charter, amends=id_at(world, 0), founding_key=None, state="closed", nonce="a" * 32
    )
    world.submit(Said(closing))
    follow(world)
    world.submit(letter("southfold"))

    assert Check.CLOSED == check_of(world)


def test_a_recovery_takes_effect_after_its_days_and_is_remembered(world: World) -> None:
    new = signing_key("southfold, again")
    recovery = world.enrolment("southfold", by="northmere", verb="recover", key=new)
    world.submit(recovery)
    pending = again(follow(world))
    assert pending.state is not None
    assert "pending" == pending.state.keys[public_hex(new)].status

    world.now += 15 * DAY_MS
    world.submit(letter("northmere"))
    world.submit(letter("southfold"), key=new)
    followed = follow(world)

    for recovered in (followed, again(followed)):
        assert recovered.state is not None
        assert ("active", "ended") == (
            recovered.state.keys[public_hex(new)].status,
            recovered.state.keys[public_hex(signing_key("southfold"))].status,
        )


def test_an_approval_of_nothing_is_refused_and_of_something_found(world: World) -> None:
    world.submit(say(Approval, "northmere", None, of=id_at(world, 3)))

    assert Check.APPROVAL == check_of(world)


def test_refuses_what_was_kept_of_another_ledger(world: World) -> None:
    follower = follow(world)

    with pytest.raises(MalformedError):
        parse_follower(follower.format(), fingerprint="0" * 64, find_known=unknown)


def test_refuses_governance_that_was_kept_without_its_statement(world: World) -> None:
    follower = follow(world)
    last = [*follower._turnings.values()][-1]
    inner = msgspec.structs.replace(last, first=4, entry=world.entries[4].decode())
    follower._turnings[inner.first] = inner

    with pytest.raises(RuleError) as caught:
        again(follower)

    assert Check.POSITION == caught.value.check


def test_refuses_what_was_kept_and_altered(world: World) -> None:
    data = follow(world).format()
    for cut in range(0, len(data), 97):
        with pytest.raises(VerifyError):
            parse_follower(data[:cut], fingerprint=world.fingerprint or "", find_known=unknown)
