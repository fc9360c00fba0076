"""An offer to an outsider: an evidence file, and a page that says what it is and how to answer it.

The page is one HTML file that fetches nothing and runs nothing: it can be read anywhere, and what
is in it was decided when it was written. It shows what the evidence file opens and no other text,
set so that no party's words pass for the page's own.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ledger.layout import clean

__all__ = ["Offer", "format_page"]

# No colour is set: so it is the reader's own, dark or light, and stands out on paper, too.
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.125rem/1.6 sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:anywhere}code,pre{font-family:monospace}dd,pre{white-space:pre-wrap}"
    "pre{border:1px solid;padding:.75rem}li{margin-bottom:.75rem}"
    "dd{margin:0 0 .75rem;padding-left:.75rem;border-left:.25rem solid}"
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page tells.

    Attributes:
        origin: The record's name.
        fingerprint: Its fingerprint, in hex.
        event_id: The event's id, in hex.
        author: The party that signed it.
        what: What the event tells in its clear fields: who did what.
        texts: What its author says beside: each date, and each claim that is opened, with its name.
        evidence: The evidence file's name.
    """

    origin: str
    fingerprint: str
    event_id: str
    author: str
    what: str
    texts: Sequence[tuple[str, str]]
    evidence: str


def format_page(offer: Offer) -> bytes:
    """Write the page: HTML, with headings in order, no script, and nothing from elsewhere."""
    return "\n".join(_lines(offer)).encode() + b"\n"


def _lines(offer: Offer) -> Iterator[str]:
    said = {name: html.escape(getattr(offer, name)) for name in (
        "origin", "fingerprint", "event_id", "author", "what", "evidence"
    )}  # fmt: skip
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield '<head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield f"<title>An entry about you in the record {said['origin']}</title>"
    yield f"<style>{_STYLE}</style></head>"
    yield "<body><main>"
    yield "<h1>An entry that concerns you</h1>"
    yield "<h2>What this is</h2>"
    yield (
        f"<p>{said['author']} has signed this entry in the record {said['origin']}. It says: "
        f"{said['what']}.</p>"
    )
    if offer.texts:
        yield f"<p>As {said['author']} tells it:</p>"
        yield "<dl>"
        for name, text in offer.texts:
            words = html.escape(clean(text))
            yield f'<dt>{html.escape(name)}</dt><dd dir="auto">{words}</dd>'
        yield "</dl>"
    yield (
        "<p>The record shows who signed what, and in which order. It does not say that it is "
        "true. You are not bound by it, and not answering admits nothing.</p>"
    )
    yield "<h2>How to check it</h2>"
    yield (
        f"<p>The file <code>{said['evidence']}</code> came with this page. Counterfoil, which is "
        "free software, checks it on your own machine, without a network:</p>"
    )
    yield (f"<pre>counterfoil-verify {said['evidence']} --fingerprint {said['fingerprint']}</pre>")
    yield (
        "<p>Whoever made this page could have made up the fingerprint in it. Ask for it another "
        "way, by telephone or letter, and compare.</p>"
    )
    yield "<h2>How to answer</h2>"
    yield "<p>You need not answer. If you want your answer to stand in the record:</p>"
    yield from _one_response(said)
    yield "<h3>Joining</h3>"
    yield (
        "<p>A member records and answers like the others, and is bound by the record's rules from "
        "then on. Its registrars propose you; you join with <code>counterfoil join</code>, and "
        "can leave.</p>"
    )
    yield "</main></body></html>"


def _one_response(said: Mapping[str, str]) -> Iterator[str]:
    """Yield how to answer without joining, step by step."""
    yield "<h3>One response</h3>"
    yield "<p>You become no member by it, and are bound by nothing.</p>"
    yield "<ol>"
    yield (
        "<li>Make a key on your own machine, with a short name of yours. It can answer, and "
        "nothing else."
        "<pre>counterfoil key new your.key --party your-name --powers answer</pre>"
        "If you mean to <code>agree</code>, <code>admit</code> or <code>ratify</code>, put "
        "<code>answer,undertake</code> there: without it these words are refused. Such a key can "
        "also make promises in your name.</li>"
    )
    yield (
        "<li>Send whoever gave you this page the file that the next command writes; it holds no "
        "secret. The record's registrars enter your key."
        f"<pre>counterfoil key request {said['evidence']} --key your.key -o your.request</pre></li>"
    )
    yield (
        "<li>Sign what you hold of this entry, and send them that file, too; it is good for 30 "
        "days, and anybody may hand it in."
        f"<pre>counterfoil answer {said['evidence']} {said['event_id']} deny --note &quot;in your "
        f"own words&quot; --key your.key --fingerprint {said['fingerprint']} -o response.json</pre>"
        "What you may say instead of <code>deny</code>, and what it means, is told by "
        "<code>counterfoil answer --help</code>."
        "</li>"
    )
    yield "</ol>"
    yield (
        "<p>Ask for the receipt. Your response then stands beside the entry wherever it is shown, "
        "and nobody can remove it unnoticed.</p>"
    )
