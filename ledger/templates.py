"""Templates: an empty draft for each kind of event, with every field and its words.

Made from the kernel's types each time, so that no template can promise what no event can hold.
A template cannot be recorded as it stands: what has to be filled in says so and is refused.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final, get_args

from ledger.errors import DraftError
from ledger.shapes import COMMON, KINDS, PLURALS, Field, describe, fields_of
from verify.claims import DATE_ROLES, NUMBERED_STEMS, STEMS
from verify.kinds import STEP_VERBS, Basis, Rel

__all__ = ["DRAFT_TYPE", "FILL_IN", "new_draft"]

DRAFT_TYPE: Final = "draft/v1"
FILL_IN: Final = "FILL-IN"
_WIDTH: Final = 96


def new_draft(kind: str) -> str:
    """Return the template of a draft with one event of `kind`, with or without its version.

    Raises:
        DraftError: There is no such kind.
    """
    tag = kind if kind in KINDS else f"{kind}/v1"
    if tag not in KINDS:
        known = ", ".join(name.removesuffix("/v1") for name in KINDS)
        raise DraftError("new draft", f"{kind[:80]!r} is no kind of event: {known}")
    return "\n".join(_lines(tag)) + "\n"


def _lines(tag: str) -> Iterator[str]:
    shape = KINDS[tag]
    yield from _comment((shape.__doc__ or "").strip())
    yield from _comment("Lines that begin with # are not read. Fill in, or take away the #.")
    yield f"counterfoil: {DRAFT_TYPE}"
    yield "# author: the party that signs, checked against the key"
    yield "# year: 2025          # the year of dates whose words name none"
    yield "# sets:               # $districts then stands for them in lists of parties"
    yield "#   districts: [blaby, charnwood]"
    yield "events:"
    yield f"  - kind: {tag.removesuffix('/v1')}"
    yield "    # label: a-name-for-later-events   # never recorded"
    if tag == "sealed/v1":
        yield from _sealed_lines()
        return
    for field in fields_of(shape).values():
        if field.name not in COMMON and not (tag == "opening/v1" and field.name == "event"):
            yield from _field_lines(field, tag)
    if tag != "opening/v1":
        yield from _common_lines()


def _sealed_lines() -> Iterator[str]:
    yield from _comment("the day by which you will open it, as YYYY-MM-DD", "    ")
    yield f"    opens_by: {FILL_IN}"
    yield from _comment("the event to seal, as it would stand by itself", "    ")
    yield "    event:"
    yield f"      kind: {FILL_IN}"


def _field_lines(field: Field, tag: str) -> Iterator[str]:
    yield from _comment(_words(field, tag), "    ")
    mark = "" if field.required else "# "
    listed = describe(field).startswith("a list")
    yield f"    {mark}{field.name}: {f'[{FILL_IN}]' if listed else FILL_IN}"


def _words(field: Field, tag: str) -> str:
    if tag == "step/v1" and field.name == "verb":
        verbs = (f"{target}: {' | '.join(sorted(STEP_VERBS[target]))}" for target in STEP_VERBS)
        return "; ".join(verbs)
    return describe(field)


def _common_lines() -> Iterator[str]:
    yield from _comment(f"dates, each one of: {' | '.join(DATE_ROLES)}", "    ")
    basis = " | ".join(get_args(Basis))
    yield from _comment(f"basis: {basis}. A bare date is `stated`.", "    ")
    yield "    # dates:"
    yield '    #   occurred: {words: "6th March", edtf: "2025-03-06", basis: inferred}'
    yield from _comment(
        'edtf: "2025-03" (a day of that month) | "2025-03~" (about then) | '
        '"[2025-03-01..2025-05-31]" (a day of these) | "[..2025-03-06]" (on or before) | '
        '"[2025-03-06..]" | "2025-07/2025-09" (a period) | "2025-XX" (the year only). Words such '
        "as 6th March, early June, in June, before 6 March need none.",
        "    ",
    )
    yield from _comment(f"links, rel one of: {' | '.join(get_args(Rel))}", "    ")
    yield f"    # links: [{{rel: follows, to: {FILL_IN}}}]"
    yield f"    # on_behalf_of: [{FILL_IN}]"
    fields = fields_of(KINDS["meeting/v1"])
    yield from _comment(f"authority, with on_behalf_of: {describe(fields['authority'])}", "    ")
    yield f"    # authority: {FILL_IN}"
    single = sorted(s for s in STEMS - NUMBERED_STEMS if not s.startswith("phrase_"))
    yield from _comment(f"claims are sealed: {' | '.join(single)}", "    ")
    yield from _comment(f"claims that are lists: {' | '.join(PLURALS)}", "    ")
    yield "    # claims:"
    yield "    #   text: |"
    yield f"    #     {FILL_IN}"
    yield "    #   files: [letter.pdf]"
    yield from _comment("claims kept back, shown to some only, kept until a day", "    ")
    yield "    # withheld: [text]"
    yield "    # audience: {text: [rutland]}"
    yield "    # retain: {text: 2031-01-01}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
