"""A certificate for a court, drafted in plain text from a report.

It says which octets were received, what was checked in them and what was not, and what came of
it. It never says that what the record tells is true, and it certifies nothing until a person has
read it, filled in name, post and date, and signed. Nothing in it depends on the time or on the
machine: the same octets, checked by the same versions, give the same text.

Its words are those of people: `WORDS` says what the parts of a report are called in it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from verify.brackets import format_time_s
from verify.lines import grouped, noun, wrap
from verify.report import Finding, Report, Times

__all__ = ["WORDS", "Received", "draft_certificate", "listing_hash"]

WORDS: Final[dict[str, str]] = {
    # what was counted
    "disclosures": "texts and names opened, each compared with its seal",
    "entries": "entries read",
    "files": "attached files, each compared with the entry that names it",
    "governance entries": "entries on who may sign, and by which rules",
    "kept notes": "signed statements of earlier states of the record",
    "notes": "signed statements of earlier states of the record",
    "sealed claims": "sealed texts and names, opened or not",
    "submissions": "batches of entries, each with one signature",
    # one of what was counted
    "disclosure": "text or name opened, compared with its seal",
    "entry": "entry read",
    "file": "attached file, compared with the entry that names it",
    "governance entry": "entry on who may sign, and by which rules",
    "kept note": "signed statement of an earlier state of the record",
    "note": "signed statement of an earlier state of the record",
    "sealed claim": "sealed text or name, opened or not",
    "submission": "batch of entries, with one signature",
    # what was not checked
    "other entries of this ledger: this file shows a few, and none later than its checkpoint":
        "other entries of the record: this file shows a few, and none later than its signed size",
    "that the tree had the root hashes that parties say they had seen":
        "that the record once was what a signer says of an earlier size of it",
    "the order of `recorded` beside the entries that are in this file":
        "the order of the times of recording of entries that are not in this file",
    # what agrees
    "your policy": "the policy above: its log's key, and as many of its co-signers as it asks for",
    # what is wrong
    "has not the cosignatures that your policy asks for":
        "has not as many co-signers as the policy of part 3 asks for",
    "is none of the logs of your policy": "is none of the logs that the policy of part 3 names",
    "is not for the audience that you gave": "is not for the reader that the signatory named",
    "is not the one that you gave": "is not the one that had reached the signatory another way",
    # verdicts
    "invalid": "NOT SOUND. What was received is altered, damaged or incomplete, or breaks the "
    "rules of the record, in the points listed in part 5.",
    "self-consistent": "AGREES WITH ITSELF ONLY. Every check passed, but nothing that reached the "
    "signatory another way was compared: whoever made what was received could have made all of it.",
    "valid": "SOUND. Every check passed, and what had reached the signatory another way, listed "
    "in part 3, agrees.",
}  # fmt: skip
"""What the parts of a report are called here."""

_CHECKS = (
    "that each entry here belongs to the record whose size and content its keeper signed",
    "that no entry here was changed, moved or put in after that",
    "that each signature verifies, by a key that the record had in force for its owner then",
    "that each opened text, name and file is the one that was sealed when the entry was signed",
    "that every entry here follows the written rules of the record (verify/SPEC.md)",
)
_LIMITS = (
    "It does not say that anything told in the record is true, nor who is right.",
    "A signature shows that a key was used, not which person used it or with what authority.",
    "Times of recording are those of the record's keeper; part 3 lists what others vouch for.",
    "What was never put into the record cannot be missed by any of these checks.",
    "Sealed texts that were not opened were not read; nothing is said about what is in them.",
    "The checks rest on SHA-256, Ed25519, some co-signers' ML-DSA-44 and the programs of part 8.",
    "The program is free software: another examiner can repeat all of it from the same octets.",
)
_MAX_FINDINGS = 100
_LINE = "_" * 52


class Received(msgspec.Struct, frozen=True):
    """Something that was received: a file, or a folder of files.

    Attributes:
        name: What it is called.
        size: Its octets; of a folder, those of all its files together.
        sha256: Its SHA-256 in hex; of a folder, that of the listing of its files.
        files: Of a folder, how many files it has; None of a file.
    """

    name: str
    size: int
    sha256: str
    files: int | None = None


def listing_hash(hashes: Sequence[tuple[str, str]]) -> str:
    """Return the SHA-256 of a listing of files, in hex.

    The listing is what `sha256sum` prints for them: hash, two spaces, path, LF; in the order of
    the paths' octets.

    Args:
        hashes: Path and SHA-256 of each file.
    """
    by_path = sorted((path.encode("utf-8", "surrogateescape"), one) for path, one in hashes)
    listing = b"".join(b"%b  %b\n" % (one.encode(), path) for path, one in by_path)
    return hashlib.sha256(listing).hexdigest()


def draft_certificate(
    report: Report,
    *,
    received: Received,
    supplied: Sequence[Received],
    log_key: str | None,
    outside: Sequence[tuple[str, Sequence[str]]],
    versions: Sequence[tuple[str, str]],
) -> str:
    """Draft the certificate.

    Args:
        report: What the verifier found.
        received: What was checked.
        supplied: Receipts, policy and files that it was compared with.
        log_key: The verifier key that it was compared with, if one was.
        outside: What came of outside evidence: headings, and what is said below each.
        versions: Name and version of each program that took part.
    """
    parts = (
        ("1. What was received", _received(received)),
        ("2. The record", _record(report, received)),
        ("3. What it was compared with", _compared(report, supplied, log_key, outside)),
        ("4. What was checked", _checked(report)),
        ("5. Result", _result(report)),
        (
            "6. What was not checked",
            _bullets([WORDS.get(text, text) for text in report.not_checked]),
        ),
        ("7. What this certificate does not say", _bullets(_LIMITS)),
        ("8. Programs", (f"  {name:16}{version}" for name, version in versions)),
        ("9. Signature", _signature()),
    )
    lines = [
        "CERTIFICATE OF EXAMINATION OF AN ELECTRONIC RECORD",
        "",
        *wrap(
            "Draft, made by a program. It certifies nothing until the person named in part 9 "
            "has read it and signed it."
        ),
    ]
    for heading, content in parts:
        lines += ["", heading, "", *content]
    return "\n".join(lines) + "\n"


def _received(received: Received) -> Iterator[str]:
    if received.files is None:
        yield from _row("File", received.name)
    else:
        yield from _row("Folder", received.name)
        yield from _row("Files", f"{received.files:,}")
    yield from _row("Size", f"{received.size:,} octets")
    yield from _hash("SHA-256", received.sha256)
    if received.files is not None:
        yield from wrap(
            "The SHA-256 of a folder is that of the list of its files, each line the file's "
            "SHA-256, two spaces and its path, sorted by path: "
            "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum",
            first="  ", rest="  ",
        )  # fmt: skip


def _record(report: Report, received: Received) -> Iterator[str]:
    yield from _row("Name", report.origin or "could not be read")
    yield from _hash("Fingerprint", report.fingerprint)
    size = report.size
    entries = "could not be read" if size is None else f"{size:,} {noun('entries', size)}"
    yield from _row("Size", entries)
    yield from _hash("Root", report.root)
    if received.files is not None:
        said = "so says whoever made the folder, and nobody signs it"
        audience = report.audience
        yield from _row("Made for", f"{audience}: {said}" if audience else "could not be read")
    yield from wrap(
        "The fingerprint stands for this record and its rules; the root for all its entries at "
        "that size. A record with the same root has the same entries.",
        first="  ", rest="  ",
    )  # fmt: skip
    for one in report.shown:
        yield from _row("Shows", f"entry {one.index:,}, signed by {one.author}, whose id is")
        yield from _hash("", one.event_id)
        if one.closed:
            yield from _row("", f"left closed: {', '.join(one.closed)}")


def _compared(
    report: Report,
    supplied: Sequence[Received],
    log_key: str | None,
    outside: Sequence[tuple[str, Sequence[str]]],
) -> Iterator[str]:
    for one in supplied:
        yield from _row("File" if one.files is None else "Folder", one.name)
        yield from _row("", f"{one.size:,} octets, SHA-256")
        yield from _hash("", one.sha256)
    if log_key is not None:
        yield from _row("Log's key", log_key)
    agreed = report.anchors or ("nothing that reached the signatory another way",)
    for number, text in enumerate(agreed):
        yield from _row("" if number else "Agrees with", WORDS.get(text, text))
    if report.weighed is not None and report.weighed.quorum is not None:
        count, among = len(report.weighed.cosigned), report.weighed.witnesses
        yield from _row("Co-signed", f"by {count} of {among} co-signers that the policy names")
    if report.times is not None:
        yield from _dated(report.times)
    for heading, texts in outside:
        yield ""
        yield from wrap(heading, first="  ", rest="  ")
        yield from _bullets(texts)


def _dated(times: Times) -> Iterator[str]:
    """Say what is proven of time, and by whom."""
    whose = "the policy" if times.by == "policy" else "the record itself"
    yield from _row("Times", f"by the clocks of co-signers that {whose} names")
    if times.earliest_s is not None:
        earliest = format_time_s(times.earliest_s)
        many = f"{times.signed_after:,} {noun('entries', times.signed_after)}"
        yield from _row("", f"{many} signed after {earliest} or later")
    if times.latest_s is not None:
        latest = format_time_s(times.latest_s)
        many = f"{times.existed_by:,} {noun('entries', times.existed_by)}"
        yield from _row("", f"{many} existed by {latest} or earlier")
    for index, bracket in times.brackets:
        if bracket.after_s is not None:
            yield from _row("", f"entry {index:,} signed after {format_time_s(bracket.after_s)}")
        if bracket.by_s is not None:
            yield from _row("", f"entry {index:,} existed by {format_time_s(bracket.by_s)}")


def _checked(report: Report) -> Iterator[str]:
    yield from _bullets(_CHECKS)
    yield ""
    if not report.counts:
        yield "  Nothing could be read, and so none of this was checked."
    for name, count in report.counts.items():
        yield from wrap(f"{WORDS[noun(name, count)]}: {count:,}", first="  ", rest="    ")


def _result(report: Report) -> Iterator[str]:
    yield from wrap(WORDS[report.verdict], first="  ", rest="  ")
    for number, finding in enumerate(report.findings[:_MAX_FINDINGS], 1):
        yield ""
        yield from _finding(finding, f"  {number}. ")
    if len(report.findings) > _MAX_FINDINGS:
        yield ""
        yield f"  and {len(report.findings) - _MAX_FINDINGS:,} points more"


def _finding(finding: Finding, bullet: str) -> Iterator[str]:
    place = "" if finding.index is None else f"entry {finding.index:,}, "
    reason = WORDS.get(finding.reason, finding.reason)
    text = f"{place}{finding.where}: {reason} (check {finding.check.value})"
    yield from wrap(text, first=bullet, rest=" " * len(bullet))
    below = len(finding.consequences)
    if below:
        points = "one point more follows" if below == 1 else f"{below:,} points more follow"
        yield f"{'':{len(bullet)}}{points} from it"


def _signature() -> Iterator[str]:
    yield from wrap(
        "I received what part 1 names, kept it unaltered, and had it examined as described. "
        "The contents of this certificate are within my own knowledge or are the output of the "
        "programs in part 8.",
        first="  ", rest="  ",
    )  # fmt: skip
    for name in ("Received from", "Received on", "Name", "Post", "Date", "Signature"):
        yield ""
        yield f"  {name:15}{_LINE}"


def _bullets(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from wrap(text, first="  - ", rest="    ")


def _row(name: str, text: str) -> Iterator[str]:
    yield from wrap(text, first=f"  {name:13}", rest=" " * 15)


def _hash(name: str, digits: str | None) -> Iterator[str]:
    for number, line in enumerate(["could not be read"] if digits is None else grouped(digits)):
        yield from _row("" if number else name, line)
