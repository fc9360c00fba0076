"""The numbered checks of SPEC section 12: the names by which refusals and findings are known.

A refusal at the door and a finding of an audit name the same check, because they are the same
code. This module only names them; what each one demands is written in SPEC and done in `kinds`,
`events`, `claims`, `submission`, `rules`, `audit`, `evidence` and `fork`.
"""

import enum

__all__ = ["Check"]


class Check(enum.IntEnum):
    """One numbered check. Its `slug` is its name in reports and in HTTP problems."""

    LAYOUT = 101
    MANIFEST = 102
    POLICY = 103
    VERSION = 104
    CHECKPOINT = 201
    NOTES = 203
    NOTE_SIGNATURE = 204
    NOTE_ROOT = 205
    NOTE_UNUSED = 206
    TILE_MISSING = 301
    TILE = 302
    BUNDLE = 303
    ROOT = 304
    ENTRY = 401
    INDEX = 402
    PREV = 403
    RECORDED = 404
    EVENT = 405
    POSITION = 406
    RULES_REF = 407
    REPEATED = 408
    BRACKET = 409
    LEDGER = 501
    AUTHOR = 502
    COUNT = 503
    SUBMISSION_ROOT = 504
    SIGNATURE = 505
    KEY = 506
    SEEN = 507
    EXPIRES = 508
    ALONE = 509
    POWER = 510
    STATEMENT = 511
    CHARTER = 601
    PARTY = 602
    ENROLMENT = 603
    APPROVAL = 604
    REFERENCE = 605
    STEP = 606
    OPENING = 607
    ERASURE = 608
    HOLD = 609
    CLOSED = 610
    OWN = 611
    DISCLOSURES = 701
    DISCLOSURE_UNUSED = 702
    DISCLOSURE = 703
    DISCLOSURE_MISSING = 704
    AUDIENCE = 705
    FILE_MISSING = 706
    FILE = 707
    FILE_UNUSED = 708
    LOG_KEY = 801
    FINGERPRINT = 802
    RECEIPT = 803
    QUORUM = 804
    COSIGNATURE = 805
    EVIDENCE = 901
    INCLUSION = 902
    GOVERNANCE_CHAIN = 903
    FORK = 904

    @property
    def slug(self) -> str:
        """The check's name in SPEC section 12, such as "submission-root"."""
        return self.name.lower().replace("_", "-")
