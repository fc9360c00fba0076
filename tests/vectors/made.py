"""Every file of vectors, by name."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.vectors.events import event_vectors
from tests.vectors.evidence import evidence_vectors
from tests.vectors.exports import export_vectors
from tests.vectors.judging import KERNEL, REFERENCE, judge
from tests.vectors.notes import fork_vectors, note_vectors, receipt_vectors
from tests.vectors.signatures import (
    consistency_vectors,
    inclusion_vectors,
    key_vectors,
    signature_vectors,
)
from tests.vectors.spelling import Vectors
from tests.vectors.submissions import (
    disclosure_vectors,
    document_vectors,
    entry_vectors,
    statement_vectors,
)
from tests.world import restart

FOLDER = Path(__file__).parent

MAKERS: dict[str, Callable[[], Vectors]] = {
    "consistency": consistency_vectors,
    "disclosure": disclosure_vectors,
    "document": document_vectors,
    "entry": entry_vectors,
    "event": event_vectors,
    "evidence": evidence_vectors,
    "export": export_vectors,
    "fork": fork_vectors,
    "inclusion": inclusion_vectors,
    "key": key_vectors,
    "note": note_vectors,
    "receipt": receipt_vectors,
    "signature": signature_vectors,
    "statement": statement_vectors,
}


def make(name: str) -> bytes:
    """Return the octets of one file of vectors."""
    restart(f"vectors {name}")
    lines = []
    for vector in MAKERS[name]():
        _, by_kernel = judge(KERNEL, vector)
        _, by_reference = judge(REFERENCE, vector)
        if by_kernel and by_kernel == by_reference:
            vector["check"] = by_kernel
        lines.append(json.dumps(vector, sort_keys=True, separators=(",", ":")))
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()
