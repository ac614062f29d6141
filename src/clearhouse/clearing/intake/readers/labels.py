"""The labels that reports in words use, and what each says of the draft.

In come labelled values as `prose` cut them out; out come the claims of a draft. A label that is
given twice adds to a list, or counts the first time.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from clearhouse.clearing.intake.record import (
    Credit,
    Draft,
    DuplicateSearch,
    ExploitState,
    HumanReview,
    Location,
    ModelUse,
    Provenance,
    Tooling,
)
from clearhouse.formats.ecosystems import ecosystem_name
from clearhouse.formats.identifiers import find_vulnerability_ids, is_commit, vulnerability_id

MAX_VALUE_CHARS = 1024

_WRITTEN = {
    "package": """package|package name|product|library|project|software|module|
        affected package|target""",
    "ecosystem": "ecosystem|registry|package ecosystem",
    "purl": "purl|package url",
    "affected": """affected versions|affected version|versions affected|version affected|affected|
        vulnerable versions|vulnerable version|versions|version|vulnerable version range""",
    "fixed": """fixed in|fixed version|fixed versions|patched versions|patched version|patched in|
        fix version""",
    "tested": "tested version|tested on|version tested|tested with|verified on|confirmed on",
    "cwe": "cwe|weakness|cwe id|cwes|weakness type",
    "id": """cve|cve id|ghsa|ghsa id|id|ids|identifier|identifiers|alias|aliases|advisory|
        cve ids|advisory id|known as""",
    "file": "file|path|source file|affected file|location|file path|affected files",
    "function": """function|symbol|method|affected function|affected symbol|vulnerable function|
        functions""",
    "line": "line|lines|line number",
    "severity": "severity|risk|severity rating|qualitative severity",
    "cvss": """cvss|cvss vector|cvss score|vector|cvss v3|cvss v3.1|cvss v4|cvss v4.0|cvss 3.1|
        cvss 4.0|cvss:3.1|cvssv3|cvssv4""",
    "exploitation": """exploitation status|exploit status|exploited|exploited in the wild|
        exploitation""",
    "public": "already public|public|publicly known|disclosed|disclosure status",
    "introduced": "introduced in|introduced commit|introduced by|introducing commit",
    "fix commit": "fixed commit|fix commit|patch commit|fixed by|fixing commit",
    "commit": "commit|revision|tested commit|examined commit|git commit|commits",
    "repository": "repository|repo|source repository|repository url|git repository|source",
    "reporter": "reporter|reported by|credit|credits|finder|discovered by|found by|acknowledgments",
    "contact": "contact|e-mail|email|reporter email|contact email",
    "title": "title|subject",
    "reference": "reference|references|link|links|url|urls|see also",
    "notify": "notify",
    "discovery": "discovery|discovery method|method of discovery",
    "tooling": "tooling|tools|tool|discovery tooling",
    "model": "model|models|ai model|llm|language model",
    "scaffold": "scaffold|harness|agent scaffold|agent framework",
    "review": "reviewed by|human review|reviewer|manually reviewed by|verified by",
    "attempts": "attempts|runs|attempts made",
    "candidates": "candidates|candidate findings",
    "search": "duplicate search|duplicate searches|duplicates searched|duplicate check",
}
KNOWN = {
    " ".join(name.replace("-", " ").split()): label
    for label, names in _WRITTEN.items()
    for name in names.split("|")
}
"""Label as written, in lower case, to its name here."""

_NAMED = re.compile(r"(.+?)\s*[(\[]\s*([^()\[\]]{1,40})\s*[)\]]")
_ON = re.compile(r"(\S+)\s+(?:on|from|in)\s+(\S.{0,40})")
_PREFIXED = re.compile(r"([A-Za-z. ]{2,20})(?: package|:|/)\s*(@?[\w./-]+)")
_VERSIONED = re.compile(r"(@?[^@\s]+)(?:@|==|\s+v?(?=\d))v?(\d\S*)")
_PURL = re.compile(r"pkg:[^\s`'\"<>)]+")
_MINUTES = re.compile(r"\((?:[^()]*?\D)?(\d{1,6})\s*(?:min|minutes?|m)\b[^()]*\)", re.IGNORECASE)
_VECTOR = re.compile(r"(?:CVSS:[34]\.\d/)?(?:AV|Au|AC):[A-Z](?:/[A-Za-z]{1,3}:[A-Za-z]{1,6})+")
_LINE = re.compile(r"(.*?)(?::|#L| line |, line |\(line )(\d{1,7})(?:\D.*)?$")
_NUMBER = re.compile(r"\d{1,9}(?!\d)")
_URL = re.compile(r"https?://[^\s<>\"'`)\]]+")
_EMAIL = re.compile(r"[^\s@<>\"(),:;]+@[^\s@<>\"(),:;]+\.[^\s@<>\"(),:;]+")
_YES = re.compile(r"(?:yes|true|public|publicly|disclosed)\b", re.IGNORECASE)
_NO = re.compile(r"(?:no|not|false|private|undisclosed|none)\b", re.IGNORECASE)
_STATES = (
    (re.compile(r"\b(?:not|no|never|un)\b|unknown|none", re.IGNORECASE), ExploitState.UNKNOWN),
    (re.compile(r"active|in the wild|exploited|yes", re.IGNORECASE), ExploitState.ACTIVE),
    (re.compile(r"demonstrated", re.IGNORECASE), ExploitState.DEMONSTRATED),
    (re.compile(r"poc|proof", re.IGNORECASE), ExploitState.POC),
    (re.compile(r"theor|hypothe", re.IGNORECASE), ExploitState.THEORETICAL),
)


class Claims:
    """The labelled values of one report, by label."""

    def __init__(self, labels: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for label, value in labels:
            self._values.setdefault(label, []).append(_bare(value))

    def all(self, label: str) -> list[str]:
        """Return every value of a label."""
        return [value for value in self._values.get(label, []) if value]

    def first(self, label: str) -> str | None:
        """Return the first value of a label."""
        return next(iter(self.all(label)), None)


def labelled_draft(labels: Iterable[tuple[str, str]]) -> Draft:
    """Make a draft of what the labels say."""
    claims = Claims(labels)
    draft = _package(claims)
    introduced = claims.first("introduced")
    commits = [one for value in claims.all("commit") for one in value.split() if is_commit(one)]
    return replace(
        draft,
        title=claims.first("title"),
        affected_versions=tuple(claims.all("affected")),
        fixed_versions=tuple(claims.all("fixed")),
        tested_version=_tested(claims) or draft.tested_version,
        locations=_locations(claims),
        cwes=tuple(claims.all("cwe")),
        aliases=_ids(claims),
        references=_urls(claims.all("reference")),
        introduced_commit=introduced if introduced and is_commit(introduced) else None,
        fixed_commit=claims.first("fix commit"),
        commits=tuple(commits),
        repository=next(iter(_urls(claims.all("repository"))), None),
        cvss_vectors=_vectors(claims),
        severity=claims.first("severity"),
        exploit_state=exploit_state(claims.first("exploitation")),
        already_public=_public(claims.first("public")),
        provenance=_provenance(claims),
        credits=tuple(Credit(name=name) for name in claims.all("reporter")),
        contact=_contact(claims),
        notify=claims.first("notify"),
    )


def exploit_state(text: str | None) -> ExploitState:
    """Read a statement about exploitation; what is not said plainly stays unknown."""
    if text is None:
        return ExploitState.UNKNOWN
    return next((state for says, state in _STATES if says.search(text)), ExploitState.UNKNOWN)


def model_of(text: str) -> ModelUse:
    """Take a model's name, version and vendor apart: `finder-large 2.1 (Northfold)`."""
    named = _NAMED.fullmatch(text)
    vendor = named.group(2) if named else None
    name, _, version = (named.group(1) if named else text).strip().rpartition(" ")
    if name and re.match(r"v?\d", version):
        return ModelUse(name=name, version=version, vendor=vendor)
    return ModelUse(name=f"{name} {version}".strip(), vendor=vendor)


def _bare(value: str) -> str:
    """Undo the decoration of Markdown around one value."""
    value = value[:MAX_VALUE_CHARS].strip()
    if len(value) > 1 and value[0] in '`*_"' and value[-1] == value[0]:
        value = value.strip(value[0])
    return value.strip()


def _package(claims: Claims) -> Draft:
    stated = claims.first("purl") or claims.first("package") or ""
    found = _PURL.search(stated)
    if found:
        return Draft(purl=found.group().rstrip(".,;"))
    name, ecosystem = stated.replace("`", ""), claims.first("ecosystem")
    for shape, order in ((_NAMED, (1, 2)), (_ON, (1, 2)), (_PREFIXED, (2, 1))):
        match = shape.fullmatch(name)
        if match and ecosystem_name(match.group(order[1])):
            name, ecosystem = match.group(order[0]), ecosystem or match.group(order[1])
            break
    versioned = _VERSIONED.fullmatch(name.strip())
    return Draft(
        software=(versioned.group(1) if versioned else name).strip() or None,
        ecosystem=ecosystem,
        tested_version=versioned.group(2) if versioned else None,
    )


def _tested(claims: Claims) -> str | None:
    stated = claims.first("tested")
    if stated is None:
        return None
    versioned = _VERSIONED.fullmatch(stated)
    return versioned.group(2) if versioned else stated.split(",")[0].split(" and ")[0].strip()


def _locations(claims: Claims) -> tuple[Location, ...]:
    files, functions, lines = claims.all("file"), claims.all("function"), claims.all("line")
    found = []
    for index in range(max(len(files), len(functions))):
        file = files[index] if index < len(files) else None
        function = functions[index] if index < len(functions) else None
        line = _NUMBER.search(lines[index]) if index < len(lines) else None
        if file and (stated := _LINE.match(file)):
            file, line = stated.group(1), _NUMBER.search(stated.group(2))
        found.append(
            Location(
                file=file.strip(" `") if file else None,
                function=function.strip(" `").removesuffix("()") if function else None,
                line=int(line.group()) if line else None,
            )
        )
    return tuple(found)


def _ids(claims: Claims) -> tuple[str, ...]:
    """Take the ids that the report gives its own flaw; a label that says "none" gives none."""
    found = []
    for value in claims.all("id"):
        inside = [match.group() for match in find_vulnerability_ids(value)]
        whole = vulnerability_id(value)
        found += inside or ([whole] if whole else [])
    return tuple(found)


def _urls(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(url.rstrip(".,;") for value in values for url in _URL.findall(value))


def _vectors(claims: Claims) -> tuple[str, ...]:
    """Take vectors; a bare score is no vector, and text that tries to be one is judged later."""
    found = []
    for value in claims.all("cvss"):
        inside = _VECTOR.findall(value)
        attempt = ":" in value and "/" in value
        found += inside or ([value] if attempt else [])
    return tuple(found)


def _public(text: str | None) -> bool | None:
    if text is None:
        return None
    if _NO.match(text):
        return False
    return True if _YES.match(text) else None


def _contact(claims: Claims) -> str | None:
    found = _EMAIL.search(claims.first("contact") or "")
    return found.group() if found else None


def _provenance(claims: Claims) -> Provenance:
    tooling = claims.first("tooling")
    word = (tooling or "").lower().split(" ")[0].strip(".,;")
    known = Tooling(word) if word in set(Tooling) else Tooling.UNKNOWN
    scaffold = model_of(claims.first("scaffold") or "")
    return Provenance(
        discovery_method=claims.first("discovery"),
        tooling=None if known is not Tooling.UNKNOWN else tooling,
        models=tuple(
            model_of(one.strip())
            for value in claims.all("model")
            for one in re.split(r"[;,]", value)
            if one.strip()
        ),
        scaffold=scaffold.name or None,
        scaffold_version=scaffold.version,
        human_review=tuple(_review(value) for value in claims.all("review")),
        attempts=_count(claims.first("attempts")),
        candidates=_count(claims.first("candidates")),
        confidentiality=known,
        duplicate_searches=tuple(_search(value) for value in claims.all("search")),
    )


def _review(text: str) -> HumanReview:
    """Read `NAME, what was looked at (20 minutes)`."""
    minutes = _MINUTES.search(text)
    named = _MINUTES.sub("", text).strip(" ,;")
    who, _, what = named.partition(",")
    return HumanReview(
        who=who.strip() or named or text,
        what=what.strip() or None,
        minutes=int(minutes.group(1)) if minutes else None,
    )


def _search(text: str) -> DuplicateSearch:
    """Read `WHERE for QUERY, RESULT` or `WHERE: QUERY, RESULT`."""
    stated, _, result = text.partition(",")
    where, between, query = stated.partition(" for ")
    if not between:
        where, _, query = stated.partition(":")
    return DuplicateSearch(
        where=where.strip() or text, query=query.strip() or None, result=result.strip() or None
    )


def _count(text: str | None) -> int | None:
    found = _NUMBER.search(text or "")
    return int(found.group()) if found else None
