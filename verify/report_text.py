"""What people read of a report: lines that fit a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from verify.brackets import Bracket, format_time_s
from verify.claims import File
from verify.lines import grouped, noun, wrap
from verify.report import Finding, Report, ShownEvent, Times, Weighed

if TYPE_CHECKING:
    from verify.fork import ForkReport
    from verify.outside.dkim import Signature
    from verify.outside.mails import Mail
    from verify.outside.tokens import Token

__all__ = ["fork_lines", "outside_lines", "outside_texts", "report_lines"]

_CAUSES = 20
_CONSEQUENCES = 5


def report_lines(report: Report, kind: str) -> Iterator[str]:
    """Yield the lines of a report on an "export" or on "evidence"."""
    place = "folder" if kind == "export" else "file"
    yield from wrap(_verdict(report, place))
    yield ""
    yield from _row("Ledger", [report.origin or "could not be read"])
    yield from _row("Fingerprint", _grouped(report.fingerprint))
    yield from _row("Size", _counted({} if report.size is None else {"entries": report.size}))
    yield from _row("Root", _grouped(report.root))
    if kind == "export":
        yield from _row("For", [report.audience or "could not be read"])
    yield from _shown(report.shown)
    yield from _row("Checked", _counted(report.counts))
    if kind == "export":
        sealed = report.counts["sealed claims"]
        yield from _row("Left closed", [f"{report.left_out:,} of {sealed:,} claims"])
    if report.weighed is not None:
        yield from _row("Cosigned", _cosigned(report.weighed))
    if report.times is not None:
        yield from _row("Times", list(_dated(report.times, kind)))
    yield from _row("Agrees with", report.anchors or ["nothing from elsewhere"])
    for number, finding in enumerate(report.findings[:_CAUSES], 1):
        yield ""
        yield from _finding(finding, f"{number}. ")
        yield from _consequences(finding)
    if len(report.findings) > _CAUSES:
        yield ""
        yield from wrap(f"… and {len(report.findings) - _CAUSES:,} more; --json lists all")
    yield ""
    yield "Not checked:"
    for text in report.not_checked:
        yield from wrap(text, first="  - ", rest="    ")
    if report.verdict == "self-consistent":
        yield ""
        yield from wrap(
            f"Whoever made this {place} could have made all of it up. Give a fingerprint, a log "
            "key, a policy or a receipt that reached you another way; --help shows how."
        )


def fork_lines(report: "ForkReport") -> Iterator[str]:
    """Yield the lines of a report on a fork proof."""
    yield from wrap(_FORK_VERDICT[report.verdict])
    for text in report.shows:
        yield ""
        yield from wrap(text)
    yield ""
    yield from _row("Ledger", [report.origin or "could not be read"])
    for size, root in report.checkpoints:
        yield from _row("Signed", [f"{size:,} {noun('entries', size)}", *_grouped(root)])
    yield from _row("By", report.accused)
    yield from _row("Agrees with", report.anchors or ["nothing from elsewhere"])
    for number, finding in enumerate(report.findings, 1):
        yield ""
        yield from _finding(finding, f"{number}. ")
    if report.not_shown:
        yield ""
        yield "Not shown:"
    for text in report.not_shown:
        yield from wrap(text, first="  - ", rest="    ")
    if report.verdict == "self-consistent":
        yield ""
        yield from wrap(
            "Whoever made this file could have made these keys up. Give the ledger's fingerprint, "
            "the log's key or a policy that reached you another way; --help shows how."
        )


_FORK_VERDICT = {
    "proven": "A LIE IS PROVEN. Both checkpoints were signed, and cannot both be true.",
    "self-consistent": "Two signed checkpoints that cannot both be true, by keys that nothing "
    "outside this file vouches for.",
    "invalid": "INVALID. This file proves nothing against the ledger that you asked about.",
}


def _verdict(report: Report, place: str) -> str:
    if report.verdict == "valid":
        return f"Valid. Every check passed, and what you supplied agrees with this {place}."
    if report.verdict == "self-consistent":
        return f"Consistent with itself only: nothing outside this {place} vouches for it."
    causes = len(report.findings)
    return f"INVALID. {causes:,} {'thing is' if causes == 1 else 'things are'} wrong, as follows."


def _row(name: str, texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield from wrap(text, first=f"  {'' if number else name:13}", rest=" " * 15)


def _grouped(digits: str | None) -> Sequence[str]:
    """Return a hash in groups that can be read aloud and compared, on two lines."""
    if digits is None:
        return ["could not be read"]
    return grouped(digits)


def _shown(events: Sequence[ShownEvent]) -> Iterator[str]:
    """Tell of each event that a file shows where it stands, who signed it, and what it says.

    What is said can be in anybody's words: their further lines stand apart from ours.
    """
    for number, one in enumerate(events):
        words = f"entry {one.index:,}: {one.kind} signed by {one.author}, event"
        yield from _row("" if number else "Shows", [words, one.event_id])
        opened = {f"{name} (opened)": value for name, value in one.opened.items()}
        for name, value in (*one.clear.items(), *opened.items()):
            said = value if isinstance(value, str) else _file(value)
            yield from wrap(f"{name}: {said}", first=" " * 15, rest=" " * 19)
        if one.closed:
            yield from _row("", [f"left closed: {', '.join(one.closed)}"])


def _file(file: File) -> str:
    return f"file {file.name}, {file.size:,} octets, SHA-256 {file.sha256}"


def _cosigned(weighed: Weighed) -> list[str]:
    """Say who cosigned, and what it would take to deceive by it."""
    if weighed.quorum is None:
        return ["your policy needs no co-signers"]
    count, need = len(weighed.cosigned), weighed.liars_needed
    who = f": {', '.join(weighed.cosigned)}" if count else ""
    return [
        f"by {count} of {weighed.witnesses} co-signers (quorum {weighed.quorum}){who}",
        f"{need} of them must lie to make two histories possible"
        if need
        else "two histories are possible though none of them lies",
    ]


def _dated(times: Times, kind: str) -> Iterator[str]:
    """Say what is proven of time, and by whom."""
    who = "your policy's co-signers" if times.by == "policy" else "the charter's own co-signers"
    if kind == "evidence":
        yield f"by {who}:"
        for index, bracket in times.brackets:
            yield f"entry {index:,}: {_bracketed(bracket)}"
        return
    entries = noun("entries", times.existed_by)
    yield f"by {who}: {times.existed_by:,} {entries} existed by a known time" + (
        "" if times.latest_s is None else f", the last by {format_time_s(times.latest_s)}"
    )
    was = "was" if times.signed_after == 1 else "were"
    yield f"{times.signed_after:,} {was} signed after a known time" + (
        ""
        if times.earliest_s is None
        else f", the earliest after {format_time_s(times.earliest_s)}"
    )


def _bracketed(bracket: Bracket) -> str:
    after_s, by_s = bracket.after_s, bracket.by_s
    words = []
    if after_s is not None:
        words.append(f"signed after {format_time_s(after_s)}")
    if by_s is not None:
        by = f"existed by {format_time_s(by_s)}"
        words.append(f"{by}, cosigned by {bracket.cosigned} of {bracket.witnesses}")
    return "; ".join(words) or "nothing shows when it was signed"


def _counted(counts: Mapping[str, int]) -> list[str]:
    """Return numbers of things, the numbers one under the other."""
    if not counts:
        return ["could not be read"]
    width = max(len(f"{count:,}") for count in counts.values())
    return [f"{count:{width},} {noun(name, count)}" for name, count in counts.items()]


def _finding(finding: Finding, bullet: str) -> Iterator[str]:
    indent = " " * len(bullet)
    entry = "" if finding.index is None else f", entry {finding.index:,}"
    head = f"[{finding.check.value}] {finding.check.slug}{entry}: {finding.where}"
    yield from wrap(head, first=bullet, rest=indent)
    yield from wrap(finding.reason, first=indent, rest=indent)
    for name, text in (("expected", finding.expected), ("found", finding.found)):
        if text is not None:
            yield from wrap(text, first=f"{indent}{name:9}", rest=f"{indent}{'':9}")


def _consequences(finding: Finding) -> Iterator[str]:
    below = finding.consequences
    if below:
        yield f"   and so{'' if len(below) == 1 else f', {len(below):,} times'}:"
    for consequence in below[:_CONSEQUENCES]:
        yield from _finding(consequence, "   - ")
    if len(below) > _CONSEQUENCES:
        yield f"   … and {len(below) - _CONSEQUENCES:,} more; --json lists all"


def outside_texts(
    tokens: "Sequence[Token]", mails: "Sequence[Mail]", *, chain: bool, keys: bool
) -> list[tuple[str, list[str]]]:
    """Say what came of outside evidence, each sort after its heading.

    Args:
        tokens: The tokens of time-stamping authorities.
        mails: The attestations about mails.
        chain: Whether the reader gave the certificates to go by.
        keys: Whether the reader gave the keys of mail servers.
    """
    told = (
        (
            "Time stamps of authorities outside this record:",
            list(_token_texts(tokens, trusted=chain)),
        ),
        ("Signatures of mail servers (DKIM):", list(_mail_texts(mails, trusted=keys))),
    )
    return [(heading, texts) for heading, texts in told if texts]


def outside_lines(told: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Yield the lines on outside evidence."""
    for heading, texts in told:
        yield ""
        yield heading
        for text in texts:
            yield from wrap(text, first="  - ", rest="    ")


def _token_texts(tokens: "Sequence[Token]", *, trusted: bool) -> Iterator[str]:
    whose = "certificates that you gave" if trusted else "certificates that its recorder chose"
    for token in tokens:
        if token.stamp is None:
            yield f"{_carried(token)}: proves nothing: {token.reason}"
        else:
            # Last and quoted (RFC 4514 escapes quotes): whoever made the certificate named it.
            yield (
                f"{_carried(token)}: the first {token.size:,} entries existed by "
                f"{token.stamp.time}, if the authority can be trusted; checked against {whose}. It "
                "says nothing of who wrote them, nor whether they are true. The authority is "
                f'called "{token.stamp.authority}"'
            )


def _carried(token: "Token") -> str:
    return "with this file" if token.index is None else f"entry {token.index:,}"


def _mail_texts(mails: "Sequence[Mail]", *, trusted: bool) -> Iterator[str]:
    for mail in mails:
        whose = "you gave" if trusted else f"{mail.author} recorded"
        head = f"entry {mail.index:,}"
        if mail.of is None or not mail.signatures:
            yield f"{head}: proves nothing: the mail is not here"
        for signature in mail.signatures:
            yield f"{head}, the mail of entry {mail.of:,}: {_signed(signature, whose)}"


def _signed(signature: "Signature", whose: str) -> str:
    if signature.state != "valid":
        name = f" ({signature.name})" if signature.name else ""
        return f"{signature.state}{name}: {signature.reason}"
    covers = ", ".join(signature.covers)
    limits = "" if signature.own else ". It is not of the domain that From names"
    limits += f". But {signature.reason}" if signature.reason else ""
    return (
        f"valid: d={signature.domain} signed {covers}, by a key of {signature.bits:,} bits that "
        f"{whose} for {signature.name}{limits}. Whether that was ever its key, and whether the "
        "mail arrived, it does not say."
    )
