"""Charter, members, keys, recoveries and approvals (SPEC sections 9.1 to 9.6)."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from msgspec.structs import replace
from msgspec.structs import replace as altered

from tests.world import (
    DAY_MS,
    ORIGIN,
    T0,
    Said,
    World,
    founding_charter,
    letter,
    public_hex,
    say,
    signing_key,
)
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.errors import RuleError
from verify.events import event_id
from verify.kinds import (
    Approval,
    Charter,
    FoundingKey,
    Key,
    Link,
    Membership,
    Power,
    Predecessor,
    Thresholds,
    Witness,
)
from verify.report import Report
from verify.rules import admit, candidate_of
from verify.source import MappingSource
from verify.state import MAX_KEYS, PartyKey, State, UnknownVersionError, check_version
from verify.submission import LedgerName, Seen

POWERS: tuple[Power, ...] = ("answer", "govern", "record", "undertake")
SMALL_ORDER = "ec" + "ff" * 30 + "7f"


def report_of(world: World) -> Report:
    return audit(MappingSource(world.export()))


def refusal(world: World) -> tuple[Check, str]:
    """Return the check and the place of the one thing that is wrong, which is at the end."""
    (finding,) = report_of(world).findings

    assert world.submissions[-1][0] == finding.index
    return finding.check, finding.where


def accepted(world: World) -> bool:
    return report_of(world).findings == ()


def two() -> World:
    """Return a ledger of two members that both may record."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    return world


def three(govern: int = 2, recover: int = 2) -> World:
    """Return a ledger of three members, two of them registrars."""
    parties = ("easthall", "northmere", "southfold", "westbury")
    world = World().found(members=parties, registrars=("northmere", "southfold"))
    for party in ("southfold", "easthall"):
        world.enrol(party)
        world.join(party)
    amend(world, thresholds=Thresholds(govern=govern, recover=recover))
    return world


def branch(world: World) -> World:
    """Return a copy, in which something else can happen."""
    return deepcopy(world)


def amendment(world: World, by: str = "northmere", **changes: object) -> Said:
    assert world.charter is not None
    fields = {name: getattr(world.charter, name) for name in world.charter.__struct_fields__}
    for name in ("author", "nonce", "founding_key", "sealed"):
        fields.pop(name)
    fields["amends"] = event_id(encode(world.charter)).hex()
    return say(Charter, by, None, **{**fields, **changes})


def amend(world: World, **changes: object) -> Said:
    """Record an amendment that takes effect at its own entry."""
    said = amendment(world, **changes)  # type: ignore[arg-type]  # any field
    world.submit(said)
    took_effect(world, said)
    return said


def took_effect(world: World, said: Said) -> None:
    assert isinstance(said.event, Charter)
    world.charter = said.event


def approve(world: World, by: str, said: Said) -> int:
    return world.submit(say(Approval, by, None, of=said.id))


def revoke(world: World, party: str, name: str | None = None, **fields: object) -> int:
    key = public_hex(signing_key(name or party))
    return world.submit(say(Key, party, None, verb="revoke", party=party, key=key), **fields)  # type: ignore[arg-type]  # any field


def recovery(world: World, party: str, by: str, name: str = "new") -> Said:
    return world.enrolment(party, by=by, key=signing_key(name), verb="recover")


# Entry 0


ENTRY_0: list[tuple[str, dict[str, object], tuple[Check, str]]] = [
    ("another founding key", {"founding_key": FoundingKey(key="01" * 32, powers=POWERS)},
     (Check.CHARTER, "event.founding_key")),
    ("no founding key", {"founding_key": None}, (Check.CHARTER, "event.founding_key")),
    ("a closed charter", {"state": "closed"}, (Check.CHARTER, "event")),
    ("an author who is no registrar", {"registrars": ("southfold",)},
     (Check.CHARTER, "event.registrars")),
    ("a log key of small order", {"log_key": SMALL_ORDER},
     (Check.CHARTER, "event.log_key or witnesses")),
    ("the founding key as log key", {"log_key": public_hex(signing_key("northmere"))},
     (Check.CHARTER, "event")),
    ("the log key as witness key",
     {"witnesses": (Witness(algorithm="ed25519", key=public_hex(signing_key("log")), name="w"),)},
     (Check.CHARTER, "event")),
    ("an amended charter", {"amends": "00" * 32}, (Check.REFERENCE, "events[0].amends")),
    ("a link", {"links": (Link(event="00" * 32, rel="about"),)},
     (Check.REFERENCE, "events[0].links[0].event")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in ENTRY_0],
                         ids=[row[0] for row in ENTRY_0])  # fmt: skip
def test_entry_0_is_refused_with(changes: dict[str, object], expected: tuple[Check, str]) -> None:
    world = World().found(**changes)  # type: ignore[arg-type]  # any field

    assert expected == refusal(world)


@pytest.mark.parametrize("founder", ["public", "unknown"])
def test_a_reserved_word_founds_no_ledger(founder: str) -> None:
    world = World().found(founder)

    assert (Check.ENROLMENT, "event.party") == refusal(world)


def test_entry_0_is_a_charter() -> None:
    world = World(charter=founding_charter("northmere").event)  # type: ignore[arg-type]  # a Charter
    world.submit(letter("northmere"))

    assert (Check.CHARTER, "event.kind") == refusal(world)


def test_entry_0_names_no_fingerprint_and_saw_nothing_and_is_alone() -> None:
    said = founding_charter("northmere")
    seen = Seen(note="00" * 32, root="00" * 32, size=1)
    named = World()
    named.submit(said, ledger=LedgerName(origin=ORIGIN, charter="00" * 32))
    saw = World()
    saw.submit(said, seen=seen)
    together = World()
    together.submit(said, letter("northmere"))

    assert (Check.LEDGER, "statement.ledger") == refusal(named)
    assert Check.SEEN == report_of(saw).findings[0].check
    assert Check.ALONE == report_of(together).findings[0].check


def test_another_version_stops_the_audit() -> None:
    later = amendment(two(), spec="counterfoil/2")
    for world, said in (
        (World(), founding_charter("northmere", spec="counterfoil/9")),
        (two(), later),
    ):
        if world.size:
            said = amendment(world, spec="counterfoil/2")  # noqa: PLW2901 (of this world's charter)
        world.submit(said)
        with pytest.raises(UnknownVersionError) as caught:
            report_of(world)

        assert Check.VERSION == caught.value.check


def test_another_version_in_an_entry_that_is_wrong_is_a_finding() -> None:
    world = World()
    world.submit(founding_charter("northmere", spec="counterfoil/2", log_key=SMALL_ORDER))

    assert (Check.CHARTER, "event.log_key or witnesses") == refusal(world)

    altered_tile = World().found(spec="counterfoil/2").export()
    altered_tile["tile/0/000.p/1"] = bytes(32)

    assert "invalid" == audit(MappingSource(altered_tile)).verdict
    assert check_version(two().charter) is None  # type: ignore[arg-type,func-returns-value]  # there


# Amendments


def test_an_amendment_takes_effect_when_enough_registrars_signed_or_approved() -> None:
    world = three()
    said = amendment(world, notice_days=1)
    world.submit(said)

    assert accepted(world)

    approve(world, "southfold", said)
    took_effect(world, said)

    assert accepted(world)


def test_an_amendment_voids_those_that_compete_with_it() -> None:
    world = three()
    one, other = amendment(world, notice_days=1), amendment(world, by="southfold", notice_days=2)
    world.submit(one)
    world.submit(other)
    approve(world, "southfold", one)
    took_effect(world, one)

    assert accepted(world)

    approve(world, "northmere", other)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)


def test_an_amendment_counts_those_who_are_registrars_when_it_is_approved() -> None:
    world = three()
    said = amendment(world, notice_days=1)
    world.submit(said)
    world.submit(say(Membership, "northmere", None, verb="leave", charter=world.fingerprint))
    approve(world, "southfold", said)

    assert accepted(world)  # and the charter in force is the old one: the policy agrees


AMENDMENTS: list[tuple[str, dict[str, object], str]] = [
    ("amends what is not in force", {"amends": None}, "events[0].amends"),
    ("has a founding key",
     {"founding_key": FoundingKey(key="01" * 32, powers=POWERS)}, "events[0].founding_key"),
    ("has another origin", {"origin": "elsewhere"}, "events[0].origin"),
    ("invents a predecessor",
     {"predecessor": Predecessor(charter="00" * 32, root="00" * 32, size=1)},
     "events[0].predecessor"),
    ("takes a party's key", {"log_key": public_hex(signing_key("southfold"))}, "events[0]"),
    ("has a log key of small order", {"log_key": SMALL_ORDER}, "events[0].log_key or witnesses"),
    ("has one key twice",
     {"witnesses": (Witness(algorithm="ed25519", key=public_hex(signing_key("log")), name="w"),)},
     "events[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "where"), [row[1:] for row in AMENDMENTS],
                         ids=[row[0] for row in AMENDMENTS])  # fmt: skip
def test_an_amendment_is_refused_that(changes: dict[str, object], where: str) -> None:
    world = two()
    world.submit(amendment(world, **changes))  # type: ignore[arg-type]  # any field

    assert (Check.CHARTER, where) == refusal(world)


def test_an_amendment_keeps_the_predecessor() -> None:
    world = World().found(predecessor=Predecessor(charter="00" * 32, root="00" * 32, size=1))
    world.submit(amendment(world, predecessor=None))

    assert (Check.CHARTER, "events[0].predecessor") == refusal(world)


def test_an_amendment_is_a_registrars() -> None:
    world = two()
    world.submit(amendment(world, by="southfold"))

    assert (Check.CHARTER, "events[0].author") == refusal(world)


def test_roles_are_never_exchanged_and_what_is_past_does_not_return() -> None:
    witness = Witness(algorithm="ed25519", key=public_hex(signing_key("w1")), name="w1")
    world = World().found(witnesses=(witness,))
    old, new = public_hex(signing_key("log")), public_hex(signing_key("log 2"))
    index = world.size
    amend(world, log_key=new)
    world.log_keys.append((index + 1, signing_key("log 2")))

    assert accepted(world)

    rows: list[dict[str, object]] = [
        {"log_key": old},
        {"log_key": witness.key, "witnesses": None},
        {"witnesses": (replace(witness, key=new),), "log_key": public_hex(signing_key("l3"))},
        {"witnesses": (replace(witness, key=old),)},
    ]
    for changes in rows:
        later = branch(world)
        later.submit(amendment(later, **changes))  # type: ignore[arg-type]  # any field

        assert Check.CHARTER == refusal(later)[0]


def test_nothing_is_admitted_once_the_charter_is_closed() -> None:
    world = two()
    amend(world, state="closed")

    assert accepted(world)

    world.submit(letter("northmere"))

    assert (Check.CLOSED, "statement.ledger") == refusal(world)


# Members


MEMBERSHIPS: list[tuple[str, Callable[[World], object], str]] = [
    ("joins twice", lambda w: w.join("southfold"), "events[0].verb"),
    ("is not named", lambda w: (w.enrol("easthall"), w.join("easthall")), "events[0].author"),
    ("names another ledger", lambda w: w.submit(
        say(Membership, "southfold", None, verb="leave", charter="00" * 32)), "events[0].charter"),
    ("leaves without being a member", lambda w: (w.enrol("easthall"), w.submit(
        say(Membership, "easthall", None, verb="leave", charter=w.fingerprint))), "events[0].verb"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "where"), [row[1:] for row in MEMBERSHIPS],
                         ids=[row[0] for row in MEMBERSHIPS])  # fmt: skip
def test_a_party_is_refused_that(act: Callable[[World], object], where: str) -> None:
    world = two()
    act(world)

    assert (Check.PARTY, where) == refusal(world)


def test_a_party_that_left_signs_no_more_and_comes_back_with_a_new_key() -> None:
    world = two()
    world.enrol("southfold", by="southfold", key=signing_key("second"))
    world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))
    gone = branch(world)
    gone.submit(letter("southfold"))

    assert (Check.KEY, "statement.key") == refusal(gone)

    world.enrol("southfold", key=signing_key("third"))
    join = say(Membership, "southfold", None, verb="join", charter=world.fingerprint)
    world.submit(join, key=signing_key("third"))

    assert accepted(world)


def test_a_party_that_left_and_lost_its_next_key_is_recovered_and_not_enrolled() -> None:
    world = two()
    world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))
    world.enrol("southfold", key=signing_key("third"))
    revoke(world, "southfold", "third", key=signing_key("third"))

    assert accepted(world)

    world.enrol("southfold", key=signing_key("fourth"))

    assert (Check.ENROLMENT, "events[0].party") == refusal(world)


def test_leaving_takes_pending_keys_and_recoveries_along() -> None:
    world = three()
    said = recovery(world, "easthall", "northmere")
    world.submit(said)
    world.submit(say(Membership, "easthall", None, verb="leave", charter=world.fingerprint))

    assert accepted(world)

    approve(world, "southfold", said)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)


# Keys


def held(world: World, by: str, party: str, **fields: object) -> Said:
    return world.enrolment(party, by=by, **fields)  # type: ignore[arg-type]  # any field


ENROLMENTS: list[tuple[str, Callable[[World], Said], str]] = [
    ("is a party's", lambda w: held(w, "northmere", "easthall", key=signing_key("southfold")),
     "key"),
    ("is the log's", lambda w: held(w, "northmere", "easthall", key=signing_key("log")), "key"),
    ("is for a reserved word", lambda w: held(w, "northmere", "public"), "party"),
    ("is for a party that has one",
     lambda w: held(w, "northmere", "southfold", key=signing_key("s 2")), "party"),
    ("is vouched for by no registrar", lambda w: held(w, "southfold", "easthall"), "author"),
    ("is vouched for and replaces another",
     lambda w: held(w, "northmere", "easthall", replaces="00" * 32), "replaces"),
    ("replaces a key that is not there", lambda w: held(
        w, "southfold", "southfold", key=signing_key("s 2"), replaces="00" * 32), "replaces"),
    ("replaces itself", lambda w: held(
        w, "southfold", "southfold", key=signing_key("s 2"),
        replaces=public_hex(signing_key("s 2"))), "replaces"),
    ("replaces another party's", lambda w: held(
        w, "southfold", "southfold", key=signing_key("s 2"),
        replaces=public_hex(signing_key("northmere"))), "replaces"),
    ("was not possessed", lambda w: Said(
        replace(held(w, "northmere", "easthall").event, possession="00" * 64)), "possession"),
    ("was possessed for another post", lambda w: Said(
        replace(held(w, "northmere", "easthall").event, post="archive")), "possession"),
    ("is of small order", lambda w: Said(
        replace(held(w, "northmere", "easthall").event, key=SMALL_ORDER)), "key"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "where"), [row[1:] for row in ENROLMENTS],
                         ids=[row[0] for row in ENROLMENTS])  # fmt: skip
def test_a_key_is_refused_that(make: Callable[[World], Said], where: str) -> None:
    world = two()
    world.submit(make(world))

    assert (Check.ENROLMENT, f"events[0].{where}") == refusal(world)


def test_a_key_of_a_pending_amendment_is_nobodys() -> None:
    world = three()
    world.submit(amendment(world, log_key=public_hex(signing_key("westbury"))))
    world.enrol("westbury")

    assert (Check.ENROLMENT, "events[0].key") == refusal(world)


def test_a_rotation_ends_the_key_that_it_replaces() -> None:
    world = two()
    old = public_hex(signing_key("southfold"))
    world.enrol("southfold", by="southfold", key=signing_key("s 2"), replaces=old)
    world.submit(letter("southfold"), key=signing_key("s 2"))

    assert accepted(world)

    world.submit(letter("southfold"))

    assert (Check.KEY, "statement.key") == refusal(world)


def test_a_vouched_key_waits_for_enough_registrars() -> None:
    world = three()
    said = world.enrolment("westbury")
    world.submit(said)
    early = branch(world)
    early.submit(letter("westbury"))

    assert (Check.KEY, "statement.key") == refusal(early)

    approve(world, "southfold", said)
    world.submit(letter("westbury"))

    assert accepted(world)


def test_a_party_revokes_its_own_keys_and_nobody_elses() -> None:
    world = two()
    key = public_hex(signing_key("southfold"))
    others = say(Key, "northmere", None, verb="revoke", party="southfold", key=key)
    unknown = say(Key, "northmere", None, verb="revoke", party="northmere", key=key)
    future = say(Key, "southfold", None, verb="revoke", party="southfold", key=key,
                 compromised_since=world.size + 1)  # fmt: skip
    rows = ((others, "party"), (unknown, "key"), (future, "compromised_since"))
    for said, where in rows:
        later = branch(world)
        later.submit(said)

        assert (Check.ENROLMENT, f"events[0].{where}") == refusal(later)

    present = say(Key, "southfold", None, verb="revoke", party="southfold", key=key,
                  compromised_since=world.size)  # fmt: skip
    world.submit(present)

    assert accepted(world)


# Recoveries


def test_a_recovery_takes_effect_after_its_days_and_ends_the_other_keys() -> None:
    world = three()
    said = recovery(world, "easthall", "northmere")
    world.submit(said)
    completed = world.now
    approve(world, "southfold", said)
    world.now = completed + 14 * DAY_MS - 1
    early = branch(world)
    early.submit(letter("easthall"), key=signing_key("new"))

    assert (Check.KEY, "statement.key") == refusal(early)

    world.now = completed + 14 * DAY_MS
    world.submit(letter("easthall"), key=signing_key("new"))

    assert accepted(world)

    world.submit(letter("easthall"))

    assert (Check.KEY, "statement.key") == refusal(world)


def test_a_recovery_can_be_revoked_until_it_takes_effect() -> None:
    world = three()
    said = recovery(world, "easthall", "northmere")
    world.submit(said)
    approve(world, "southfold", said)
    revoke(world, "easthall", "new")
    world.now += 30 * DAY_MS
    world.submit(letter("easthall"))

    assert accepted(world)

    world.submit(letter("easthall"), key=signing_key("new"))

    assert (Check.KEY, "statement.key") == refusal(world)


RECOVERIES: list[tuple[str, Callable[[World], Said], str]] = [
    ("by itself", lambda w: recovery(w, "easthall", "easthall"), "author"),
    ("without ever having had a key", lambda w: recovery(w, "westbury", "northmere"), "party"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "where"), [row[1:] for row in RECOVERIES],
                         ids=[row[0] for row in RECOVERIES])  # fmt: skip
def test_nobody_is_recovered(make: Callable[[World], Said], where: str) -> None:
    world = three()
    world.submit(make(world))

    assert (Check.ENROLMENT, f"events[0].{where}") == refusal(world)


def test_one_member_is_enough_where_the_charter_says_so() -> None:
    world = two()
    world.submit(recovery(world, "southfold", "northmere"))
    world.now += 14 * DAY_MS
    world.submit(letter("southfold"), key=signing_key("new"))

    assert accepted(world)


# Approvals


APPROVALS: list[tuple[str, Callable[[World, Said], object], str]] = [
    ("by its author", lambda w, s: approve(w, "northmere", s), "author"),
    ("by no registrar", lambda w, s: approve(w, "easthall", s), "author"),
    ("twice", lambda w, s: (approve(w, "southfold", s), approve(w, "southfold", s)), "of"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "where"), [row[1:] for row in APPROVALS],
                         ids=[row[0] for row in APPROVALS])  # fmt: skip
def test_an_enrolment_is_not_approved(act: Callable[[World, Said], object], where: str) -> None:
    world = three()
    said = world.enrolment("westbury")
    world.submit(said)
    act(world, said)

    assert (Check.APPROVAL, f"events[0].{where}") == refusal(world)


def test_a_recovery_is_approved_by_other_members_only_and_not_beyond_need() -> None:
    world = three()
    said = recovery(world, "easthall", "northmere")
    world.submit(said)
    own = branch(world)
    approve(own, "easthall", said)

    assert (Check.APPROVAL, "events[0].author") == refusal(own)

    approve(world, "southfold", said)

    assert accepted(world)

    approve(world, "easthall", said)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)


def test_a_party_has_at_most_1024_keys_ever() -> None:
    world = two()
    said = world.enrolment("southfold", by="southfold", key=signing_key("one more"))
    assert isinstance(world.charter, Charter)
    own = PartyKey("southfold", public_hex(signing_key("southfold")), ("govern",), None, "own",
                   "active", 0)  # fmt: skip
    keys = {own.key: own}
    keys |= {
        f"{n:064x}": altered(own, key=f"{n:064x}", status="ended") for n in range(MAX_KEYS - 1)
    }
    state = State(
        fingerprint=world.fingerprint or "", charter=world.charter, charter_id="00" * 32,
        members=frozenset(("southfold",)), keys=keys,
        held={"southfold": tuple(keys)}, log_keys=((1, world.charter.log_key),),
        charters=((1, world.charter),),
        roles=frozenset(),
    )  # fmt: skip

    assert MAX_KEYS == len(state.keys_of("southfold"))

    with pytest.raises(RuleError) as caught:
        admit(
            state, statement=world.sign((said,)).statement, first=9, recorded=T0,
            candidates=[candidate_of(said.event, event_id=said.id)],
            fingerprint="", past=_Nothing(),
        )  # fmt: skip

    assert (Check.ENROLMENT, "events[0].party") == (caught.value.check, caught.value.where)


def test_what_is_no_governance_changes_no_state() -> None:
    world = two()
    charter = founding_charter("northmere")
    state = admit(
        None, statement=parse_entry(world.entries[0]).statement or world.sign((charter,)).statement,
        candidates=[candidate_of(world.events()[0], event_id="00" * 32)], first=0, recorded=T0,
        fingerprint="00" * 32, past=_Nothing(),
    )  # fmt: skip

    assert state is state.govern(letter("northmere").event, event_id="", index=1, recorded=T0)


class _Nothing:
    """A past in which nothing happened."""

    def find(self, event_id: str) -> None:
        """Return nothing, whatever `event_id` is."""

    def event(self, event_id: str, index: int) -> letter:  # type: ignore[valid-type]  # never called
        raise AssertionError((event_id, index))


def test_nobody_blocks_a_party_by_proposing_a_key_for_it() -> None:
    world = three()
    world.submit(world.enrolment("westbury", by="northmere", key=signing_key("rogue")))
    honest = world.enrolment("westbury", by="southfold")
    world.submit(honest)
    approve(world, "northmere", honest)
    world.submit(letter("westbury"))

    assert accepted(world)

    world.submit(letter("westbury"), key=signing_key("rogue"))

    assert (Check.KEY, "statement.key") == refusal(world)


def test_a_new_proposal_by_its_author_makes_the_earlier_one_void() -> None:
    world = three()
    first = world.enrolment("westbury", by="northmere", key=signing_key("first"))
    world.submit(first)
    world.submit(world.enrolment("westbury", by="northmere", key=signing_key("second")))
    approve(world, "southfold", first)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)


def test_the_first_recovery_to_take_effect_makes_the_others_void() -> None:
    world = three()
    rogue = recovery(world, "easthall", "northmere", "rogue")
    honest = recovery(world, "easthall", "southfold", "honest")
    world.submit(rogue)
    world.submit(honest)
    approve(world, "northmere", honest)
    world.now += 14 * DAY_MS
    world.submit(letter("easthall"), key=signing_key("honest"))

    assert accepted(world)

    approve(world, "southfold", rogue)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)


def test_a_new_amendment_by_its_author_makes_the_earlier_one_void() -> None:
    world = three()
    first = amendment(world, tolerance_s=1)
    world.submit(first)
    world.submit(amendment(world, tolerance_s=2))
    approve(world, "southfold", first)

    assert (Check.APPROVAL, "events[0].of") == refusal(world)
