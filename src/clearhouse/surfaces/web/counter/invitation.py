"""A case for whoever has the link of an invitation: what is told, and a form to answer.

No account, no cookie: the link itself is shown each time. Every other link gets the answer of a
page that is not there.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from clearhouse.clearing.coordinate import invited
from clearhouse.clearing.coordinate.invited import OfProduct, Statement
from clearhouse.clearing.coordinate.machine import Refused
from clearhouse.clearing.coordinate.record import Justification, Outcome, ProductState
from clearhouse.surfaces.api.requests import refuse_other_sites
from clearhouse.surfaces.web.counter.front import counter_of
from clearhouse.surfaces.web.counter.refusals import NotPublicError
from clearhouse.surfaces.web.rendering import page

router = APIRouter(include_in_schema=False)
_Code = Annotated[str, Path(pattern="^chi_[a-z2-7]{20,80}$")]
_Line = Annotated[str, Field(max_length=300)]
_Words = Annotated[str, Field(max_length=invited.MOST_WORDS)]


class _Sent(BaseModel):
    """The form, in which everything may be left empty."""

    outcome: Outcome | Literal[""] = ""
    reason: _Words = ""
    fixed_version: _Line = ""
    product: _Line = ""
    state: ProductState | Literal[""] = ""
    versions: _Line = ""
    justification: Justification | Literal[""] = ""
    embargo: Literal["", "agree", "decline"] = ""
    words: _Words = ""

    def statement(self) -> Statement:
        """Return what was said; a product counts once its state is."""
        product = None
        if self.state and self.product.strip():
            product = OfProduct(
                product=self.product.strip(),
                state=self.state,
                versions=self.versions.strip() or None,
                justification=self.justification or None,
            )
        return Statement(
            outcome=self.outcome or None,
            reason=self.reason.strip() or None if self.outcome else None,
            fixed_version=self.fixed_version.strip() or None if self.outcome else None,
            product=product,
            stands_by_embargo={"agree": True, "decline": False}.get(self.embargo),
            words=self.words.strip() or None,
        )


@router.get("/invitation/{code}")
def show(
    request: Request, code: _Code, said: Annotated[str, Field(max_length=10)] = ""
) -> Response:
    """Show what the link tells."""
    return _page(request, code, said=bool(said))


@router.post("/invitation/{code}")
def state(request: Request, code: _Code, sent: Annotated[_Sent, Form()]) -> Response:
    """Take a statement in."""
    refuse_other_sites(request)
    done = invited.state(counter_of(request), code, sent.statement())
    if isinstance(done, Refused):
        return _page(request, code, refused=done.reason)
    return RedirectResponse(f"/invitation/{code}?said=yes", status_code=303)


def _page(
    request: Request, code: str, *, said: bool = False, refused: str | None = None
) -> Response:
    found = invited.opened(counter_of(request), code)
    if found is None:
        raise NotPublicError
    values = {
        "door": "counter",
        "path": "",
        "code": code,
        "found": found,
        "told": found.told,
        "said": said,
        "refused": refused,
        "outcomes": list(Outcome),
        "states": list(ProductState),
        "justifications": list(Justification),
    }
    return page("counter/invitation.html", values, status=400 if refused else 200)
