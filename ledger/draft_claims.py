"""Claims of a draft: texts, files, and the names by which a person speaks of them.

`items: [a, b]` is item.1 and item.2, and so for every numbered name. A file is named by a path
below the draft's own folder; it is hashed here, and copied by whoever keeps what was composed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from ledger.compose import FileClaim, file_claim
from ledger.dates import parse_when
from ledger.draft_values import (
    Place,
    check_known,
    did_you_mean,
    list_of,
    mapping_of,
    prose_of,
    text_of,
)
from ledger.errors import DateError
from ledger.handwritten import Plain
from ledger.shapes import PLURALS, STEMS
from verify.claims import File, is_claim_name, stem

__all__ = ["day_of", "names_of", "read_claims", "retain_of", "withheld_of"]

_MEDIA_TYPES: Final[dict[str, str]] = {
    ".csv": "text/csv",
    ".doc": "application/msword",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".eml": "message/rfc822",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".ics": "text/calendar",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".ppt": "application/vnd.ms-powerpoint",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".rtf": "application/rtf",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsr": "application/timestamp-reply",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}
_FILE_FIELDS: Final = ("path", "media_type", "name")
_MAX_CLAIMS: Final = 512


def read_claims(value: Plain, place: Place, *, folder: Path) -> dict[str, str | FileClaim]:
    """Read the claims of an event.

    Args:
        value: The group of claims.
        place: Where it stands.
        folder: The draft's folder, which no file may be outside of.

    Raises:
        DraftError: A name is no claim's, is given twice, or a file cannot be used.
    """
    claims: dict[str, str | FileClaim] = {}
    for name, one in mapping_of(value, place).items():
        here = place.at(name)
        if name in PLURALS:
            parts = list_of(one, here)
            named = {f"{PLURALS[name]}.{n}": part for n, part in enumerate(parts, 1)}
        else:
            _check_name(name, here)
            named = {name: one}
        if len(claims) + len(named) > _MAX_CLAIMS:
            raise place.error(f"are more than {_MAX_CLAIMS}")
        for full, part in named.items():
            if full in claims:
                raise here.error(f"{full} is given twice")
            claims[full] = _claim(full, part, here, folder)
    _check_dense(claims, place)
    return claims


def names_of(word: str, claims: Mapping[str, object], place: Place) -> tuple[str, ...]:
    """Return the claims that a word names: one, or all of a numbered name.

    Raises:
        DraftError: It names none of the event's claims.
    """
    if word in claims:
        return (word,)
    found = tuple(name for name in claims if "." in name and stem(name) == PLURALS.get(word))
    if not found:
        hint = did_you_mean(word, claims)
        raise place.error(f"{word[:80]!r} is no claim of this event{hint}")
    return found


def withheld_of(
    given: Mapping[str, Plain], claims: Mapping[str, object], place: Place
) -> tuple[str, ...]:
    """Return the names of the claims that an event withholds, sorted.

    Raises:
        DraftError: Something named is no claim of the event.
    """
    if "withheld" not in given:
        return ()
    here = place.at("withheld")
    names: list[str] = []
    for number, one in enumerate(list_of(given["withheld"], here)):
        names.extend(names_of(text_of(one, here.at(number)), claims, here.at(number)))
    return tuple(sorted(set(names)))


def retain_of(
    given: Mapping[str, Plain], claims: Mapping[str, object], place: Place
) -> dict[str, object]:
    """Return the field `retain` of an event: until when which claim is kept.

    Raises:
        DraftError: Something named is no claim of the event, or no day.
    """
    if "retain" not in given:
        return {}
    here = place.at("retain")
    days: dict[str, str] = {}
    for word, value in mapping_of(given["retain"], here).items():
        day = day_of(value, here.at(word))
        days |= dict.fromkeys(names_of(word, claims, here.at(word)), day)
    return {"retain": days}


def day_of(value: Plain, place: Place) -> str:
    """Return a value that must be a day.

    Raises:
        DraftError: It is none, or there is no such day.
    """
    day = text_of(value, place)
    try:
        known = parse_when(day, basis="stated").precise and len(day) == len("YYYY-MM-DD")
    except DateError:
        known = False
    if not known:
        raise place.error(f"{day[:80]!r} is not a day as YYYY-MM-DD")
    return day


def _check_name(name: str, place: Place) -> None:
    if not is_claim_name(name):
        hint = did_you_mean(name, STEMS | set(PLURALS))
        raise place.error(f"is not the name of a claim{hint}")


def _check_dense(names: Collection[str], place: Place) -> None:
    for name in names:
        head, dot, number = name.partition(".")
        if dot and number != "1" and f"{head}.{int(number) - 1}" not in names:
            raise place.error(f"{name} is given, but not {head}.{int(number) - 1}")


def _claim(name: str, value: Plain, place: Place, folder: Path) -> str | FileClaim:
    if stem(name) == "file":
        return _file(value, place, folder)
    return prose_of(value, place)


def _file(value: Plain, place: Place, folder: Path) -> FileClaim:
    given = {"path": value} if isinstance(value, str) else mapping_of(value, place)
    check_known(given, _FILE_FIELDS, place)
    if "path" not in given:
        raise place.at("path").error("is missing")
    words = {name: prose_of(one, place.at(name)) for name, one in given.items()}
    path = _path(words["path"], place.at("path"), folder)
    name = words.get("name", PurePosixPath(words["path"]).name)
    media_type = words.get("media_type")
    if media_type is None:
        media_type = _MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
    try:
        claim = file_claim(path, name=name, media_type=media_type)
    except OSError as failure:
        raise place.at("path").error(f"cannot be read: {failure.strerror}") from None
    _check_file(claim, place)
    return claim


def _path(word: str, place: Place, folder: Path) -> Path:
    """Find a file below the draft's folder, links followed."""
    if "\0" in word:
        raise place.error("is no path")
    try:
        path = (folder / word).resolve(strict=True)
        inside = path.is_relative_to(folder.resolve(strict=True))
        plain = path.is_file()
    except (OSError, RuntimeError) as failure:
        reason = getattr(failure, "strerror", None) or "it leads in a circle"
        raise place.error(f"{word[:200]!r} cannot be found: {reason}") from None
    if not inside:
        raise place.error(f"{word[:200]!r} is outside the folder of the draft")
    if not plain:
        raise place.error(f"{word[:200]!r} is no file")
    return path


def _check_file(claim: FileClaim, place: Place) -> None:
    for name, value in (("media_type", claim.media_type), ("name", claim.name)):
        values = {"media_type": "a/b", "name": "a", "sha256": claim.sha256, "size": claim.size}
        try:
            msgspec.convert(values | {name: value}, File)
        except msgspec.ValidationError:
            what = "type/subtype in lower case" if name == "media_type" else "a plain file name"
            raise place.at(name).error(f"{value[:80]!r} is not {what}") from None
