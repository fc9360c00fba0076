from collections.abc import Iterable, Iterator
from itertools import combinations

import nacl.bindings
import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from verify.errors import MalformedError, QuorumError, SignatureError, VerifyError
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    format_vkey,
    key_id,
)
from verify.policy import (
    MAX_POLICY_SIZE,
    Group,
    Log,
    Policy,
    Witness,
    check_quorum,
    cosigners,
    format_policy,
    latest_reached,
    liars_needed,
    parse_policy,
    quorum_witnesses,
    soonest_complete,
    threshold_policy,
)
from verify.spelling import format_base64

LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(32))


def make_key(name: str, algorithm: int, seed: int) -> VerifierKey:
    public, _ = nacl.bindings.crypto_sign_seed_keypair(bytes([seed]) * 32)
    if algorithm == COSIGNATURE_ML_DSA_44:
        public = LATTICE.public_key().public_bytes_raw()
    return VerifierKey(
        name, key_id(name=name, algorithm=algorithm, public=public), algorithm, public
    )


LOG = make_key("example.com/log", ED25519, 0)
KEYS = [make_key(f"w{n}.example", COSIGNATURE_ED25519, n) for n in range(1, 7)]
POST_QUANTUM = make_key("w7.example", COSIGNATURE_ML_DSA_44, 7)
LOG_VKEY = format_vkey(LOG)
VKEYS = [format_vkey(key) for key in KEYS]

# The example of c2sp.org/tlog-policy, with keys.
EXAMPLE = f"""
# two organisations
log {LOG_VKEY}

witness X1 {VKEYS[0]}
witness X2 {VKEYS[1]} https://x2.example/
 witness\tX3  {VKEYS[2]}\t
group X-witnesses 2 X1 X2 X3

witness Y1 {VKEYS[3]}
witness Y2 {VKEYS[4]}
witness Y3 {VKEYS[5]}
group Y-witnesses any Y1 Y2 Y3
\t # Latin-1:
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode().replace(b"Latin-1:", b"Latin-1: \xe9")
WITNESSES = f"witness w1 {VKEYS[0]}\nwitness w2 {VKEYS[1]}\n"


NAMES = ("w1", "w2", "w3", "w4", "w5", "w6")


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy with groups of witnesses and groups, of which one decides."""
    free = list(NAMES[: draw(st.integers(1, 6))])
    witnesses = tuple(Witness(*each) for each in zip(free, KEYS, strict=False))
    groups: list[Group] = []
    for number in range(draw(st.integers(0, 3))):
        members = draw(st.lists(st.sampled_from(free), min_size=1, max_size=4, unique=True))
        free = [name for name in free if name not in members]
        groups.append(Group(f"g{number}", draw(st.integers(1, len(members))), tuple(members)))
        free.append(f"g{number}")
    return Policy((Log(LOG),), witnesses, tuple(groups), draw(st.sampled_from(free)))


def subsets(names: Iterable[str]) -> Iterator[set[str]]:
    listed = sorted(names)
    for count in range(len(listed) + 1):
        yield from map(set, combinations(listed, count))


def quorum_is_met(policy: Policy, cosigned: set[str]) -> bool:
    try:
        check_quorum(policy, cosigned=cosigned)
    except QuorumError:
        return False
    return True


def test_reads_the_example_of_the_format() -> None:
    policy = parse_policy(EXAMPLE)

    assert (Log(LOG),) == policy.logs
    assert ("X1", "X2", "X3", "Y1", "Y2", "Y3") == tuple(w.name for w in policy.witnesses)
    assert (None, "https://x2.example/", None) == tuple(w.url for w in policy.witnesses[:3])
    assert KEYS == [w.key for w in policy.witnesses]
    assert (
        Group("X-witnesses", 2, ("X1", "X2", "X3")),
        Group("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    ) == policy.groups
    assert "X-and-Y" == policy.quorum
    assert policy == parse_policy(format_policy(policy))


def test_the_quorum_of_the_example_needs_two_of_x_and_one_of_y() -> None:
    policy = parse_policy(EXAMPLE)
    names = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    for count in range(7):
        for chosen in combinations(names, count):
            x = sum(name.startswith("X") for name in chosen)
            expected = x >= 2 and count - x >= 1

            assert expected == quorum_is_met(policy, set(chosen))


def test_the_error_says_what_was_asked_for_and_who_cosigned() -> None:
    with pytest.raises(QuorumError) as caught:
        check_quorum(parse_policy(EXAMPLE), cosigned={"Y2", "X1", "stranger", "X-and-Y"})

    assert "X-and-Y" == caught.value.quorum
    assert ("X1", "Y2") == caught.value.cosigned


def test_a_quorum_may_be_one_witness_or_none() -> None:
    one = parse_policy(f"{WITNESSES}quorum w2\n".encode())
    none = parse_policy(b"quorum none\n")
    check_quorum(one, cosigned={"w2"})
    check_quorum(none, cosigned=set())

    assert not quorum_is_met(one, {"w1"})
    assert Policy((), (), (), None) == none


@given(policies(), st.lists(st.integers(1, 9), min_size=6, max_size=6), st.data())
def test_times_of_a_quorum_are_those_of_the_definition(
    policy: Policy, drawn: list[int], data: st.DataObject
) -> None:
    names = data.draw(st.sets(st.sampled_from([w.name for w in policy.witnesses])))
    times = {name: drawn[NAMES.index(name)] for name in names}

    by = [t for t in range(10) if quorum_is_met(policy, {n for n in names if times[n] <= t})]
    after = [t for t in range(10) if quorum_is_met(policy, {n for n in names if times[n] >= t})]
    assert min(by, default=None) == soonest_complete(policy, times=times)
    assert max(after, default=None) == latest_reached(policy, times=times)


@given(policies(), st.data())
def test_who_is_no_quorum_cannot_lie_about_time(policy: Policy, data: st.DataObject) -> None:
    names = [w.name for w in policy.witnesses]
    liars = data.draw(st.sets(st.sampled_from(names)))
    if quorum_is_met(policy, liars):
        return
    times = {name: data.draw(st.integers(-99, 99)) if name in liars else 7 for name in names}
    by, after = soonest_complete(policy, times=times), latest_reached(policy, times=times)

    assert by is not None
    assert after is not None
    assert after <= 7 <= by


@given(policies())
def test_two_quorums_have_at_least_the_liars_in_common(policy: Policy) -> None:
    quorums = [who for who in subsets(quorum_witnesses(policy)) if quorum_is_met(policy, who)]

    assert liars_needed(policy) == min(len(one & other) for one in quorums for other in quorums)
    assert liars_needed(replace(policy, quorum=None)) == 0


def test_the_members_of_a_quorum_are_witnesses_at_any_depth() -> None:
    policy = parse_policy(EXAMPLE)

    assert {"X1", "X2", "X3", "Y1", "Y2", "Y3"} == quorum_witnesses(policy)
    assert {"X1", "X2", "X3"} == quorum_witnesses(replace(policy, quorum="X-witnesses"))
    assert {"Y2"} == quorum_witnesses(replace(policy, quorum="Y2"))
    assert set() == quorum_witnesses(replace(policy, quorum=None))
    assert (1, 0) == (liars_needed(policy), liars_needed(replace(policy, quorum="Y-witnesses")))


def test_no_quorum_has_no_time() -> None:
    policy = parse_policy(f"log {LOG_VKEY}\n{WITNESSES}quorum none\n".encode())

    assert soonest_complete(policy, times={"w1": 5}) is None
    assert latest_reached(policy, times={"w1": 5}) is None


def test_writes_the_policy_of_a_threshold() -> None:
    witnesses = [Witness("w1", KEYS[0]), Witness("w2", POST_QUANTUM)]
    policy = threshold_policy(log=LOG, witnesses=witnesses, threshold=2)
    expected = (
        f"log {LOG_VKEY}\n"
        f"witness w1 {VKEYS[0]}\n"
        f"witness w2 {format_vkey(POST_QUANTUM)}\n"
        "group parties 2 w1 w2\n"
        "quorum parties\n"
    )

    assert expected.encode() == format_policy(policy)
    assert quorum_is_met(policy, {"w1", "w2"})
    assert not quorum_is_met(policy, {"w1"})


def test_a_threshold_of_zero_is_no_quorum() -> None:
    policy = threshold_policy(log=LOG, witnesses=[Witness("w1", KEYS[0])], threshold=0)

    assert f"log {LOG_VKEY}\nwitness w1 {VKEYS[0]}\nquorum none\n".encode() == format_policy(policy)
    assert quorum_is_met(policy, set())


TEXT = f"example.com/log\n7\n{format_base64(bytes(32))}\n".encode()


def cosign(key: VerifierKey, at: int, *, seed: int = 0) -> NoteSignature:
    said = cosignature_message(TEXT, key=key, timestamp_s=at)
    if key.algorithm == COSIGNATURE_ML_DSA_44:
        signature = LATTICE.sign(said)
    else:
        _, secret = nacl.bindings.crypto_sign_seed_keypair(bytes([seed]) * 32)
        signature = nacl.bindings.crypto_sign(said, secret)[:64]
    return NoteSignature(key.name, key.key_id, at.to_bytes(8, "big") + signature)


TWO = threshold_policy(
    log=LOG, witnesses=[Witness("w1", KEYS[0]), Witness("w2", POST_QUANTUM)], threshold=2
)


def test_counts_cosignatures_of_both_types_and_no_others() -> None:
    grease = NoteSignature("w1.example", b"\1\2\3\4", b"?")
    stranger = cosign(KEYS[1], 1, seed=2)
    ed, lattice = cosign(KEYS[0], 5, seed=1), cosign(POST_QUANTUM, 7)
    found = cosigners(TWO, note=Note(TEXT, (grease, lattice, stranger, ed)))
    check_quorum(TWO, cosigned=found.keys())

    assert {"w1": (5,), "w2": (7,)} == found
    assert {"w2": (7,)} == cosigners(TWO, note=Note(TEXT, (lattice, stranger)))


def test_one_witness_counts_once_however_often_it_cosigned() -> None:
    twice = (cosign(POST_QUANTUM, 7), cosign(POST_QUANTUM, 9), cosign(POST_QUANTUM, 7))
    found = cosigners(TWO, note=Note(TEXT, twice))

    assert {"w2": (7, 9, 7)} == found
    assert not quorum_is_met(TWO, set(found))


@pytest.mark.parametrize("key", [KEYS[0], POST_QUANTUM], ids=["ed25519", "ml-dsa-44"])
def test_a_known_cosignature_that_fails_spoils_the_note(key: VerifierKey) -> None:
    made = cosign(key, 5, seed=1)
    bad = made._replace(payload=made.payload[:-1] + bytes([made.payload[-1] ^ 1]))
    good = (cosign(KEYS[0], 5, seed=1), cosign(POST_QUANTUM, 7))
    with pytest.raises(SignatureError):
        cosigners(TWO, note=Note(TEXT, (*good, bad)))


def test_what_the_quorum_does_not_name_may_follow_it() -> None:
    policy = parse_policy(f"quorum none\n{WITNESSES}log {LOG_VKEY} https://l.example/\n".encode())

    assert (Log(LOG, "https://l.example/"),) == policy.logs
    assert 2 == len(policy.witnesses)


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("nonsense", 3),
        ("Quorum none", 3),
        ("quorum", 3),
        ("quorum w1 w2", 3),
        ("quorum w3", 3),
        ("quorum g\ngroup g any w1", 3),
        ("quorum none\nquorum none", 4),
        ("log", 3),
        (f"log {LOG_VKEY} u v", 3),
        ("log x", 3),
        (f"log {VKEYS[5]}", 3),
        (f"log {LOG_VKEY}\nlog {LOG_VKEY}", 4),
        (f"log {LOG_VKEY}\nlog {format_vkey(make_key('other', ED25519, 0))}", 4),
        ("witness w3", 3),
        ("witness w3 x", 3),
        (f"witness w3 {VKEYS[2]} u v", 3),
        (f"witness w3 {LOG_VKEY}", 3),
        (f"witness w3 {VKEYS[0]}", 3),
        (f"witness w3 {format_vkey(make_key('other', COSIGNATURE_ED25519, 1))}", 3),
        (f"witness w1 {VKEYS[2]}", 3),
        (f"witness none {VKEYS[2]}", 3),
        ("group g any", 3),
        ("group g 1", 3),
        ("group g w1 w2", 3),
        ("group g 0 w1 w2", 3),
        ("group g 3 w1 w2", 3),
        ("group g 01 w1 w2", 3),
        ("group g -1 w1 w2", 3),
        ("group g ALL w1 w2", 3),
        ("group w1 any w1 w2", 3),
        ("group none any w1 w2", 3),
        ("group g any w3", 3),
        ("group g any g", 3),
        ("group g any none", 3),
        ("group g any w1 w1", 3),
        ("group g any w1\ngroup h any w1", 4),
    ],
)
def test_refuses_a_bad_line_and_names_it(line: str, number: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_policy(f"{WITNESSES}{line}\nquorum none\n".encode())

    assert f"policy line {number}" == caught.value.where


def test_names_and_urls_are_octets_and_those_that_are_not_utf_8_can_be_shown() -> None:
    line = b"witness \xff\xe9 %b http://\xe9.example/\n" % VKEYS[0].encode()
    policy = parse_policy(line + b"quorum \xff\xe9\n")

    assert r"\xff\xe9 (not UTF-8)" == policy.quorum
    (witness,) = policy.witnesses
    assert (policy.quorum, r"http://\xe9.example/ (not UTF-8)") == (witness.name, witness.url)
    with pytest.raises(MalformedError, match=r"line 2: the name .* not defined before"):
        parse_policy(line + b"quorum \xff\n")


@pytest.mark.parametrize(
    ("name", "other"), [(b"\xff", rb"\xff"), (b"\xff", b"\xfe"), (b"\xff\\xff", b"\\xff\xff")]
)
def test_names_that_are_not_utf_8_are_no_others(name: bytes, other: bytes) -> None:
    first, second = (
        b"witness %b %b\n" % pair
        for pair in zip((name, other), (vkey.encode() for vkey in VKEYS), strict=False)
    )
    policy = parse_policy(first + second + b"quorum %b\n" % other)

    assert policy.witnesses[1].name == policy.quorum != policy.witnesses[0].name
    with pytest.raises(MalformedError, match="is not defined before"):
        parse_policy(first + b"quorum %b\n" % other)


def test_a_log_may_sign_as_a_cosigner_does_and_have_the_key_of_a_witness() -> None:
    of_lattice = format_vkey(POST_QUANTUM)
    of_one_key = make_key("w1.example", ED25519, 1)
    policy = parse_policy(
        f"log {of_lattice}\nlog {format_vkey(of_one_key)}\n{WITNESSES}"
        f"witness w7 {of_lattice}\nquorum none\n".encode()
    )

    assert (Log(POST_QUANTUM), Log(of_one_key)) == policy.logs
    assert [KEYS[0], KEYS[1], POST_QUANTUM] == [witness.key for witness in policy.witnesses]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        WITNESSES.encode(),
        b"quorum none",
        b"quorum none\r\n",
        b"# \x7f\nquorum none\n",
        b"# \x00\nquorum none\n",
        b"# \x0b\nquorum none\n",
    ],
)
def test_refuses_what_is_no_policy(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_policy(data)

    assert "policy" == caught.value.where


def test_a_policy_may_be_so_long_and_no_longer() -> None:
    end = b"\nquorum none\n"
    longest = b"#" * (MAX_POLICY_SIZE - len(end)) + end

    assert parse_policy(longest).quorum is None
    with pytest.raises(MalformedError, match="longer than"):
        parse_policy(b"#" + longest)


def test_only_space_and_tab_are_white_space() -> None:
    name = "w\u00a01\u2003\u212a"
    policy = parse_policy(f"witness {name} {VKEYS[0]}\nquorum {name}\n".encode())

    assert name == policy.quorum
    assert not quorum_is_met(policy, {name.replace("\u212a", "K")})


@pytest.mark.parametrize(
    "policy",
    [
        Policy((), (), (), "w1"),
        Policy((), (), (), "none"),
        Policy((), (), (), "\ud800"),
        Policy((), (Witness("a b", KEYS[0]),), (), None),
        Policy((), (Witness("", KEYS[0]),), (), None),
        Policy((), (Witness("w1", KEYS[0], ""),), (), None),
        Policy((), (Witness("w1", KEYS[0]),), (Group("g", 2, ("w1",)),), None),
        Policy((), (Witness("w1", KEYS[0]),), (Group("g", 0, ()),), None),
        threshold_policy(log=LOG, witnesses=[Witness("parties", KEYS[0])], threshold=1),
    ],
)
def test_writes_no_policy_that_does_not_read_back(policy: Policy) -> None:
    with pytest.raises(MalformedError):
        format_policy(policy)


KEY_LINES = [f"witness w1 {VKEYS[0]}", f"witness w2 {VKEYS[1]}", f"log {LOG_VKEY}"]
OTHER_LINES = [
    "quorum none",
    "quorum g",
    "quorum w1",
    "group g any w1",
    "group g 2 w1 w2",
    "#",
    "x",
]
policy_like = st.lists(st.sampled_from(KEY_LINES + OTHER_LINES), max_size=6).map(
    lambda lines: "".join(f"{line}\n" for line in lines).encode()
)


@given(st.binary(max_size=60) | policy_like)
def test_any_bytes_are_a_policy_that_reads_back_or_a_verify_error(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except VerifyError:
        return

    assert policy == parse_policy(format_policy(policy))
