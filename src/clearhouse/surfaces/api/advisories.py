"""What is public, for machines: the list of advisories, and each in every form it is written in.

Anybody may ask; nothing here is under need to know.
"""

import json
from typing import Annotated

from fastapi import FastAPI, Path, Query, Response
from fastapi.responses import JSONResponse

from clearhouse.clearing.publish import forms
from clearhouse.clearing.publish import operations as publish
from clearhouse.kernel.services import Counter
from clearhouse.surfaces.api.problems import ProblemError, described

_Id = Annotated[str, Path(pattern=r"^CLR-[0-9]{4}-[0-9]{5,12}$")]
_LIST = {
    "description": "The newest first.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["advisories"],
                "properties": {
                    "advisories": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["id", "issue", "at", "summary", "withdrawn"],
                            "properties": {
                                "id": {"type": "string"},
                                "issue": {"type": "integer"},
                                "at": {"type": "string", "format": "date-time"},
                                "summary": {"type": "string"},
                                "withdrawn": {"type": "boolean"},
                            },
                        },
                    }
                },
            }
        }
    },
}


def add(app: FastAPI, counter: Counter) -> None:
    """Add the reading of advisories to the counter's API."""
    _add_list(app, counter)
    _add_reading(app, counter)


def _add_list(app: FastAPI, counter: Counter) -> None:
    @app.get(
        "/v1/advisories",
        summary="List what is public",
        responses={200: _LIST, **described(503)},
        response_class=JSONResponse,
    )
    def list_advisories() -> Response:
        with counter.database.transaction(None) as transaction:
            found = publish.advisories(transaction, form="osv")
        return JSONResponse(
            {
                "advisories": [
                    {
                        "id": one.advisory_id,
                        "issue": one.revision,
                        "at": one.decided_at.isoformat(),
                        "summary": str(osv.get("summary", "")),
                        "withdrawn": "withdrawn" in osv,
                    }
                    for one in found
                    for osv in (json.loads(one.bodies["osv"]),)
                ]
            }
        )


def _add_reading(app: FastAPI, counter: Counter) -> None:
    @app.get(
        "/v1/advisories/{advisory_id}",
        summary="Read an advisory in one of its forms",
        responses={
            200: {
                "description": "The document, byte for byte as it was published.",
                "content": {
                    media_type: {} for media_type in sorted({one.media_type for one in forms.FORMS})
                },
            },
            **described(404, 422, 503),
        },
        response_class=Response,
    )
    def read_advisory(
        advisory_id: _Id,
        form: Annotated[str, Query(alias="format", max_length=20)] = "osv",
    ) -> Response:
        with counter.database.transaction(None) as transaction:
            found = publish.advisory(transaction, advisory_id)
        if found is None:
            raise ProblemError(404, "no such public advisory; /v1/advisories lists them")
        if form not in found.bodies:
            raise ProblemError(404, f"it has no such format; it has {', '.join(found.bodies)}")
        return Response(found.bodies[form], media_type=forms.BY_NAME[form].media_type)
