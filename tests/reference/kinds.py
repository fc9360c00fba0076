"""Sections 3 and 4: the fields of events, with the claim names of section 5.

A kind is its required and its optional fields.
"""

from tests.reference.schema import (
    ACTOR,
    ACTORS,
    DAY,
    EDTF,
    HEX_32,
    INDEX,
    NONCE,
    ORIGIN,
    PARTIES,
    PARTY,
    POWERS,
    REFS,
    SIGNATURE,
    YES_NO_UNKNOWN,
    Fields,
    ascending,
    fields,
    integer,
    item_ranges,
    mapping,
    pattern,
    several,
    text,
    words,
)


def _listed(names: str) -> list[str]:
    return names.split()


DATE_ROLES = _listed(
    "as_at created dated due effective end handed_over held made obtained occurred opened opens_by "
    "period published received sent start until value"
)
RELATIONS = _listed(
    "about corrects discharges encloses evidences follows minutes_of replies_to same_as supersedes"
)
GOVERNANCE = ("charter/v1", "party/v1", "key/v1", "approval/v1")
VERBS = {
    "request": _listed(
        "acknowledge answer chase clarify defer escalate extend narrow refuse resume review "
        "seek_clarification transfer withdraw"
    ),
    "commitment": _listed("claim_unfulfilled confirm fulfil overtaken part_fulfil release replace"),
    "agreement": _listed("comment draft end not_adopted propose sign suspend vary"),
    "arrangement": _listed("chair close dormant establish join leave terms"),
}

# Section 5, claim names.
NUMBERED_STEMS = _listed("address allegation file item material person reference sentence url")
PLAIN_STEMS = _listed(
    "body conditions decision description dpia dpo_view holder individual_rights lawful_basis "
    "legal_power locator message_id name necessity note order purpose question reason retention "
    "security source special_category subject terms text title value"
) + [f"phrase_{role}" for role in DATE_ROLES]
CLAIM_PATTERN = (
    f"(?:{'|'.join(PLAIN_STEMS + NUMBERED_STEMS)})"
    f"|(?:{'|'.join(NUMBERED_STEMS)})\\.[1-9][0-9]{{0,3}}"
)
CLAIM = pattern(CLAIM_PATTERN)
CLAIMS = ascending(CLAIM, 512)

COMMON_REQUIRED: Fields = {"author": PARTY, "kind": text, "nonce": NONCE}
COMMON_OPTIONAL: Fields = {
    "dates": mapping(
        words(" ".join(DATE_ROLES)),
        fields({"basis": words("stated inferred corroborated convention"), "edtf": EDTF}),
        len(DATE_ROLES),
    ),
    "links": several(
        fields({"event": HEX_32, "rel": words(" ".join(RELATIONS))}, {"ledger": HEX_32}), 64
    ),
    "on_behalf_of": ACTORS,
    "authority": words("claimed evidenced ratified disowned"),
    "sealed": mapping(CLAIM, HEX_32, 512),
    "withheld": CLAIMS,
    "audience": mapping(CLAIM, PARTIES, 512),
    "retain": mapping(CLAIM, DAY, 512),
    "cipher": mapping(CLAIM, HEX_32, 512),
}

LEDGER = fields({"charter": HEX_32, "origin": ORIGIN})
DAYS = integer(0, 365)
WITNESS = fields(
    {
        "algorithm": words("ed25519 ml-dsa-44"),
        "key": pattern("[0-9a-f]{64}|[0-9a-f]{2624}"),
        "name": ORIGIN,
    },
    {"party": PARTY},
)
KINDS: dict[str, tuple[Fields, Fields]] = {
    "charter/v1": (
        {
            "contemporaneous_days": DAYS,
            "controller": PARTY,
            "log_key": HEX_32,
            "members": PARTIES,
            "notice_days": DAYS,
            "origin": ORIGIN,
            "quorum": integer(0, 32),
            "registrars": PARTIES,
            "spec": pattern("counterfoil/[1-9][0-9]{0,3}"),
            "state": words("open closed"),
            "thresholds": fields({"govern": integer(1, 1024), "recover": integer(1, 1024)}),
            "tolerance_s": integer(0, 86_400),
            "visibility": words("public members"),
            "waiting_days": DAYS,
        },
        {
            "amends": HEX_32,
            "founding_key": fields({"key": HEX_32, "powers": POWERS}, {"post": PARTY}),
            "predecessor": fields({"charter": HEX_32, "root": HEX_32, "size": integer(1)}),
            "witnesses": several(WITNESS, 32),
        },
    ),
    "party/v1": ({"verb": words("join leave"), "charter": HEX_32}, {}),
    "key/v1": (
        {"verb": words("enrol revoke recover"), "party": PARTY, "key": HEX_32},
        {
            "post": PARTY,
            "powers": POWERS,
            "possession": SIGNATURE,
            "replaces": HEX_32,
            "compromised_since": INDEX,
        },
    ),
    "approval/v1": ({"of": HEX_32}, {}),
    "communication/v1": (
        {"channel": words("letter email call message portal publication other")},
        {
            "from": ACTORS,
            "to": ACTORS,
            "cc": ACTORS,
            "delivery": words("none sent delivered bounced unknown"),
        },
    ),
    "meeting/v1": (
        {},
        {
            "attendees": ACTORS,
            "apologies": ACTORS,
            "chair": ACTOR,
            "host": ACTOR,
            "medium": words("in_person video call hybrid unknown"),
            "minutes": YES_NO_UNKNOWN,
            "count": integer(1, 65_535),
        },
    ),
    "artefact/v1": (
        {"type": words("protocol minutes dataset assessment letter policy recording other")},
        {"custodian": ACTOR, "provenance": ACTOR},
    ),
    "transfer/v1": (
        {"from": ACTOR, "to": ACTORS},
        {
            "discharges": several(fields({"request": HEX_32}, {"items": item_ranges}), 256),
            "geography": words("postcode oa lsoa msoa ward district county person other"),
            "personal_data": YES_NO_UNKNOWN,
            "rows": integer(0),
            "under": HEX_32,
            "via": HEX_32,
        },
    ),
    "request/v1": (
        {
            "what": words("data meeting reply decision signature invitation other"),
            "medium": words("written oral unknown"),
            "from": ACTORS,
            "to": ACTORS,
        },
        {
            "categories": integer(1, 4_096),
            "areas": ACTORS,
            "areas_doubtful": ACTORS,
            "regime": words("none agreed_date foia_20 eir_20_40 sar_1_month cpr_deemed"),
            "personal_data": YES_NO_UNKNOWN,
            "controllers": words("joint separate unknown"),
            "agreement_in_place": YES_NO_UNKNOWN,
            "reply_to": ACTOR,
        },
    ),
    "commitment/v1": (
        {
            "by": ACTOR,
            "to": ACTORS,
            "what": words("data document meeting reply decision payment other"),
        },
        {"trigger": HEX_32},
    ),
    "agreement/v1": (
        {"type": words("information_sharing protocol terms memorandum funding other")},
        {"signatories": ACTORS, "effective": words("all_signed each_signed date")},
    ),
    "arrangement/v1": (
        {"type": words("forum facility")},
        {"operator": ACTOR, "members": ACTORS},
    ),
    "step/v1": (
        {
            "of": HEX_32,
            "target": words(" ".join(VERBS)),
            "verb": words(" ".join(verb for verbs in VERBS.values() for verb in verbs)),
        },
        {
            "by": ACTOR,
            "to": ACTORS,
            "items": item_ranges,
            "outcome": words("full part not_held already_public"),
            "reason": words("unclear purpose lawful_basis cost exempt repeated not_held other"),
            "version": integer(1, 65_535),
            "members": ACTORS,
            "until_events": REFS,
        },
    ),
    "knowledge/v1": (
        {
            "knower": ACTOR,
            "of": HEX_32,
            "mode": words("became_aware told not_told could_have_known disclaims knew_earlier"),
        },
        {
            "directness": words("actor_told copied third_party public_source own_record inferred"),
            "via": HEX_32,
            "by": ACTOR,
        },
    ),
    "position/v1": (
        {
            "on": HEX_32,
            "stance": words(
                "received admit agree not_admit dispute deny correct retract_own ratify "
                "disown object"
            ),
        },
        {
            "field": pattern(
                "happened|actors|items|status"
                f"|dates\\.(?:{'|'.join(DATE_ROLES)})|claims\\.(?:{CLAIM_PATTERN})"
            ),
            "items": item_ranges,
        },
    ),
    "account/v1": (
        {},
        {
            "from": ACTOR,
            "to": ACTORS,
            "sentences": several(fields({"number": integer(1, 4_096)}, {"events": REFS}), 4_096),
        },
    ),
    "attestation/v1": (
        {"type": words("dkim arc rfc3161 opentimestamps delivery_log public_record other")},
        {"of": HEX_32, "size": integer(1), "root": HEX_32},
    ),
    "sealed/v1": ({"seals": HEX_32}, {}),
    "opening/v1": ({"of": HEX_32}, {"event": lambda _value, _where: None, "names": CLAIMS}),
    "erasure/v1": (
        {
            "of": HEX_32,
            "names": CLAIMS,
            "ground": words(
                "subject_request retention legal_obligation court_order regulator_order error other"
            ),
        },
        {},
    ),
    "hold/v1": ({}, {"of": REFS, "all": words("yes"), "ends": HEX_32}),
}
