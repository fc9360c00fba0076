r"""What machines read of a report: one object.

Canonical JSON (SPEC section 1.1, but that lists may be empty):

    type            "counterfoil-report/v1"
    of              "export" or "evidence"
    verdict         "valid", "self-consistent" or "invalid"
    origin          the log's name; absent where it could not be read, as the next three
    fingerprint     leaf hash of entry 0, hex
    size, root      of the checkpoint: an integer; hex
    audience        of an export: for whom its manifest says it is; absent if it could not be read
    shown           of evidence: list of the events that it shows; absent where something is wrong
        entry, event    index; id, hex
        kind, author    its kind without its version; the party that signed it
        opened          list of the names of its claims that are opened
        closed          list of the names of its claims that are not opened
    left_out        of an export: how many sealed claims are not opened in it
    agrees          what the reader supplied and agrees, in words
    counts          what was checked: name -> integer
    findings        list of causes, each
        check, name     number and name, as in SPEC section 12
        where, reason   what it is about; what is wrong with it
        entry           index of the entry concerned; absent if none is
        expected, found absent where there is nothing to show
        consequences    list of findings that follow from this one, of the same form
    cosigned        the checkpoint's cosignatures by the reader's policy; absent without one
        quorum      the policy's name of the witness or group that must cosign; absent for none
        by          list of the policy's names of the quorum's witnesses that did
        witnesses   how many witnesses the quorum is made of
        liars_needed how many of them must lie to make two histories possible
    times           what cosignatures prove of time, where a quorum could; times are POSIX seconds
        by          "policy" or "charter": whose witnesses and quorum
        signed_after, existed_by  of an export: of how many entries there is such a time
        earliest, latest  of an export: the first of those after which one was signed, the last of
                    those by which one existed; absent where there is none
        brackets    of evidence: list for each entry shown
            entry   its index
            signed_after, existed_by  absent where nothing shows it
            cosigned, witnesses  how many of the quorum's witnesses had cosigned by then, of how
                    many; with existed_by
    not_checked     what was not looked at, in words
    tokens          of what is sound, where `verify.outside` can be used: list of the tokens of
                    time-stamping authorities over checkpoints, each
        entry, size     of an export: index of the entry that carries it; how many entries it dates
        time, authority when these existed, by that authority; absent if it does not hold
        reason          why it does not hold; absent if it does
    mails           of what is sound, where `verify.outside` can be used: list of the attestations
                    that record keys of mail servers (DKIM), each
        entry, of       index of the entry that records them; of the mail's, absent if it is not
                    here
        author          who records them
        signatures  list of the mail's signatures
            state       "valid", "invalid" or "not checkable"
            reason      why, or what it leaves open; absent for none
            name, domain where its key stands in the DNS; the domain that signed
            covers      what of From, To, Date, Subject and body it covers
            own         "yes" if From is one address of that domain, or of one below it
            day         the day of its Date; absent if that cannot be read
            bits        the size of its key; of a valid one, as are the last four

Of a fork proof, `of` is "fork" and `verdict` "proven", "self-consistent" or "invalid"; besides
`type`, `origin`, `agrees` and `findings` there are

    kind            of the lie, as in SPEC section 10.3; absent if it could not be read
    accused         verifier keys of those whose lie it is
    checkpoints     list of {root, size}
    shows           what is shown, in words
    not_shown       what is not, in words

Characters that no terminal should get (controls, direction marks, half surrogates) are written
there as escapes, such as the four characters `\x1b`; in what people read, likewise.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from verify.brackets import Bracket
from verify.lines import plain
from verify.report import Finding, Report, ShownEvent, Times, Weighed

if TYPE_CHECKING:
    from verify.fork import ForkReport
    from verify.outside.dkim import Signature
    from verify.outside.mails import Mail
    from verify.outside.tokens import Token

__all__ = ["Object", "fork_object", "mail_object", "report_object", "token_object"]

Object: TypeAlias = dict[str, "str | int | list[str] | Mapping[str, int] | list[Object] | Object"]


def report_object(report: Report, kind: str) -> Object:
    """Return what is printed of a report on an "export" or on "evidence"."""
    result: Object = {
        "type": "counterfoil-report/v1",
        "of": kind,
        "verdict": report.verdict,
        "agrees": [plain(text) for text in report.anchors],
        "counts": {name.replace(" ", "_"): count for name, count in report.counts.items()},
        "findings": [_finding(finding) for finding in report.findings],
        "not_checked": list(report.not_checked),
    }
    if kind == "export":
        result["left_out"] = report.left_out
    if report.shown:
        result["shown"] = [_shown(one) for one in report.shown]
    if report.weighed is not None:
        result["cosigned"] = _weighed(report.weighed)
    if report.times is not None:
        result["times"] = _times(report.times, kind)
    for name in ("origin", "fingerprint", "size", "root", "audience"):
        value = getattr(report, name)
        if value is not None:
            result[name] = value
    return result


def _shown(one: ShownEvent) -> Object:
    return {
        "entry": one.index,
        "event": one.event_id,
        "kind": one.kind,
        "author": one.author,
        "opened": list(one.opened),
        "closed": list(one.closed),
    }


def _weighed(weighed: Weighed) -> Object:
    result: Object = {
        "by": [plain(name) for name in weighed.cosigned],
        "witnesses": weighed.witnesses,
        "liars_needed": weighed.liars_needed,
    }
    if weighed.quorum is not None:
        result["quorum"] = plain(weighed.quorum)
    return result


def _times(times: Times, kind: str) -> Object:
    result: Object = {"by": times.by}
    if kind == "evidence":
        result["brackets"] = [_bracket(index, bracket) for index, bracket in times.brackets]
        return result
    result |= {"signed_after": times.signed_after, "existed_by": times.existed_by}
    return result | _there(earliest=times.earliest_s, latest=times.latest_s)


def _bracket(index: int, bracket: Bracket) -> Object:
    result: Object = {"entry": index}
    result |= _there(signed_after=bracket.after_s, existed_by=bracket.by_s)
    if bracket.by_s is not None:
        result |= {"cosigned": bracket.cosigned, "witnesses": bracket.witnesses}
    return result


def _there(**values: int | None) -> dict[str, int]:
    return {name: value for name, value in values.items() if value is not None}


def fork_object(report: "ForkReport") -> Object:
    """Return what is printed of a report on a fork proof."""
    checkpoints: list[Object] = [{"root": root, "size": size} for size, root in report.checkpoints]
    result: Object = {
        "type": "counterfoil-report/v1",
        "of": "fork",
        "verdict": report.verdict,
        "accused": [plain(vkey) for vkey in report.accused],
        "agrees": list(report.anchors),
        "checkpoints": checkpoints,
        "findings": [_finding(finding) for finding in report.findings],
        "not_shown": list(report.not_shown),
        "shows": [plain(text) for text in report.shows],
    }
    for name, text in (("kind", report.kind), ("origin", report.origin)):
        if text is not None:
            result[name] = plain(text)
    return result


def _finding(finding: Finding) -> Object:
    result: Object = {
        "check": finding.check.value,
        "name": finding.check.slug,
        "where": plain(finding.where),
        "reason": plain(finding.reason),
        "consequences": [_finding(below) for below in finding.consequences],
    }
    if finding.index is not None:
        result["entry"] = finding.index
    for name, text in (("expected", finding.expected), ("found", finding.found)):
        if text is not None:
            result[name] = plain(text)
    return result


def token_object(token: "Token") -> Object:
    """Return what is printed of a token."""
    result: Object = {"size": token.size}
    result |= _there(entry=token.index)
    if token.stamp is None:
        return result | {"reason": plain(token.reason)}
    return result | {"time": token.stamp.time, "authority": plain(token.stamp.authority)}


def mail_object(mail: "Mail") -> Object:
    """Return what is printed of an attestation about a mail."""
    result: Object = {"entry": mail.index, "author": mail.author}
    result |= _there(of=mail.of)
    return result | {"signatures": [_signature_object(each) for each in mail.signatures]}


def _signature_object(signature: "Signature") -> Object:
    result: Object = {"state": signature.state}
    named = (("reason", signature.reason), ("name", signature.name), ("domain", signature.domain))
    result |= {name: plain(text) for name, text in named if text}
    if signature.state != "valid":
        return result
    result |= {"day": signature.day} if signature.day else {}
    own = "yes" if signature.own else "no"
    return result | {"covers": list(signature.covers), "own": own, "bits": signature.bits}
