"""What failed, and where: the words of section 12 in which every room refuses.

`Refused` is the only exception that malformed input raises, and `UnknownVersion` where the text
says that a verifier stops.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class Refused(Exception):  # noqa: N818 - the word of the specification
    """Something failed a check of section 12.

    Attributes:
        check: The number of the check.
        where: What failed, in words.
        expected: What would have passed, where that is one value.
        found: What was there instead.
    """

    def __init__(
        self, check: int, where: str, *, expected: str | None = None, found: str | None = None
    ) -> None:
        super().__init__(f"[{check}] {where}")
        self.check = check
        self.where = where
        self.expected = expected
        self.found = found


class UnknownVersion(Exception):  # noqa: N818 - as above
    """`spec` is not one that this verifier knows: it stops [104]."""


class Malformed(Exception):  # noqa: N818 - as above
    """A text breaks section 1 or its schema; the caller knows which check that is."""


@contextmanager
def refusing(check: int) -> Iterator[None]:
    """Turn `Malformed` into `Refused` with the number of `check`."""
    try:
        yield
    except Malformed as problem:
        raise Refused(check, str(problem)) from problem


def need(check: int, where: str, *, found: object, expected: object) -> None:
    """Refuse, with both values, unless they are equal."""
    if found != expected:
        raise Refused(check, where, expected=str(expected), found=str(found))
