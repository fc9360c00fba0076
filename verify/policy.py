"""A tlog-policy: which logs and witnesses a reader trusts, and how many witnesses it takes.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> <k|any|all> <member>...
    quorum <name|none>

One line for each, white space is spaces and tabs, lines that begin with # are comments. A name is
defined before it is used.

One witness with an Ed25519 and an ML-DSA-44 key is two lines, and counts twice unless a group
`any` of both is what the quorum counts: a policy knows keys and not people.

Source: c2sp.org/tlog-policy.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from verify.errors import MalformedError, QuorumError
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Note,
    VerifierKey,
    check_cosignature,
    format_vkey,
    parse_vkey,
)
from verify.spelling import parse_decimal

__all__ = [
    "MAX_POLICY_SIZE",
    "Group",
    "Log",
    "Policy",
    "Witness",
    "check_quorum",
    "cosigners",
    "format_policy",
    "latest_reached",
    "liars_needed",
    "parse_policy",
    "quorum_witnesses",
    "soonest_complete",
    "threshold_policy",
]

MAX_POLICY_SIZE = 256 * 1024
"""Bytes in a policy: more than a hundred ML-DSA-44 witnesses."""

_NONE = "none"
_PARTIES = "parties"  # what SPEC section 11.4 calls the witnesses of a charter together
# A log may sign as a cosigner does (tlog-checkpoint); none of ours does, so that none is met by it.
_LOGS = frozenset((ED25519, COSIGNATURE_ML_DSA_44))
_WITNESSES = frozenset((COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44))
_ALLOWED = bytes((*b"\t\n", *range(0x20, 0x7F), *range(0x80, 0x100)))


class Log(msgspec.Struct, frozen=True):
    """A trusted log; the key name is its origin."""

    key: VerifierKey
    url: str | None = None


class Witness(msgspec.Struct, frozen=True):
    """A trusted witness, and what this policy calls it."""

    name: str
    key: VerifierKey
    url: str | None = None


class Group(msgspec.Struct, frozen=True):
    """Witnesses and groups defined before, of which `threshold` make the group."""

    name: str
    threshold: int
    members: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """What a reader trusts.

    Attributes:
        logs: A checkpoint of any of these will do.
        witnesses: In the order of the file.
        groups: In the order of the file: members come before the groups that they are in.
        quorum: Name of the witness or group that must have cosigned; None when none need to.
    """

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None


def parse_policy(data: bytes) -> Policy:
    r"""Read a policy.

    A name or URL that is not UTF-8 is shown as `\xff (not UTF-8)`, and is none that is. Keys are
    of the types 0x01 and 0x06 (logs), 0x04 and 0x06 (witnesses).

    Raises:
        MalformedError: It is not a policy, or longer than `MAX_POLICY_SIZE`; names the line.

    Source: c2sp.org/tlog-policy, "Policy file syntax and structure".
    """
    if len(data) > MAX_POLICY_SIZE:
        raise MalformedError("policy", f"longer than {MAX_POLICY_SIZE} bytes")
    if data.translate(None, _ALLOWED):
        raise MalformedError("policy", "a control character other than LF and TAB")
    if not data.endswith(b"\n"):
        raise MalformedError("policy", "does not end with LF")
    reader = _Reader()
    for number, line in enumerate(data.split(b"\n"), 1):
        content = line.strip(b" \t")
        # Comments stay bytes: they may be in any encoding.
        if content and not content.startswith(b"#"):
            reader.read(content, where=f"policy line {number}")
    return reader.finish()


def format_policy(policy: Policy) -> bytes:
    """Write a policy: logs, witnesses, groups, quorum.

    Raises:
        MalformedError: What is written would not read back.
    """
    lines = [
        *(("log", format_vkey(log.key), log.url or "") for log in policy.logs),
        *(("witness", w.name, format_vkey(w.key), w.url or "") for w in policy.witnesses),
        *(("group", g.name, str(g.threshold), *g.members) for g in policy.groups),
        ("quorum", policy.quorum or _NONE),
    ]
    try:
        data = "".join(f"{' '.join(line).rstrip(' ')}\n" for line in lines).encode()
    except UnicodeEncodeError as error:
        raise MalformedError("policy", "a name or URL is not UTF-8") from error
    if parse_policy(data) != policy:
        raise MalformedError("policy", "does not read back as it was written")
    return data


def threshold_policy(*, log: VerifierKey, witnesses: Sequence[Witness], threshold: int) -> Policy:
    """Make the policy of one log and any `threshold` of its witnesses.

    Args:
        log: The log's key.
        witnesses: All the witnesses.
        threshold: How many must have cosigned; 0 for `quorum none`.
    """
    names = tuple(witness.name for witness in witnesses)
    return Policy(
        logs=(Log(log),),
        witnesses=tuple(witnesses),
        groups=(Group(_PARTIES, threshold, names),) if threshold else (),
        quorum=_PARTIES if threshold else None,
    )


def cosigners(policy: Policy, *, note: Note) -> dict[str, tuple[int, ...]]:
    """Check the cosignatures, of both types, of the policy's witnesses on a checkpoint.

    Returns:
        The times of each witness's cosignatures, in POSIX seconds, by what the policy calls the
        witness. Whether these are enough is for `check_quorum`.

    Raises:
        MalformedError: The note's text is none that a witness with a line on it can have cosigned.
        SignatureError: A line under a witness's name and key ID does not verify.

    Source: c2sp.org/signed-note, "Verifying"; SPEC section 8.
    """
    named = {line[:2] for line in note.signatures}
    return {
        witness.name: check_cosignature(note, key=witness.key)
        for witness in policy.witnesses
        if (witness.key.name, witness.key.key_id) in named
    }


def check_quorum(policy: Policy, *, cosigned: AbstractSet[str]) -> None:
    """Check that the witnesses who cosigned are enough for the policy.

    Args:
        policy: The policy.
        cosigned: What the policy calls the witnesses whose cosignatures have been checked. Other
            names, of groups too, count for nothing.

    Raises:
        QuorumError: They are not enough.
    """
    reached = {witness.name for witness in policy.witnesses} & cosigned
    found = tuple(sorted(reached))
    # In the order of the file every member is settled before the groups that it is in.
    for group in policy.groups:
        if len(reached.intersection(group.members)) >= group.threshold:
            reached.add(group.name)
    if policy.quorum is not None and policy.quorum not in reached:
        raise QuorumError(policy.quorum, found)


def soonest_complete(policy: Policy, *, times: Mapping[str, int]) -> int | None:
    """Return the earliest time by which a quorum of witnesses had cosigned.

    Args:
        policy: The policy.
        times: A time of each witness who cosigned, by what the policy calls the witness.

    Returns:
        The time; None where there is no quorum, or the policy asks for none. It takes as many
        liars as a quorum has members to make it earlier than every honest member's time.

    Source: SPEC section 8.1.
    """
    return _settle(policy, times, lambda known, least: known[least - 1])


def latest_reached(policy: Policy, *, times: Mapping[str, int]) -> int | None:
    """Return the latest time that each witness of some quorum had reached when cosigning.

    Arguments and result are as for `soonest_complete`; it takes as many liars as a quorum has
    members to make it later than every honest member's time.

    Source: SPEC section 8.1.
    """
    return _settle(policy, times, lambda known, least: known[-least])


def liars_needed(policy: Policy) -> int:
    """Return how many witnesses must lie, at least, to make two histories possible.

    Two quorums of k of n have 2k - n witnesses in common, and each of those would have cosigned
    both histories. Of a group of groups it is the cheapest 2k - n members that count, each with
    the number of its own. 0, where no two quorums need have anybody in common.

    Source: SPEC section 8.1.
    """
    needed = {witness.name: 1 for witness in policy.witnesses}
    for group in policy.groups:
        common = max(0, 2 * group.threshold - len(group.members))
        needed[group.name] = sum(sorted(needed[name] for name in group.members)[:common])
    return 0 if policy.quorum is None else needed[policy.quorum]


def quorum_witnesses(policy: Policy) -> frozenset[str]:
    """Return what the policy calls the witnesses that its quorum is made of."""
    if policy.quorum is None:
        return frozenset()
    wanted = {policy.quorum}
    # From the last group back: whatever it is made of was defined before it.
    for group in reversed(policy.groups):
        if group.name in wanted:
            wanted.update(group.members)
    return frozenset(wanted.intersection(witness.name for witness in policy.witnesses))


def _settle(
    policy: Policy, times: Mapping[str, int], choose: Callable[[list[int], int], int]
) -> int | None:
    """Give each group the time that `choose` takes, by its threshold, of its members' sorted."""
    if policy.quorum is None:
        return None
    settled = {w.name: times[w.name] for w in policy.witnesses if w.name in times}
    for group in policy.groups:
        known = sorted(settled[name] for name in group.members if name in settled)
        if len(known) >= group.threshold:
            settled[group.name] = choose(known, group.threshold)
    return settled.get(policy.quorum)


def _in_words(octets: bytes) -> str:
    """Return a word of a line; one that is not UTF-8 so that no other is written alike."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        spelt = octets.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
        return f"{spelt} (not UTF-8)"  # a word of the file has no space


class _Reader:
    """What the lines read so far have defined."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: list[str] = []
        self.names: set[str] = set()
        self.members: set[str] = set()
        self.log_keys: set[bytes] = set()
        self.witness_keys: set[bytes] = set()

    def read(self, content: bytes, *, where: str) -> None:
        # Not at all that Python takes for white space: a name may hold some of it.
        words = content.replace(b"\t", b" ").split(b" ")
        word, *arguments = map(_in_words, filter(None, words))
        match word, arguments:
            case "log", [vkey, *url] if len(url) <= 1:
                key = self._key(vkey, _LOGS, self.log_keys, where=where)
                self.logs.append(Log(key, *url))
            case "witness", [name, vkey, *url] if len(url) <= 1:
                self._define(name, where=where)
                key = self._key(vkey, _WITNESSES, self.witness_keys, where=where)
                self.witnesses.append(Witness(name, key, *url))
            case "group", [name, threshold, _, *_]:
                self._group(name, threshold, tuple(arguments[2:]), where=where)
            case "quorum", [name]:
                self._quorum(name, where=where)
            case _:
                raise MalformedError(where, "not a log, witness, group or quorum line")

    def finish(self) -> Policy:
        if not self.quorum:
            raise MalformedError("policy", "no quorum line")
        (quorum,) = self.quorum
        return Policy(
            logs=tuple(self.logs),
            witnesses=tuple(self.witnesses),
            groups=tuple(self.groups),
            quorum=None if quorum == _NONE else quorum,
        )

    def _key(
        self, vkey: str, algorithms: AbstractSet[int], listed: set[bytes], *, where: str
    ) -> VerifierKey:
        try:
            key = parse_vkey(vkey)
        except MalformedError as error:
            raise MalformedError(where, str(error)) from error
        if key.algorithm not in algorithms:
            raise MalformedError(where, f"a key of type {key.algorithm:#04x}")
        if key.public in listed:
            raise MalformedError(where, "the public key was listed before")
        listed.add(key.public)
        return key

    def _define(self, name: str, *, where: str) -> None:
        if name in self.names or name == _NONE:
            raise MalformedError(where, f"the name {name} is taken")
        self.names.add(name)

    def _group(self, name: str, threshold: str, members: tuple[str, ...], *, where: str) -> None:
        for member in members:
            if member not in self.names:
                raise MalformedError(where, f"the member {member} is not defined before")
            if member in self.members:
                raise MalformedError(where, f"{member} is a member already")
            self.members.add(member)
        # After the members, so that no group is a member of itself.
        self._define(name, where=where)
        words = {"any": 1, "all": len(members)}
        least = words.get(threshold) or parse_decimal(threshold, where=where, limit=len(members))
        if least == 0:
            raise MalformedError(where, "a threshold of 0")
        self.groups.append(Group(name, least, members))

    def _quorum(self, name: str, *, where: str) -> None:
        if self.quorum:
            raise MalformedError(where, "a second quorum line")
        if name != _NONE and name not in self.names:
            raise MalformedError(where, f"the name {name} is not defined before")
        self.quorum.append(name)
