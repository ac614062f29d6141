"""A TAXII 2.1 server to read from: one collection with every advisory as a STIX object.

Anybody may ask; nothing here is under need to know, and nothing can be written.
Source: TAXII 2.1 §4 (discovery, API roots), §5 (collections, objects, manifest), §3.6 (errors).
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from clearhouse.clearing.publish import as_stix
from clearhouse.clearing.publish import operations as publish
from clearhouse.clearing.publish.as_stix import Dated, NoSuchPageError, Sheet, Wanted
from clearhouse.clearing.publish.house import publisher
from clearhouse.formats.canonical import Json
from clearhouse.kernel.services import Counter

MEDIA_TYPE: Final = "application/taxii+json;version=2.1"
_ROOT: Final = "/taxii2/advisories/"
_COLLECTIONS: Final = f"{_ROOT}collections/"
_ACCEPTED: Final = re.compile(
    r"\s*(?:\*/\*|application/\*|application/taxii\+json(?:\s*;\s*version\s*=\s*\"?2\.1\"?)?)"
    r"\s*(?:;\s*q\s*=\s*[0-9.]+\s*)?"
)


class _Filters(BaseModel):
    """What a reader may ask for. Source: TAXII 2.1 §3.4 (filters), §3.5 (pages)."""

    added_after: datetime | None = None
    limit: Annotated[int, Field(ge=1, le=10**9)] = as_stix.MOST
    start: Annotated[str | None, Field(alias="next", max_length=20)] = None
    ids: Annotated[str, Field(alias="match[id]", max_length=4000)] = ""
    kinds: Annotated[str, Field(alias="match[type]", max_length=4000)] = ""
    versions: Annotated[str, Field(alias="match[version]", max_length=4000)] = "last"
    spec: Annotated[str, Field(alias="match[spec_version]", max_length=4000)] = ""

    def wanted(self) -> Wanted:
        if self.added_after is not None and self.added_after.tzinfo is None:
            raise _TaxiiError(400, "added_after needs a time zone: end it with Z")
        return Wanted(
            after=self.added_after,
            limit=self.limit,
            start=self.start,
            ids=_split(self.ids),
            kinds=_split(self.kinds),
            versions=_split(self.versions) or frozenset({"last"}),
            spec_versions=_split(self.spec),
        )


_Asked = Annotated[_Filters, Query()]


class _TaxiiError(Exception):
    """A refusal in the words of TAXII."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title


def add(app: FastAPI, counter: Counter) -> None:
    """Add the server to the counter."""
    server = _Server(counter)

    @app.exception_handler(_TaxiiError)
    def refuse(_: Request, error: _TaxiiError) -> JSONResponse:
        body = {"title": error.title, "http_status": str(error.status)}
        return JSONResponse(body, error.status, media_type=MEDIA_TYPE)

    collection = f"{_COLLECTIONS}{{collection}}/"
    for path, answer in (
        ("/taxii2/", server.discovery),
        (_ROOT, server.root),
        (_COLLECTIONS, server.collections),
        (collection, server.collection),
        (f"{collection}objects/", server.objects),
        (f"{collection}objects/{{id_}}/", server.one),
        (f"{collection}objects/{{id_}}/versions/", server.versions),
        (f"{collection}manifest/", server.manifest),
    ):
        app.get(path, include_in_schema=False)(answer)


class _Server:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._kept: tuple[object, Sequence[Dated]] = (None, ())
        """What was read last, under what was the newest release then."""

    def discovery(self, request: Request) -> JSONResponse:
        _demand_accepted(request)
        root = str(request.url.replace(path=_ROOT, query=""))
        return _answer({"title": f"Advisories of {_house()}", "default": root, "api_roots": [root]})

    def root(self, request: Request) -> JSONResponse:
        _demand_accepted(request)
        return _answer({"title": "Advisories", "versions": [MEDIA_TYPE], "max_content_length": 1})

    def collections(self, request: Request) -> JSONResponse:
        _demand_accepted(request)
        return _answer({"collections": [_described()]})

    def collection(self, request: Request, collection: str) -> JSONResponse:
        _demand(request, collection)
        return _answer(_described())

    def objects(self, request: Request, collection: str, asked: _Asked) -> JSONResponse:
        _demand(request, collection)
        return _envelope(self._sheet(asked.wanted()))

    def one(self, request: Request, collection: str, id_: str, asked: _Asked) -> JSONResponse:
        _demand(request, collection)
        return _envelope(self._sheet(self._of(id_, asked)))

    def versions(self, request: Request, collection: str, id_: str, asked: _Asked) -> JSONResponse:
        _demand(request, collection)
        every = replace(self._of(id_, asked), versions=frozenset({"all"}))
        found = self._sheet(every)
        return _paged({"versions": [one.version for one in found.found]}, found)

    def manifest(self, request: Request, collection: str, asked: _Asked) -> JSONResponse:
        _demand(request, collection)
        found = self._sheet(asked.wanted())
        records: list[Json] = [
            {
                "id": one.id,
                "date_added": as_stix.stamp(one.added),
                "version": one.version,
                "media_type": as_stix.MEDIA_TYPE,
            }
            for one in found.found
        ]
        return _paged({"objects": records} if records else {}, found)

    def _sheet(self, wanted: Wanted) -> Sheet:
        try:
            return as_stix.sheet(self._known(), wanted)
        except NoSuchPageError as error:
            raise _TaxiiError(400, str(error)) from None

    def _known(self) -> Sequence[Dated]:
        house = publisher()
        with self._counter.database.transaction(None) as transaction:
            newest = (publish.newest_release(transaction), house)
            if self._kept[0] != newest:
                found = publish.in_order_of_release(transaction, form="osv")
                objects = [(at, as_stix.vulnerability(one, house)) for at, one in found]
                self._kept = newest, [Dated(added=at, object=one) for at, one in objects]
        return self._kept[1]

    def _of(self, id_: str, asked: _Filters) -> Wanted:
        """Return what is asked of one object, whose filters of id and type are not read."""
        if id_ not in {one.id for one in self._known()}:
            raise _TaxiiError(404, "no such object in this collection")
        return replace(asked.wanted(), ids=frozenset({id_}), kinds=frozenset())


def _house() -> str:
    return publisher().name or "this house"


def _collection_id() -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{publisher().namespace}/taxii2/advisories"))


def _described() -> dict[str, Json]:
    return {
        "id": _collection_id(),
        "title": f"Advisories of {_house()}",
        "description": "Every public advisory; what was withdrawn is marked as revoked.",
        "alias": "advisories",
        "can_read": True,
        "can_write": False,
        "media_types": [as_stix.MEDIA_TYPE],
    }


def _demand(request: Request, collection: str) -> None:
    _demand_accepted(request)
    if collection not in {_collection_id(), "advisories"}:
        raise _TaxiiError(404, f"no such collection; {_COLLECTIONS} lists them")


def _demand_accepted(request: Request) -> None:
    accepted = request.headers.get("accept", "*/*")
    if not any(_ACCEPTED.fullmatch(one) for one in accepted.split(",")):
        raise _TaxiiError(406, f"this server speaks {MEDIA_TYPE}")


def _split(names: str) -> frozenset[str]:
    return frozenset(one for one in names.split(",") if one)


def _envelope(found: Sheet) -> JSONResponse:
    objects: list[Json] = [one.object for one in found.found]
    return _paged({"objects": objects} if objects else {}, found)


def _paged(body: dict[str, Json], found: Sheet) -> JSONResponse:
    if found.following is not None:
        body |= {"more": True, "next": found.following}
    answer = _answer(body)
    if found.found:
        added = [as_stix.stamp(one.added) for one in found.found]
        answer.headers["X-TAXII-Date-Added-First"] = added[0]
        answer.headers["X-TAXII-Date-Added-Last"] = added[-1]
    return answer


def _answer(body: dict[str, Json]) -> JSONResponse:
    return JSONResponse(body, media_type=MEDIA_TYPE)
