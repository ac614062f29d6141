"""An advisory for people: what a page shows and a text file says, in the order people ask.

In: `Content`. Out: the page's content as data (title, answers, sections), and the same as plain
text. Refused: nothing. Nothing here is markup: whoever shows it escapes it.
"""

import textwrap
from collections.abc import Iterator
from typing import Final

from clearhouse.clearing.coordinate.record import Outcome
from clearhouse.clearing.publish import compose, gcve
from clearhouse.clearing.publish.content import Content
from clearhouse.formats import cvss
from clearhouse.formats.canonical import Json

FORMAT: Final = "clearhouse-advisory-page/1"
WIDTH: Final = 78
"""Columns of the text."""
_DAY: Final = "%Y-%m-%d %H:%M UTC"
_VENDOR: Final = {
    Outcome.ACCEPTED: "The vendor has accepted it.",
    Outcome.FIX_RELEASED: "The vendor has released a fix.",
    Outcome.NEEDS_INFO: "The vendor has asked for more information.",
    Outcome.REJECTED: "The vendor disputes it.",
}
Section = tuple[str, list[str]]


def page(content: Content) -> dict[str, Json]:
    """Return what a page about an advisory shows."""
    facts = content.facts
    return {
        "format": FORMAT,
        "id": facts.id,
        "title": compose.summary(facts),
        "names": list(content.names),
        "package": facts.purl,
        "withdrawn": compose.withdrawal(facts.withdrawn) if facts.withdrawn else None,
        "related": list(facts.related),
        "revision": len(facts.revisions),
        "published": f"{content.published:{_DAY}}",
        "updated": f"{content.modified:{_DAY}}",
        "sharing": facts.tlp.value,
        "publisher": compose.clean(facts.publisher.name),
        "answers": [{"question": title, "lines": list(lines)} for title, lines in answers(content)],
        "sections": [{"title": title, "lines": list(lines)} for title, lines in sections(content)],
    }


def text(content: Content) -> bytes:
    """Return the advisory as plain text."""
    facts = content.facts
    title = f"{facts.id}: {compose.summary(facts)}"
    lines = [*textwrap.wrap(title, WIDTH), "=" * min(WIDTH, len(title)), ""]
    lines += [f"Published {content.published:{_DAY}} by {compose.clean(facts.publisher.name)}"]
    if len(facts.revisions) > 1:
        lines.append(f"Issue {len(facts.revisions)} of {content.modified:{_DAY}}")
    lines.append(f"{facts.tlp.value}  {facts.publisher.address(facts.id)}")
    for heading, said in (*answers(content), *sections(content)):
        lines += ["", heading, "-" * len(heading), *_wrapped(said)]
    return ("\n".join(lines) + "\n").encode()


def answers(content: Content) -> list[Section]:
    """Answer what everybody asks first."""
    facts = content.facts
    found: list[Section] = []
    if facts.withdrawn is not None:
        found.append(("Does this still hold?", [compose.withdrawal(facts.withdrawn)]))
    affected = compose.affected_words(content.affected)
    found += [
        ("Am I affected?", [f"{compose.software(facts)} ({facts.purl}): {affected}."]),
        ("How bad is it?", list(_severity(content))),
        ("What do I do?", [compose.fix_statement(content.affected)]),
    ]
    helps = list(compose.mitigations(facts))
    return [*found, ("What if I cannot update?", helps or ["Nothing that helps is known."])]


def sections(content: Content) -> list[Section]:
    """Return the rest, without what there is nothing to say about."""
    facts = content.facts
    found = [
        ("What it is", compose.details(facts, content.affected).split("\n\n")),
        ("Ids", [*content.names, *(_named(one) for one in content.cwes)]),
        ("Related advisories", list(facts.related)),
        ("Timeline", [f"{one.at:{_DAY}}: {compose.clean(one.what)}" for one in facts.timeline]),
        ("Thanks to", [compose.clean(one.name) for one in facts.credits if one.name.strip()]),
        ("AI in the discovery", [gcve.in_words(facts.ai)] if facts.ai else []),
        ("Links", [one.url for one in content.references]),
        (
            "Issues of this advisory",
            [
                f"{number}. {one.at:{_DAY}}: {compose.clean(one.summary) or 'New issue'}"
                for number, one in enumerate(facts.revisions, start=1)
            ],
        ),
    ]
    return [(title, lines) for title, lines in found if lines]


def _severity(content: Content) -> Iterator[str]:
    """Say the rating, the vectors, the exploitation and the vendor's word."""
    facts = content.facts
    for one in content.vectors:
        score = cvss.parse(one)
        yield f"{score.rating.value.capitalize()}, CVSS {score.version} {score.score}: {one}"
    if not content.vectors:
        yield "Nobody has rated it."
    if facts.exploited_since is not None:
        yield f"Exploitation has been observed since {facts.exploited_since:%Y-%m-%d}."
    if facts.vendor is not None:
        yield _VENDOR[facts.vendor.outcome]


def _named(cwe_id: str) -> str:
    name = compose.weakness_name(cwe_id)
    return f"{cwe_id} {name}" if name else cwe_id


def _wrapped(paragraphs: list[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        for line in paragraph.split("\n"):
            yield from textwrap.wrap(
                line, WIDTH, break_long_words=False, break_on_hyphens=False
            ) or [""]
