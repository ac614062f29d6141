"""Sketches: what the model compares of a report, as sets of tokens.

In comes the title, the text and the names of what is affected, out comes a `Sketch`. Nothing else
of a report enters: no reporter, no time, no severity. Tokens are strings here; `keyed_sketch` turns
them into numbers that tell nothing without the index key, and every comparison works the same on
either. A report of 5 MB is read to a limit; so is a list of a thousand products.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from zlib import crc32

from clearhouse.clearing.intake.record import Draft
from clearhouse.clearing.match.lexicon import Lexicon, lexicon

MAX_CHARS = 40_000
MAX_PRODUCTS = 8
MAX_PURLS = 4
MAX_NAME_CHARS = 80
"""Longer runs are encodings, not names."""
RUN = 4
SAMPLED = 4
"""One run of this many is kept."""
MAX_RUNS = 96
MAX_NAMES = 6
"""So many names of the product are kept in pieces."""

_FILE = re.compile(
    r"\.(?:aspx?|c|cc|cgi|class|conf|cpp|cs|cxx|dll|do|exe|go|h|hh|hpp|html?|inc|ini|java|jsp|jsx?"
    r"|json|kt|ko|lua|m|mjs|php\d?|phtml|pl|pm|py|rb|rs|s?html|sh|so|swift|sys|tpl|tsx?|vue|xml"
    r"|ya?ml)$"
)
Token = str | int
"""A string, or the number that a keyed hash made of it."""

_WORD = re.compile(r"[A-Za-z0-9_$@][\w.$:/\\@#+-]*[\w$+#]|[A-Za-z0-9]")
_EDGES = ".:/-+#@\\"
_HUMP = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_JOINT = re.compile(r"[^A-Za-z0-9]+")
_PROSE = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)+|[A-Za-z]+'s?")
_CAMEL = re.compile(r"[a-z][A-Z]")
_QUOTED = re.compile(r"`([^`\n]{2,60})`|\"([^\"\n]{2,40})\"|'([^'\n]{2,30})'")
_MASK = re.compile(r"\[VER\]|\u200b")
_CWE = re.compile(r"CWE-(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Material:
    """What a sketch is made of."""

    title: str = ""
    text: str = ""
    products: tuple[str, ...] = ()
    """Names of what is affected, as the report writes them."""
    purls: tuple[str, ...] = ()
    ecosystem: str | None = None
    cwes: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sketch:
    """One report as the model sees it."""

    words: frozenset[Token]
    """Stems of words and parts of names, without the names of the product."""
    pairs: frozenset[Token]
    """Two stems that follow each other."""
    runs: frozenset[Token]
    """A sample of four stems that follow each other; the same run is in every sample or in none."""
    specifics: frozenset[Token]
    """What looks like code, a path or a quotation, whole."""
    title: frozenset[Token]
    product: frozenset[Token]
    """Stems of the words that name the product."""
    names: frozenset[Token]
    """Whole names of the product, squeezed."""
    name_parts: tuple[frozenset[Token], ...]
    """Three-letter pieces of each name, for names that nearly agree."""
    classes: frozenset[Token]
    """Kinds of flaw, by the text and by the CWE ids."""
    impacts: frozenset[Token]
    """Those of the classes that say what follows."""
    cwe_classes: frozenset[Token]
    cwes: frozenset[Token]
    settings: frozenset[Token]
    rivals: tuple[tuple[Token, Token], ...]
    """Pairs of settings (ours, theirs) that speak against one bug."""
    numbers: frozenset[Token]
    files: frozenset[Token]
    """Base names of files that are named."""
    functions: frozenset[Token]
    """Names that are called functions, methods, classes and the like."""
    inputs: frozenset[Token]
    """Names that are called parameters, fields, headers and the like."""
    called: frozenset[Token]
    """The names of files, functions and inputs, as they stand among the words."""
    form: frozenset[Token]
    """How the report is laid out: which of its fields are filled in, and how names are written."""
    purl_kinds: frozenset[Token]
    spelling: frozenset[Token]
    """The names of the product, all and as they are spelt."""
    purls: frozenset[Token]
    ecosystem: Token | None
    all_words: frozenset[Token]
    """Words with the names of the product."""
    length: int
    """How many tokens the report has."""


def material(draft: Draft) -> Material:
    """Take from a draft what the model compares."""
    parts = [draft.description, draft.trigger, draft.impact]
    places = [p for one in draft.locations for p in (one.file, one.function) if p]
    return Material(
        title=draft.title or "",
        text="\n".join([part for part in parts if part]),
        products=tuple(name for name in (draft.software,) if name),
        purls=(draft.purl,) if draft.purl else (),
        ecosystem=draft.ecosystem,
        cwes=draft.cwes,
        symbols=tuple(dict.fromkeys(places)),
    )


def sketch(report: Material, words: Lexicon | None = None) -> Sketch:
    """Make the sketch of a report."""
    return _Sketcher(words or lexicon()).make(report)


def product_names(report: Material) -> frozenset[str]:
    """Return what the sketch of a report calls `names`."""
    return _names(lexicon(), report)[0]


def keyed_sketch(plain: Sketch, number: Callable[[str], int]) -> Sketch:
    """Replace every token by its keyed number."""

    def hashed(tokens: Iterable[Token]) -> frozenset[Token]:
        return frozenset(map(number, cast("Iterable[str]", tokens)))

    return Sketch(
        words=hashed(plain.words),
        pairs=hashed(plain.pairs),
        runs=hashed(plain.runs),
        specifics=hashed(plain.specifics),
        title=hashed(plain.title),
        product=hashed(plain.product),
        names=hashed(plain.names),
        name_parts=tuple(hashed(parts) for parts in plain.name_parts),
        classes=hashed(plain.classes),
        impacts=hashed(plain.impacts),
        cwe_classes=hashed(plain.cwe_classes),
        cwes=hashed(plain.cwes),
        settings=hashed(plain.settings),
        rivals=tuple((number(str(one)), number(str(other))) for one, other in plain.rivals),
        numbers=hashed(plain.numbers),
        files=hashed(plain.files),
        functions=hashed(plain.functions),
        inputs=hashed(plain.inputs),
        called=hashed(plain.called),
        form=hashed(plain.form),
        purl_kinds=hashed(plain.purl_kinds),
        spelling=hashed(plain.spelling),
        purls=hashed(plain.purls),
        ecosystem=None if plain.ecosystem is None else number(str(plain.ecosystem)),
        all_words=hashed(plain.all_words),
        length=plain.length,
    )


def squeeze(name: str) -> str:
    """Reduce a name to lower-case letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", name.lower())


def pieces(name: str) -> Iterator[str]:
    """Give the parts of a name at its joints and humps: `readFile_v2` to read, File, v, 2, ..."""
    for joined in _JOINT.split(name):
        if joined:
            yield joined
            humps = _HUMP.findall(joined)
            if len(humps) > 1:
                yield from humps


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """What one word of a report adds to its sketch."""

    spoken: str
    sequence: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    """What it adds where it stands in the title."""
    specifics: tuple[str, ...] = ()
    file: str | None = None
    number: str | None = None


_SAID = 50_000
"""What so many words add is remembered; long ones are not, so that nobody fills the memory."""


@lru_cache(_SAID)
def _said(words: Lexicon, token: str) -> _Said:
    lower = token.lower()
    spoken = lower[:MAX_NAME_CHARS]
    if token.isdigit():
        return _Said(spoken=spoken, sequence=(token,), number=token)
    if not token:
        return _Said(spoken=spoken)
    if _is_code(token):
        return _code(words, token, spoken)
    parts = [part.removesuffix("'s").rstrip("'") for part in lower.split("-")]
    kept = [one for one in parts if len(one) > 1 and one not in words.empty]
    stems = tuple(words.stem(one) if len(one) <= MAX_NAME_CHARS else one for one in kept)
    return _Said(spoken=spoken, sequence=stems, title=stems)


def _is_code(token: str) -> bool:
    if token.isalpha():
        return _CAMEL.search(token) is not None
    return not _PROSE.fullmatch(token) or _CAMEL.search(token) is not None


def _code(words: Lexicon, token: str, lower: str) -> _Said:
    parts = tuple(words.stem(part.lower()) for part in pieces(token[:MAX_NAME_CHARS]))
    sequence = tuple(part for part in parts if part not in words.empty)
    if len(lower) <= 2:
        return _Said(spoken=lower, sequence=sequence, title=parts)
    base = _base(lower)
    return _Said(
        spoken=lower,
        sequence=(*sequence, lower),
        title=parts,
        specifics=(lower, base) if len(base) > 2 else (lower,),
        file=base if _FILE.search(base) else None,
    )


class _Sketcher:
    """Gathers the tokens of one report."""

    def __init__(self, words: Lexicon) -> None:
        self._lexicon = words
        self._sequence: list[str] = []
        self._specifics: set[str] = set()
        self._numbers: set[str] = set()
        self._title: set[str] = set()
        self._spoken: list[str] = []
        self._files: set[str] = set()
        self._calls: set[str] = set()

    def make(self, report: Material) -> Sketch:
        title, text = report.title[:MAX_CHARS], report.text[:MAX_CHARS]
        title, text = _MASK.sub(" ", title), _MASK.sub(" ", text)
        self._read(title, in_title=True)
        self._read(text, in_title=False)
        self._quotations(f"{title}\n{text}")
        for symbol in report.symbols[:50]:
            self._symbol(symbol)
        return self._sketch(report, f"{title}\n{text}".lower())

    def _sketch(self, report: Material, lower: str) -> Sketch:
        lexicon = self._lexicon
        names, product = _names(lexicon, report)
        own = names | product
        all_words = frozenset(self._sequence)
        numbers = {int(n) for cwe in report.cwes for n in _CWE.findall(cwe)}
        cwe_classes = {lexicon.class_of_cwe[n] for n in numbers if n in lexicon.class_of_cwe}
        classes = lexicon.classes_in(lower) | cwe_classes
        settings = lexicon.settings_in(lower)
        functions = self._called(lexicon.function_words) | self._calls - own
        inputs = self._called(lexicon.input_words)
        follow = zip(self._sequence, self._sequence[1:], strict=False)
        return Sketch(
            words=all_words - own,
            all_words=all_words,
            pairs=frozenset(f"{one} {other}" for one, other in follow if one != other),
            runs=_runs(self._sequence),
            specifics=frozenset(self._specifics) - own,
            title=frozenset(self._title) - own,
            product=product,
            names=names,
            name_parts=tuple(_trigrams(name) for name in sorted(names)[:MAX_NAMES]),
            classes=_tagged("class", classes),
            impacts=_tagged("class", classes & lexicon.impacts),
            cwe_classes=_tagged("class", cwe_classes),
            cwes=frozenset(f"cwe:{n}" for n in numbers),
            settings=_tagged("setting", settings),
            rivals=tuple(self._rivals(settings)),
            numbers=frozenset(f"number:{n}" for n in self._numbers),
            files=_tagged("file", self._files),
            functions=_tagged("function", functions),
            inputs=_tagged("input", inputs),
            called=frozenset(functions | inputs | self._files) - own,
            form=_form(report),
            purl_kinds=frozenset(f"purl kind:{p.split('/')[0]}" for p in report.purls[:1]),
            spelling=_spelling(report.products[:MAX_PRODUCTS]),
            purls=frozenset(f"purl:{p}" for p in report.purls[:MAX_PURLS]),
            ecosystem=f"ecosystem:{report.ecosystem.lower()}" if report.ecosystem else None,
            length=len(self._sequence),
        )

    def _read(self, text: str, *, in_title: bool) -> None:
        for found in _WORD.findall(text):
            token = found.strip(_EDGES)
            read = _said if len(token) <= MAX_NAME_CHARS else _said.__wrapped__
            said = read(self._lexicon, token)
            self._spoken.append(said.spoken)
            self._sequence += said.sequence
            if said.specifics:
                self._specifics.update(said.specifics)
                if said.file is not None:
                    self._files.add(said.file)
            if said.number is not None:
                self._numbers.add(said.number)
            if in_title:
                self._title.update(said.title)
        if "()" in text:
            for match in _WORD.finditer(text):
                if text.startswith("()", match.end()):
                    self._calls.add(_last_name(match[0].strip(_EDGES)))

    def _quotations(self, text: str) -> None:
        for match in _QUOTED.finditer(text):
            said = (match[1] or match[2] or match[3]).lower().strip()
            self._specifics.add(squeeze(said)[:40] or said)
            self._specifics.update(part.lower() for part in pieces(said) if len(part) > 2)

    def _symbol(self, symbol: str) -> None:
        self._specifics.add(symbol.lower()[:MAX_NAME_CHARS])
        if _FILE.search(symbol.lower()):
            self._files.add(_base(symbol.lower()[:MAX_NAME_CHARS]))
        else:
            self._calls.add(_last_name(symbol))
        parts = [part.lower() for part in pieces(symbol[:MAX_NAME_CHARS])]
        self._specifics.update(part for part in parts if len(part) > 2)
        self._sequence.extend(self._lexicon.stem(part) for part in parts)

    def _called(self, kinds: frozenset[str]) -> set[str]:
        """Return the names next to words such as parameter: `the id and name parameters`."""
        spoken = self._spoken
        if kinds.isdisjoint(spoken):
            return set()
        found: set[str] = set()
        for place, word in enumerate(spoken):
            if word in kinds:
                near = spoken[max(place - 3, 0) : place]
                found.update(near[-1:], spoken[place + 1 : place + 2])
                if len(near) == 3 and near[1] in {"and", "or"}:
                    found.add(near[0])
        nothing = self._lexicon.empty | self._lexicon.no_names | kinds
        return {_last_name(name) for name in found if name not in nothing}

    def _rivals(self, settings: frozenset[str]) -> Iterator[tuple[str, str]]:
        for one, other in self._lexicon.rivals:
            if one in settings and other not in settings:
                yield f"setting:{one}", f"setting:{other}"
            if other in settings and one not in settings:
                yield f"setting:{other}", f"setting:{one}"


def _names(words: Lexicon, report: Material) -> tuple[frozenset[str], frozenset[str]]:
    """Return the whole names of the product, and the stems of the words in them."""
    names: set[str] = set()
    stems: set[str] = set()
    for product in report.products[:MAX_PRODUCTS]:
        parts = [part for part in re.split(r"[^A-Za-z0-9.+]+", product) if part]
        names |= {squeeze(product), squeeze(re.split(r"[/:]", product)[-1])}
        if len(parts) > 1:
            names |= {squeeze(parts[-1]), squeeze("".join(parts[1:]))}
        if len(parts) > 2:
            names.add(squeeze("".join(parts[-2:])))
        stems |= _name_stems(words, product)
    for purl in report.purls[:MAX_PURLS]:
        names.add(squeeze(purl.split("/")[-1]))
        stems |= _name_stems(words, purl.split("/", 1)[-1])
    common = words.common_names
    return frozenset(n for n in names if len(n) > 1 and n not in common), frozenset(stems)


def _name_stems(words: Lexicon, name: str) -> set[str]:
    parts = (part.lower() for part in pieces(name))
    common = words.common_names
    return {words.stem(p) for p in parts if len(p) > 1 and p not in common}


def _spelling(products: tuple[str, ...]) -> frozenset[Token]:
    return frozenset([f"spelt:{'|'.join(sorted(products))}"] if products else [])


def _form(report: Material) -> frozenset[Token]:
    names = report.products[:MAX_PRODUCTS]
    found = {
        "title": bool(report.title),
        "text": bool(report.text),
        "cwe": bool(report.cwes),
        "symbols": bool(report.symbols),
        "purl": bool(report.purls),
        "names": bool(names),
        "upper": any(name != name.lower() for name in names),
        "vendor": any(" " in name for name in names),
        "path": any("/" in name for name in names),
        "several": len(names) > 1,
    }
    return frozenset(["form:" + "+".join(name for name, there in found.items() if there)])


def _runs(sequence: Sequence[str]) -> frozenset[Token]:
    """Sample runs by what they say, so that two reports keep the same of what they share."""
    runs = set(map(" ".join, zip(*(sequence[i:] for i in range(RUN)), strict=False)))
    drawn = [(crc32(run.encode("utf-8", "surrogatepass")), run) for run in runs]
    kept = sorted([(chance, run) for chance, run in drawn if chance % SAMPLED == 0])
    return frozenset([run for _, run in kept[:MAX_RUNS]])


def _base(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]


def _last_name(name: str) -> str:
    """Return the last part of a name in a scope, such as `parse` of `yaml::Loader.parse`."""
    return re.split(r"[.:#/\\]", name.lower()[:MAX_NAME_CHARS].strip("`'\".:/#"))[-1]


def _tagged(kind: str, names: Iterable[str]) -> frozenset[Token]:
    return frozenset(f"{kind}:{name}" for name in names)


def _trigrams(name: str) -> frozenset[Token]:
    bounded = f"^{name}$"
    return frozenset(f"part:{bounded[i : i + 3]}" for i in range(len(bounded) - 2))
