"""The second verifier: `verify/SPEC.md` read as it stands, and nothing of the first verifier.

It exists to disagree. It is slow, keeps whole files in memory, walks lists where the first one
keeps indices, and shares no line with `verify/`: where the two give different verdicts, one of them
or the specification is wrong. It does not read folders, print or exit. Numbers in `Refused` are
those of SPEC.md's section 12. Each room reads one section, and imports the standard library, one
Ed25519 library and rooms above it in this list:

| room                   | section of SPEC.md                               |
|------------------------|--------------------------------------------------|
| refusals               | 12: how each check refuses                       |
| canonical, schema      | 1: octets; limits, small types, lists            |
| signatures             | 2                                                |
| tree                   | 7: hashes and proofs                             |
| kinds, events          | 3 and 4: fields; what else an event must satisfy |
| claims                 | 5                                                |
| submissions            | 6                                                |
| entries                | 7: entries                                       |
| notes                  | 8                                                |
| policies               | 8.1, 8.2 and 11.4                                |
| state, rules           | 9: what is known; what is refused                |
| receipts               | 10.1                                             |
| findings               | 12: causes and consequences                      |
| exports                | 11                                               |
| audit                  | 12: the audit of an export                       |
| evidence               | 10.2                                             |
| forks                  | 10.3                                             |
"""

from tests.reference.audit import audit_export
from tests.reference.canonical import encode, parse
from tests.reference.claims import check_disclosure
from tests.reference.entries import check_entry
from tests.reference.events import check_event, event_id
from tests.reference.evidence import audit_evidence
from tests.reference.findings import Finding, Report
from tests.reference.forks import check_fork
from tests.reference.notes import check_checkpoint, check_note, read_checkpoint
from tests.reference.receipts import check_receipt, parse_receipt
from tests.reference.refusals import Refused, UnknownVersion
from tests.reference.rules import needed_powers, references
from tests.reference.signatures import check_key, check_signature, ed25519_exact
from tests.reference.submissions import check_document, check_statement
from tests.reference.tree import check_consistency, check_inclusion, leaf_hash, tree_hash

__all__ = [
    "Finding",
    "Refused",
    "Report",
    "UnknownVersion",
    "audit_evidence",
    "audit_export",
    "check_checkpoint",
    "check_consistency",
    "check_disclosure",
    "check_document",
    "check_entry",
    "check_event",
    "check_fork",
    "check_inclusion",
    "check_key",
    "check_note",
    "check_receipt",
    "check_signature",
    "check_statement",
    "ed25519_exact",
    "encode",
    "event_id",
    "leaf_hash",
    "needed_powers",
    "parse",
    "parse_receipt",
    "read_checkpoint",
    "references",
    "tree_hash",
]
