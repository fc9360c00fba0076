from verify.checks import Check
from verify.errors import RuleError
from verify.report import Finding, nest


def finding(check: Check, index: int | None = None, **fields: object) -> Finding:
    return Finding(check, "where", "why", index, **fields)  # type: ignore[arg-type]  # any field


def test_the_first_finding_is_the_cause_and_others_at_its_entry_follow() -> None:
    cause, follows, other = finding(Check.ENTRY, 3), finding(Check.POWER, 3), finding(Check.KEY, 9)
    nested = nest((cause, follows, other))

    assert [Check.ENTRY, Check.KEY] == [f.check for f in nested]
    assert (follows,) == nested[0].consequences
    assert () == nested[1].consequences


def test_others_of_its_submission_follow() -> None:
    nested = nest(
        (finding(Check.SIGNATURE, 3, submission=3), finding(Check.COUNT, 5, submission=3))
    )

    assert 1 == len(nested)


def test_what_is_at_a_damaged_entry_follows_from_that_and_not_from_the_first_damage() -> None:
    nested = nest(
        (
            finding(Check.ENTRY, 3),
            finding(Check.ENTRY, 5),
            finding(Check.DISCLOSURE_MISSING, 5),
            finding(Check.DISCLOSURE_MISSING, 7),
        )
    )

    assert [[7], [5]] == [[below.index for below in one.consequences] for one in nested]


def test_what_is_said_of_the_tree_follows_from_damage() -> None:
    nested = nest((finding(Check.TILE), finding(Check.ROOT), finding(Check.NOTE_ROOT)))

    assert [(Check.TILE, 2)] == [(f.check, len(f.consequences)) for f in nested]


def test_what_keys_may_do_follows_from_refused_governance() -> None:
    nested = nest((finding(Check.ENROLMENT, 2, governance=True), finding(Check.KEY, 7)))

    assert [(Check.ENROLMENT, 1)] == [(f.check, len(f.consequences)) for f in nested]


def test_a_refusal_becomes_a_finding() -> None:
    error = RuleError(Check.POWER, "events[0].kind", "lacks", "record", "answer")
    made = Finding.of(error, index=4, submission=4, governance=True)

    assert (Check.POWER, "events[0].kind", "lacks", 4) == made[:4] if isinstance(made, tuple) else (
        Check.POWER, "events[0].kind", "lacks", 4
    ) == (made.check, made.where, made.reason, made.index)  # fmt: skip
    assert ("record", "answer") == (made.expected, made.found)
    assert () == nest(())
