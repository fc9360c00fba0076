"""Sections 8.1, 8.2 and 11.4: policies, quorums and what their times say."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.reference import signatures
from tests.reference.canonical import Object
from tests.reference.notes import Note, decode_base64, format_vkey, parse_note
from tests.reference.refusals import Refused


@dataclass(frozen=True)
class Member:
    """A witness or a group of a policy.

    A witness has a verifier key and no members. The key of a type that is not checked here is
    None: ML-DSA-44 is in no library that this verifier may use, so that such a witness never
    counts, whatever a note says under its name.
    """

    vkey: str | None = None
    threshold: int = 0
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """A tlog-policy: the logs' verifier keys, what has a name, and the name that decides."""

    logs: list[str]
    named: dict[str, Member]
    quorum: str | None


def parse_policy(data: bytes) -> Policy:
    """Read a policy that is well-formed: what is not, no verifier runs with."""
    policy = Policy([], {}, None)
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        words_ = re.split(r"[ \t]+", line.strip(" \t"))
        match words_:
            case ["log", vkey, *_]:
                policy.logs.append(vkey)
            case ["witness", name, vkey, *_]:
                octets = decode_base64(vkey.split("+", 2)[2])
                policy.named[name] = Member(vkey if octets[0] == 4 else None)
            case ["group", name, threshold, *members]:
                least = {"any": 1, "all": len(members)}.get(threshold) or int(threshold)
                policy.named[name] = Member(None, least, tuple(members))
            case ["quorum", name]:
                policy = replace(policy, quorum=None if name == "none" else name)
    return policy


def cosigned_at(policy: Policy, note: Note) -> dict[str, list[int]]:
    """Return when each witness of a policy cosigned a checkpoint.

    Refuses a note on which a witness's line does not verify [805].
    """
    found: dict[str, list[int]] = {}
    for name, member in policy.named.items():
        if member.vkey is None:
            continue
        key_name, key_id, material = member.vkey.split("+", 2)
        for line in note.lines:
            if (line.name, line.key_id.hex()) == (key_name, key_id):
                at_s = _cosignature_time(decode_base64(material)[1:], note.text, line.signature)
                found.setdefault(name, []).append(at_s)
    return found


def _cosignature_time(public: bytes, text_: bytes, payload: bytes) -> int:
    at_s = int.from_bytes(payload[:8], "big")
    if len(payload) != 72 or not 0 < at_s < 2**63:
        raise Refused(805, "a cosignature has another length, or no time")
    try:
        signatures.check_signature(
            public, b"cosignature/v1\ntime %d\n%b" % (at_s, text_), payload[8:]
        )
    except Refused as problem:
        raise Refused(805, f"a cosignature: {problem.where}") from problem
    return at_s


def is_reached(policy: Policy, name: str, witnesses: Collection[str]) -> bool:
    """Say whether these witnesses make up what a policy calls `name`."""
    member = policy.named[name]
    if not member.members:
        return name in witnesses
    return sum(is_reached(policy, each, witnesses) for each in member.members) >= member.threshold


def signed_after_s(policy: Policy, note: Note) -> int | None:
    """Return the latest time that a quorum of a note's cosignatures reaches (section 8.2)."""
    times = _times_that_count(policy, note)
    reached = [
        at_s
        for at_s in {each for found in times.values() for each in found}
        if _is_quorum(policy, [name for name in times if max(times[name]) >= at_s])
    ]
    return max(reached, default=None)


def existed_by_s(policy: Policy, notes: Sequence[Note]) -> int | None:
    """Return the earliest time by which a quorum is complete over the notes of one checkpoint."""
    times: dict[str, list[int]] = {}
    for note in notes:
        for name, found in _times_that_count(policy, note).items():
            times.setdefault(name, []).extend(found)
    complete = [
        at_s
        for at_s in {each for found in times.values() for each in found}
        if _is_quorum(policy, [name for name in times if min(times[name]) <= at_s])
    ]
    return min(complete, default=None)


def _times_that_count(policy: Policy, note: Note) -> dict[str, list[int]]:
    try:
        return cosigned_at(policy, note)
    except Refused:
        return {}


def _is_quorum(policy: Policy, witnesses: Collection[str]) -> bool:
    return policy.quorum is not None and is_reached(policy, policy.quorum, witnesses)


def check_recorded(
    recorded: int, tolerance_s: int, after_s: Sequence[int], by_s: Sequence[int]
) -> None:
    """Refuse what is recorded outside its bracket by more than the tolerance [409]."""
    for each in after_s:
        if recorded // 1000 + tolerance_s < each:
            raise Refused(409, "recorded before it can have been signed", found=str(recorded))
    if by_s and recorded // 1000 - tolerance_s > min(by_s):
        raise Refused(409, "recorded after it was cosigned", found=str(recorded))


def format_policy(charter: Object) -> bytes:
    """Return the policy of section 11.4."""
    log = bytes.fromhex(charter["log_key"])
    lines = [f"log {format_vkey(name=charter['origin'], algorithm=1, public=log)}"]
    witnesses = charter.get("witnesses", [])
    for number, witness in enumerate(witnesses, 1):
        algorithm = {"ed25519": 4, "ml-dsa-44": 6}[witness["algorithm"]]
        public = bytes.fromhex(witness["key"])
        vkey = format_vkey(name=witness["name"], algorithm=algorithm, public=public)
        lines.append(f"witness w{number} {vkey}")
    if witnesses and charter["quorum"]:
        names = " ".join(f"w{number}" for number in range(1, len(witnesses) + 1))
        lines += [f"group parties {charter['quorum']} {names}", "quorum parties"]
    else:
        lines.append("quorum none")
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def policy_problems(policy: Policy, vkey: str, checkpoint: bytes) -> Iterator[Refused]:
    """Yield what of a policy a checkpoint does not satisfy."""
    if vkey not in policy.logs:
        yield Refused(801, "log key is none of the policy's", found=vkey)
    try:
        cosigned = cosigned_at(policy, parse_note(checkpoint))
    except Refused as problem:
        yield problem
        return
    if policy.quorum is not None and not is_reached(policy, policy.quorum, cosigned):
        yield Refused(804, "no quorum", expected=policy.quorum, found=str(sorted(cosigned)))
