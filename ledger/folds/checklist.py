"""What an agreement on sharing data should record, and what this one does not.

A claim counts as recorded where it is sealed, whether it is open here or not: what it says is for
people to read. One element has no field: whether the parties are joint controllers stands in the
text or nowhere. Information governance is taken as security and retention, and further details as
the text and the day on which it ends or is reviewed.

Source: Information Commissioner's Office, Data sharing: a code of practice (2021), "Data sharing
agreements".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.view import Told
from verify.claims import stem
from verify.kinds import Agreement, DateRole

__all__ = ["CHECKED", "ELEMENTS", "unrecorded"]

CHECKED: Final = frozenset(("information_sharing", "memorandum", "protocol"))
"""The types of agreement that are held against the list."""

_CLAIMS: Final[Mapping[str, frozenset[str]]] = {
    "purpose": frozenset(("purpose",)),
    "data items": frozenset(("item",)),
    "lawful basis": frozenset(("lawful_basis", "legal_power")),
    "special categories": frozenset(("special_category",)),
    "access and individual rights": frozenset(("individual_rights",)),
    "security": frozenset(("security",)),
    "retention": frozenset(("retention",)),
    "its text": frozenset(("text", "terms", "file")),
}
_ROLES: Final[frozenset[DateRole]] = frozenset(("due", "end", "until"))

ELEMENTS: Final = ("organisations", *_CLAIMS, "end or review")
"""The elements of the list, in its order."""


def unrecorded(event: Agreement, steps: Iterable[Told]) -> tuple[str, ...]:
    """Return the elements of the list that neither an agreement nor its steps record.

    Args:
        event: The agreement.
        steps: Its drafts and variations.
    """
    events = (event, *(told.event for told in steps))
    stems = {stem(name) for each in events for name in each.sealed or ()}
    roles = {role for each in events for role in each.dates or ()}
    found = {element for element, names in _CLAIMS.items() if not names.isdisjoint(stems)}
    if event.signatories:
        found.add("organisations")
    if not _ROLES.isdisjoint(roles):
        found.add("end or review")
    return tuple(element for element in ELEMENTS if element not in found)
