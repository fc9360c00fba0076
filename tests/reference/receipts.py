"""Section 10.1: receipts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.reference.canonical import MAX_EVENTS, MAX_RECEIPT, Object, parse
from tests.reference.notes import decode_base64, parse_checkpoint
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import HEX_32, INDEX, INSTANT, fields, integer, pattern, text, words
from tests.reference.tree import check_inclusion

RECEIPT = fields(
    {
        "type": words("counterfoil-receipt/v1"),
        "charter": HEX_32,
        "count": integer(1, MAX_EVENTS),
        "first": INDEX,
        "leaf": HEX_32,
        "proof": text,
        "recorded": INSTANT,
    },
    {"prev": HEX_32, "rules": HEX_32},
)


@dataclass(frozen=True)
class LogProof:
    """A tlog-proof without `extra`."""

    index: int
    proof: list[bytes]
    checkpoint: bytes


def check_receipt(data: bytes) -> None:
    """Refuse a receipt that is malformed or contradicts itself [803]; no key is known here."""
    parse_receipt(data)


def parse_receipt(data: bytes) -> tuple[Object, LogProof]:
    """Read a receipt and its proof, and follow the proof to the root."""
    with refusing(803):
        if len(data) > MAX_RECEIPT:
            raise Malformed("receipt is too large")
        receipt = parse(data)
        RECEIPT(receipt, "receipt")
        assert isinstance(receipt, dict)
        proof = _parse_log_proof(receipt["proof"])
    with as_receipt():
        for name in ("prev", "rules"):
            need(803, f"{name} is there", found=name in receipt, expected=receipt["first"] > 0)
        if receipt["first"] == 0:
            need(803, "count of entry 0", found=receipt["count"], expected=1)
            need(803, "leaf of entry 0", found=receipt["leaf"], expected=receipt["charter"])
        last = receipt["first"] + receipt["count"] - 1
        need(803, "index of the proof", found=proof.index, expected=last)
        checkpoint = parse_checkpoint(proof.checkpoint)
        check_inclusion(
            index=proof.index,
            size=checkpoint.size,
            leaf=bytes.fromhex(receipt["leaf"]),
            proof=proof.proof,
            root=checkpoint.root,
        )
    return receipt, proof


@contextmanager
def as_receipt() -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise Refused(
            803, problem.where, expected=problem.expected, found=problem.found
        ) from problem


def _parse_log_proof(written: str) -> LogProof:
    head, blank, checkpoint = written.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 2:
        raise Malformed("receipt.proof is no tlog-proof")
    pattern("index (?:0|[1-9][0-9]{0,15})")(lines[1], "receipt.proof")
    hashes = [decode_base64(line) for line in lines[2:]]
    if len(hashes) > 63 or any(len(each) != 32 for each in hashes):
        raise Malformed("receipt.proof has a hash that is not 32 octets, or too many")
    return LogProof(int(lines[1].removeprefix("index ")), hashes, checkpoint.encode("utf-8"))
