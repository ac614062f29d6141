"""Every route of every door, with examples of how to ask it; a route without one fails a test.

An example is a function of ids: asked once with the ids of the embargoed case and once with ids of
the same shape that name nothing, the two answers must be the same to whoever is not read in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from clearhouse.surfaces.web.counter.front_door import AGENTS_PATH, FrontDoor
from clearhouse.surfaces.web.desk.tour_steps import Place

_OBJECT = "vulnerability--00000000-0000-5000-8000-000000000000"
_TAXII = {
    "": "",
    "advisories/": "advisories/",
    "advisories/collections/": "advisories/collections/",
} | {
    f"advisories/collections/{{collection}}/{path}": f"advisories/collections/advisories/{asked}"
    for path, asked in (
        ("", ""),
        ("objects/", "objects/"),
        ("objects/{id_}/", f"objects/{_OBJECT}/"),
        ("objects/{id_}/versions/", f"objects/{_OBJECT}/versions/"),
        ("manifest/", "manifest/"),
    )
}


@dataclass(frozen=True)
class Ask:
    """One request."""

    door: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: object = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    tells: bool = False
    """Whether somebody who is read in learns something of the embargoed case by it."""

    def __str__(self):
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.door} {self.method} {self.path}{'?' + query if query else ''}"


def routes(application, prefix=""):
    """Yield `METHOD /path` of every route, those of mounted applications too."""
    if isinstance(application, FrontDoor):
        for part in (application._api, application._pages):
            yield from routes(part, prefix)
        yield f"ANY {AGENTS_PATH}"
        return
    for route in application.routes:
        yield from _route(route, prefix)


def _route(route, prefix):
    inner = getattr(route, "effective_candidates", None)
    if inner is not None:
        for one in inner():
            yield from _route(one, prefix)
    elif isinstance(route, Mount) and isinstance(route.app, StaticFiles):
        yield f"MOUNT {prefix}{route.path}"
    elif isinstance(route, Mount):
        yield from routes(route.app, prefix + route.path)
    else:
        methods = getattr(route, "methods", None) or {"ANY"}
        yield from (f"{method} {prefix}{route.path}" for method in sorted(methods - {"HEAD"}))


_NOTE = "looks alike"
_DATE = "2027-03-01T00:00:00+00:00"


def _get(door, path, *, tells=False, **query):
    return Ask(door, "GET", path, query=query, tells=tells)


def _form(path, **fields):
    return Ask("desk", "POST", path, form=fields)


def _json(path, **body):
    return Ask("desk", "POST", path, json=body)


_PROVIDER = {
    "/atom.xml": [],
    "/index.json": [],
    "/.well-known/csaf/": ["provider-metadata.json", "../../.head/.cards"],
    "/csaf/": [
        "white/index.txt", "white/changes.csv", "white/csaf-feed-tlp-white.json", "category.json",
        "white/2027/", "white/2027/clr-2027-00002.json", "white/2027/clr-2027-00002.json.asc",
    ],
    "/osv/": ["all.zip", "modified_id.csv", "PyPI/x_CLR-2027-00002.json", "ecosystems.txt"],
    "/feed/": ["manifest.json", "keys.json", "lists/"],
    "/history/": ["CLR-2027-00002/1/osv.json", "", "../.batches/"],
    "/detections/": ["CLR-2027-00002/", f"CLR-2027-00002/dtc_{'a' * 26}.yar"],
}  # fmt: skip


def _counter(ids):
    return {
        "GET /v1/openapi.json": [_get("counter", "/v1/openapi.json")],
        # Whole reports that are taken in are a test of their own; these are refused.
        "POST /v1/reports": [
            Ask("counter", "POST", "/v1/reports", json={"report": ids["report"]}),
            Ask("counter", "POST", "/v1/reports", json={"purl": ids["finding"]}),
        ],
        "POST /v1/documents": [
            Ask("counter", "POST", "/v1/documents", body=b"", query={"filename": ids["report"]}),
        ],
        "ANY /mcp": [],  # the agents' entrance needs a running server; see test_agents.py
        "GET /v1/submissions/{receipt}": [],  # the receipt is the right to ask; see its own test
        "GET /": [_get("counter", "/")],
        "GET /report": [_get("counter", "/report")],
        "POST /report": [Ask("counter", "POST", "/report", form={"key": "frm_" + "a" * 26})],
        "POST /report/check": [Ask("counter", "POST", "/report/check", form={"text": _NOTE})],
        "GET /invitation/{code}": [_get("counter", "/invitation/chi_" + "a" * 52)],
        "POST /invitation/{code}": [
            Ask("counter", "POST", "/invitation/chi_" + "a" * 52, form={"words": _NOTE})
        ],
        "GET /process": [_get("counter", "/process")],
        "GET /numbers": [_get("counter", "/numbers")],
        "GET /notices": [_get("counter", "/notices")],
        "GET /status": [_get("counter", "/status")],
        "GET /status/{receipt}": [],  # as above
        "GET /v1/advisories": [_get("counter", "/v1/advisories")],
        "GET /v1/advisories/{advisory_id}": [_get("counter", "/v1/advisories/CLR-2027-00002")],
        "GET /advisories": [_get("counter", "/advisories")],
        "GET /advisories/{advisory_id}": [_get("counter", "/advisories/CLR-2027-00002")],
        "GET /advisories/{advisory_id}/{file}": [
            _get("counter", f"/advisories/CLR-2027-00002/{name}.json")
            for name in ("osv", "csaf", "proof")
        ],
        "GET /advisories/{advisory_id}/issues/{revision}/{file}": [
            _get("counter", f"/advisories/CLR-2027-00002/issues/{number}/{name}.json")
            for number in (1, 2)
            for name in ("osv", "proof")
        ],
        **{
            f"GET /taxii2/{path}": [_get("counter", f"/taxii2/{asked}")]
            for path, asked in _TAXII.items()
        },
        "GET /v1/advisories/{advisory_id}/detections": [
            _get("counter", "/v1/advisories/CLR-2027-00002/detections")
        ],
        "GET /advisories/{advisory_id}/detections/{file}": [
            _get("counter", f"/advisories/CLR-2027-00002/detections/dtc_{'a' * 26}.yar")
        ],
        # Asked without a token; what it refuses with one is a test of its own.
        "POST /v1/acknowledgements": [
            Ask("counter", "POST", "/v1/acknowledgements", json={"advisory": ids["case"]})
        ],
        "GET /.well-known/security.txt": [_get("counter", "/.well-known/security.txt")],
        "POST /v1/relay": [],  # each refusal is an event that auditors see; see its own test
        "POST /v1/relay/known": [],  # as above
        "GET /.well-known/clearhouse-relay.json": [
            _get("counter", "/.well-known/clearhouse-relay.json")
        ],
        "GET /determinations": [_get("counter", "/determinations")],
        "GET /determinations/{determination_id}": [_get("counter", f"/determinations/{_DET}")],
        "GET /determinations/{determination_id}/statement.json": [
            _get("counter", f"/determinations/{_DET}/statement.json")
        ],
        **{
            f"GET {path}{'{rest:path}' if path.endswith('/') else ''}": [
                _get("counter", f"{path}{rest}") for rest in (rests if path.endswith("/") else [""])
            ]
            for path, rests in _PROVIDER.items()
        },
        "GET /{year:int}/{rest:path}": [
            _get("counter", f"/2027/CLR-2027-00002/{name}")
            for name in ("osv.json", "proof.json", "")
        ],
        "MOUNT /static": [_get("counter", "/static/clearhouse.css"), _get("counter", "/static/no")],
    }


def _desk(ids):
    finding, case, report = (f"/{kind}s/{ids[kind]}" for kind in ("finding", "case", "report"))
    other, vendor = ids["other_finding"], ids["vendor"]
    return (
        {
            "GET /v1/openapi.json": [_get("desk", "/v1/openapi.json")],
            "GET /sign-in": [
                _get("desk", "/sign-in", to=case),
                _get("desk", "/sign-in", code="no"),
            ],
            "POST /sign-in": [
                Ask("desk", "POST", "/sign-in", form={"code": ids["token"]}),
                Ask("desk", "POST", "/sign-in", form={"token": ids["session"]}),
            ],
            **_ways_in(ids),
            "POST /sign-out": [
                Ask("desk", "POST", "/sign-out", headers={"Origin": "http://else.test"})
            ],
            "GET /": [
                _get("desk", "/", tells=True),
                _get("desk", "/", band="URGENT"),
                _get("desk", "/", band="STANDARD"),
                _get("desk", "/", severity="critical", tells=True),
                _get("desk", "/", exploit="poc", tells=True),
                _get("desk", "/", ssvc="coordinate"),
                _get("desk", "/", ssvc="no such"),
                _get("desk", "/", after=ids["finding"], place="50"),
            ],
            "POST /views": [_form("/views", exploit="poc")],
            "POST /views/{view_id}/remove": [_form(f"/views/vew_{'a' * 26}/remove")],
            **_deciding(ids),
            **_auditing(ids),
            "GET /keys": [_get("desk", "/keys")],
            "GET /pacing": [_get("desk", "/pacing")],
            "GET /findings/{finding_id}": [_get("desk", finding, tells=True)],
            "POST /findings/{finding_id}/same": [_form(f"{finding}/same", other=other, note=_NOTE)],
            "POST /findings/{finding_id}/same-all": [_form(f"{finding}/same-all", others=other)],
            "POST /findings/{finding_id}/sibling": [
                _form(f"{finding}/sibling", other=other, note=_NOTE)
            ],
            "POST /findings/{finding_id}/different": [
                _form(f"{finding}/different", other=other, note=_NOTE)
            ],
            "POST /findings/{finding_id}/split": [_form(f"{finding}/split", report=ids["report"])],
            "POST /findings/{finding_id}/undo/{edge_id}": [_form(f"{finding}/undo/{ids['edge']}")],
            "POST /findings/{finding_id}/case": [_form(f"{finding}/case")],
            "GET /reports": [
                _get("desk", "/reports", tells=True),
                _get("desk", "/reports", before=ids["report"]),
            ],
            "GET /reports/{report_id}": [_get("desk", report, tells=True)],
            "POST /reports/{report_id}/examination": [_form(f"{report}/examination")],
            "GET /reports/{report_id}/statement": [_get("desk", f"{report}/statement")],
            "GET /reports/{report_id}/original": [_get("desk", f"{report}/original", tells=True)],
            "GET /reports/{report_id}/text/{key}": [
                _get("desk", f"{report}/text/description", tells=True),
                _get("desk", f"{report}/text/nothing"),
            ],
            "GET /reports/{report_id}/files/{place}": [
                _get("desk", f"{report}/files/0", tells=True),
                _get("desk", f"{report}/files/999"),
            ],
            "GET /cases": [_get("desk", "/cases", tells=True)],
            "GET /cases/{case_id}": [_get("desk", case, tells=True)],
            "POST /cases/{case_id}/verdict": [
                _form(f"{case}/verdict", vendor=vendor, outcome="rejected", reason="no")
            ],
            "POST /cases/{case_id}/date": [_form(f"{case}/date", vendor=vendor, when=_DATE)],
            "POST /cases/{case_id}/threads": [
                _form(f"{case}/threads"),
                _form(f"{case}/threads", party=vendor),
            ],
            **_threads(ids),
            "POST /cases/{case_id}/product": [
                _form(f"{case}/product", vendor=vendor, product="p", state="fixed")
            ],
            "POST /cases/{case_id}/consent": [
                _form(f"{case}/consent", party=vendor, event="decline")
            ],
            "POST /cases/{case_id}/read-in": [
                _form(f"{case}/read-in", who=_ACT, tier="1", reason="r")
            ],
            "POST /cases/{case_id}/relay": [
                _form(f"{case}/relay", peer="per_" + "a" * 26, reason="r")
            ],
            "POST /cases/{case_id}/read-out": [_form(f"{case}/read-out", who=_ACT, because="b")],
            **_case_people(case),
            "POST /cases/{case_id}/disagree": [_form(f"{case}/disagree", verdict="0", reason="no")],
            **_access_pages(ids),
            **_criteria(ids),
            **_defense(ids),
            "GET /me": [_get("desk", "/me")],
            "GET /tour": [_get("desk", "/tour")],
            "POST /tour/to/{place}": [_form(f"/tour/to/{place}") for place in Place],
            "POST /tour/away": [_form("/tour/away")],
            "POST /tour/again": [_form("/tour/again")],
            "POST /me/tokens/{token_id}/revoke": [_form(f"/me/tokens/{ids['token']}/revoke")],
            "POST /me/sessions/{session_id}/end": [_form(f"/me/sessions/{ids['session']}/end")],
            "MOUNT /static": [_get("desk", "/static/clearhouse.css"), _get("desk", "/static/no")],
        }
        | _desk_api(ids)
        | _cases_api(ids)
        | _access_api(ids)
        | _deconflict(ids)
    )


def _deciding(ids):
    pair, word = f"/decide/{ids['edge']}", f"edg_{'a' * 26}"
    return {
        "GET /decide": [
            _get("desk", "/decide"),
            _get("desk", "/decide", after=ids["edge"], said=ids["edge"], of=ids["edge"]),
        ],
        "GET /decide/{edge_id}": [
            _get("desk", pair),
            _get("desk", pair, said=ids["edge"], of=ids["edge"]),
        ],
        "POST /decide/{edge_id}/split": [_form(f"{pair}/split", report=ids["report"])],
        "POST /decide/{edge_id}/undo/{said}": [
            _form(f"{pair}/undo/{word}"),
            _form(f"/decide/{word}/undo/{ids['edge']}"),
        ],
        "POST /decide/{edge_id}/{word}": [
            _form(f"{pair}/{said}", note=_NOTE) for said in ("same", "sibling", "different")
        ],
    }


def _auditing(ids):
    event, root = f"/ledger/events/{ids['event']}", "ab" * 32
    return {
        "GET /ledger": [
            _get("desk", "/ledger", tells=True),
            _get("desk", "/ledger", before=ids["event"]),
            _get("desk", "/ledger", kind="case.opened", tells=True),
            _get("desk", "/ledger", about=ids["case"], tells=True),
            _get("desk", "/ledger", about=ids["finding"], who=_ACT),
        ],
        # Its page tells how long it took; see its own test.
        "POST /ledger/verify": [],
        "GET /ledger/check": [
            _get("desk", "/ledger/check"),
            _get("desk", "/ledger/check", size="1", root=root),
        ],
        "GET /ledger/export": [_get("desk", "/ledger/export", tells=True)],
        "GET /ledger/events/{event_id}": [_get("desk", event, tells=True)],
        "GET /ledger/events/{event_id}/proof": [_get("desk", f"{event}/proof", tells=True)],
        "GET /agents": [_get("desk", "/agents")],
        "GET /agents/{actor_id}": [_get("desk", f"/agents/{_ACT}")],
        "GET /exports": [_get("desk", "/exports")],
        "GET /exports/events.csv": [
            _get("desk", "/exports/events.csv", tells=True),
            _get("desk", "/exports/events.csv", kind="case.opened", tells=True),
            _get("desk", "/exports/events.csv", since="2026-11-16", until="2026-11-16"),
        ],
        "GET /exports/agents.csv": [_get("desk", "/exports/agents.csv")],
        "GET /exports/heads.json": [_get("desk", "/exports/heads.json")],
    }


_KEY, _PLACE = "epo_" + "a" * 26, "ab" * 32


def _deconflict(ids):
    """Who may ask blindly is a finder, and nobody here is; its own tests show what finders learn."""
    root = "/v1/desk"
    times = {"starts": _DATE, "until": "2027-03-02T00:00:00+00:00"}
    given = {"tool": "model", "basis": "copy", "reference": "r", "safe_harbour": "s"}
    lease, meeting, made = ("lea_" + "a" * 26, "int_" + "a" * 26, "cmt_" + "a" * 26)
    entry = {"tag": "ab" * 8, "mask": "abcd", "ticket": _PLACE}
    period = {"since": "2026-01-01T00:00:00Z", "until": "2028-01-01T00:00:00Z"}
    return {
        "GET /leases": [_get("desk", "/leases")],
        f"GET {root}/leases": [_get("desk", f"{root}/leases")],
        f"POST {root}/leases": [_json(f"{root}/leases", target="pkg:npm/x", **times, **given)],
        f"POST {root}/leases/asked": [_json(f"{root}/leases/asked", target="pkg:npm/x", **times)],
        f"POST {root}/leases/{{lease_id}}/hand-back": [
            _json(f"{root}/leases/{lease}/hand-back", coverage=[])
        ],
        f"POST {root}/leases/{{lease_id}}/withdraw": [_json(f"{root}/leases/{lease}/withdraw")],
        f"GET {root}/scanned": [_get("desk", f"{root}/scanned", target="pkg:npm/x")],
        f"GET {root}/scan-limits": [_get("desk", f"{root}/scan-limits")],
        f"POST {root}/scan-limits": [_json(f"{root}/scan-limits", target=ids["report"])],
        f"GET {root}/known": [_get("desk", f"{root}/known")],
        f"POST {root}/known/evaluations": [
            _json(f"{root}/known/evaluations", epoch=_KEY, elements=[_PLACE])
        ],
        f"GET {root}/known/entries": [_get("desk", f"{root}/known/entries", epoch=_KEY)],
        f"POST {root}/known/buckets": [
            _json(f"{root}/known/buckets", epoch=_KEY, bits=0, prefixes=[0])
        ],
        f"POST {root}/known/holdings": [
            _json(f"{root}/known/holdings", epoch=_KEY, commitment=made, entries=[entry])
        ],
        f"POST {root}/known/preference": [
            _json(f"{root}/known/preference", answers=True, since=True)
        ],
        f"GET {root}/commitments": [_get("desk", f"{root}/commitments")],
        f"POST {root}/commitments": [_json(f"{root}/commitments", digest=_PLACE)],
        f"POST {root}/commitments/{{commitment_id}}/reveal": [
            _json(f"{root}/commitments/{made}/reveal")
        ],
        f"GET {root}/introductions": [_get("desk", f"{root}/introductions")],
        f"POST {root}/introductions": [_json(f"{root}/introductions", ticket=_PLACE)],
        f"POST {root}/introductions/{{introduction_id}}/fields": [
            _json(f"{root}/introductions/{meeting}/fields", field="plan", text="x")
        ],
        f"POST {root}/introductions/{{introduction_id}}/decline": [
            _json(f"{root}/introductions/{meeting}/decline")
        ],
        f"GET {root}/exchanges": [_get("desk", f"{root}/exchanges", **period)],
    }


def _access_pages(ids):
    """Nobody of the house is on a side of the window; its own test shows that it tells."""
    window = f"/access/{ids['window']}"
    return {
        "GET /releases": [_get("desk", "/releases")],
        "GET /reach": [_get("desk", "/reach")],
        "GET /access": [_get("desk", "/access")],
        "GET /access/{window_id}": [_get("desk", window)],
        "POST /access/{window_id}/step": [_form(f"{window}/step", what="pause")],
        "POST /access/{window_id}/kill": [
            _form(f"{window}/kill"),
            _form(f"{window}/kill", really="true", because="no", grant=ids["grant"]),
        ],
        "POST /access/{window_id}/decide/{admission_id}": [
            _form(f"{window}/decide/{ids['admission']}", approve="true")
        ],
    }


def _access_api(ids):
    root = "/v1/desk/access"
    window, admission, grant = (
        f"{root}/{kind}s/{ids[kind]}" for kind in ("window", "admission", "grant")
    )
    times = dict.fromkeys(("opens_at", "partners_from", "closes_at"), _DATE)
    model = {"name": "m", "digest": "d", "served_names": ["m"]}
    application = {"statement": "s", "purposes": ["p"], "holders": [{"actor_id": "act_x"}]}
    scope = {"endpoints": ["openai.chat"], "purposes": ["p"]}
    at = {"not_before": _DATE, "not_after": _DATE}
    return {
        f"GET {root}/windows": [_get("desk", f"{root}/windows")],
        f"POST {root}/windows": [
            _json(
                f"{root}/windows", label="l", government="g", model=model, times=times, capacity=1
            )
        ],
        f"GET {root}/windows/{{window_id}}": [_get("desk", window)],
        f"GET {root}/windows/{{window_id}}/dossier": [_get("desk", f"{window}/dossier")],
        f"GET {root}/windows/{{window_id}}/receipts": [_get("desk", f"{window}/receipts")],
        f"POST {root}/windows/{{window_id}}/step": [_json(f"{window}/step", step="pause")],
        f"POST {root}/windows/{{window_id}}/nominate": [
            _json(f"{window}/nominate", party=ids["vendor"], reason="r")
        ],
        f"POST {root}/windows/{{window_id}}/apply": [
            _json(f"{window}/apply", track="standard", application=application)
        ],
        f"POST {root}/windows/{{window_id}}/kill": [_json(f"{window}/kill", dry_run=True)],
        f"POST {root}/admissions/{{admission_id}}/assess": [
            _json(f"{admission}/assess", kind="decision", opinion={"approve": True})
        ],
        f"POST {root}/admissions/{{admission_id}}/appeal": [
            _json(f"{admission}/appeal", words="w")
        ],
        f"POST {root}/admissions/{{admission_id}}/grants": [
            _json(f"{admission}/grants", holder="act_x", scope=scope, **at)
        ],
        f"POST {root}/grants/{{grant_id}}/activate": [
            _json(f"{grant}/activate", jwk={}, accepted={})
        ],
        f"POST {root}/grants/{{grant_id}}/safeguards": [_json(f"{grant}/safeguards", words="w")],
    }


def _desk_api(ids):
    finding, case, report = (
        f"/v1/desk/{kind}s/{ids[kind]}" for kind in ("finding", "case", "report")
    )
    other, vendor = ids["other_finding"], ids["vendor"]
    event = f"/v1/desk/ledger/events/{ids['event']}"
    return {
        "GET /v1/desk/rooms": [_get("desk", "/v1/desk/rooms")],
        "GET /v1/desk/queue": [
            _get("desk", "/v1/desk/queue", tells=True),
            _get("desk", "/v1/desk/queue", band="URGENT"),
            _get("desk", "/v1/desk/queue", severity="critical", tells=True),
            _get("desk", "/v1/desk/queue", exploit="poc", tells=True),
            _get("desk", "/v1/desk/queue", ssvc="coordinate"),
            _get("desk", "/v1/desk/queue", limit="1", offset="0"),
            _get("desk", "/v1/desk/queue", limit="1", offset="1"),
            _get("desk", "/v1/desk/queue", offset="9999"),
        ],
        "GET /v1/desk/findings/{finding_id}": [_get("desk", finding, tells=True)],
        **{
            f"POST /v1/desk/findings/{{finding_id}}/{verb}": [
                _json(f"{finding}/{verb}", other=other, note=_NOTE)
            ]
            for verb in ("same", "sibling", "different")
        },
        "POST /v1/desk/findings/{finding_id}/split": [
            _json(f"{finding}/split", reports=[ids["report"]], note=_NOTE)
        ],
        "POST /v1/desk/edges/{edge_id}/undo": [_json(f"/v1/desk/edges/{ids['edge']}/undo")],
        "POST /v1/desk/findings/{finding_id}/case": [_json(f"{finding}/case")],
        "GET /v1/desk/reports": [
            _get("desk", "/v1/desk/reports", tells=True),
            _get("desk", "/v1/desk/reports", limit="1"),
            _get("desk", "/v1/desk/reports", before=ids["report"]),
        ],
        "GET /v1/desk/reports/{report_id}": [_get("desk", report, tells=True)],
        "GET /v1/desk/reports/{report_id}/verdict": [_get("desk", f"{report}/verdict", tells=True)],
        "GET /v1/desk/reports/{report_id}/statement": [_get("desk", f"{report}/statement")],
        "POST /v1/desk/reports/{report_id}/examination": [_json(f"{report}/examination")],
        "GET /v1/desk/examinations": [
            _get("desk", "/v1/desk/examinations", tells=True),
            _get("desk", "/v1/desk/examinations", limit="1"),
        ],
        "GET /v1/desk/reach": [_get("desk", "/v1/desk/reach")],
        "GET /v1/desk/reach/{advisory_id}": [_get("desk", "/v1/desk/reach/CLR-2027-00002")],
        "GET /v1/desk/cases": [_get("desk", "/v1/desk/cases", tells=True)],
        "GET /v1/desk/cases/{case_id}": [_get("desk", case, tells=True)],
        "POST /v1/desk/cases/{case_id}/verdict": [
            _json(f"{case}/verdict", vendor=vendor, outcome="rejected", reason="no")
        ],
        "POST /v1/desk/cases/{case_id}/date": [_json(f"{case}/date", vendor=vendor, when=_DATE)],
        "POST /v1/desk/cases/{case_id}/disagree": [
            _json(f"{case}/disagree", verdict=0, reason="no")
        ],
        "GET /v1/desk/ledger": [
            _get("desk", "/v1/desk/ledger", tells=True),
            _get("desk", "/v1/desk/ledger", before=ids["event"]),
        ],
        "POST /v1/desk/ledger/verify": [Ask("desk", "POST", "/v1/desk/ledger/verify")],
        "GET /v1/desk/ledger/events/{event_id}/proof": [_get("desk", f"{event}/proof", tells=True)],
    }


def _ways_in(ids):
    """Accounts and passkeys are their owner's; whoever asks for others' gets the same no."""
    account, passkey = "acc_" + "a" * 26, "pak_" + "a" * 26
    return {
        "GET /sign-in/with/{name}": [_get("desk", "/sign-in/with/none", to=ids["case"])],
        "GET /sign-in/back": [_get("desk", "/sign-in/back", state=ids["token"], code="c")],
        "GET /sign-in/passkey": [_get("desk", "/sign-in/passkey")],
        "POST /sign-in/passkey": [_form("/sign-in/passkey", answer="{}")],
        "POST /me/accounts": [_form("/me/accounts", provider="none")],
        "POST /me/accounts/{account_id}/end": [_form(f"/me/accounts/{account}/end")],
        "POST /me/passkeys/new": [_form("/me/passkeys/new")],
        "POST /me/passkeys": [_form("/me/passkeys", answer="{}", label="x")],
        "POST /me/passkeys/{passkey_id}/end": [_form(f"/me/passkeys/{passkey}/end")],
        "POST /me/tokens": [],  # its answer is a fresh secret; see its own test
    }


def _case_people(case):
    root = "/cases/{case_id}"
    fields = {
        "decide": {"number": "0", "grant": "yes", "because": "b"},
        "review": {"number": "0", "upheld": "no", "because": "b"},
        "exception": {"rule": "default-30", "until": _DATE, "reason": "r"},
        "conflict": {"who": _ACT, "what": "w"},
        "conflict-lift": {"who": _ACT, "because": "b"},
        "appeal": {"verdict": "0", "reason": "r"},
        "appeal-answer": {"number": "0", "how": "uphold", "resolution": "r"},
        "deviation": {"of": "o", "value": "v", "reason": "r"},
        "met": {"clock": "transparency-notice", "note": "n"},
        "part": {"share": "summary", "text": "t"},
        "invitations": {"vendor": "pty_x", "name": "n", "days": "3"},
        "transparency-notice": {},
        "contacts": {},
        "reached": {"party": "pty_x", "way": "email", "note": "n"},
    }
    return {
        **{f"POST {root}/{verb}": [_form(f"{case}/{verb}", **fields[verb])] for verb in fields},
        f"POST {root}/invitations/{{invitation_id}}/end": [_form(f"{case}/invitations/{_INV}/end")],
        "GET /own-cases": [_get("desk", "/own-cases")],
        "GET /own-cases/{case_id}": [_get("desk", f"/own-{case[1:]}")],
        f"GET {root}/detections": [_get("desk", f"{case}/detections", tells=True)],
        f"GET {root}/detections/{{detection_id}}": [
            _get("desk", f"{case}/detections/dtc_{'a' * 26}")
        ],
        f"POST {root}/detections": [
            _form(f"{case}/detections", kind="yara", leak="L3", expires_on="2031-01-01")
        ],
        f"POST {root}/detections/{{detection_id}}/expire": [
            _form(f"{case}/detections/dtc_{'a' * 26}/expire")
        ],
        f"GET {root}/read-in-log.csv": [_get("desk", f"{case}/read-in-log.csv", tells=True)],
        f"GET {root}/copies": [_get("desk", f"{case}/copies", tells=True)],
    }


def _case_people_api(ids):
    case, root = f"/v1/desk/cases/{ids['case']}", "/v1/desk/cases/{case_id}"
    return {
        f"POST {root}/requests/{{number}}": [_json(f"{case}/requests/0", grant=True, because="b")],
        f"POST {root}/emergencies/{{number}}": [
            _json(f"{case}/emergencies/0", upheld=True, because="b")
        ],
        f"POST {root}/exceptions": [
            _json(f"{case}/exceptions", rule="default-30", until=_DATE, reason="r")
        ],
        f"POST {root}/conflicts": [_json(f"{case}/conflicts", who=_ACT, what="w")],
        f"POST {root}/conflicts/lift": [_json(f"{case}/conflicts/lift", who=_ACT, because="b")],
        f"POST {root}/appeals": [_json(f"{case}/appeals", verdict=0, reason="r")],
        f"POST {root}/appeals/{{number}}/acknowledge": [_json(f"{case}/appeals/0/acknowledge")],
        f"POST {root}/appeals/{{number}}/resolve": [
            _json(f"{case}/appeals/0/resolve", upheld=True, resolution="r")
        ],
        f"POST {root}/deviations": [_json(f"{case}/deviations", of="o", value="v", reason="r")],
        f"GET {root}/deadlines": [_get("desk", f"{case}/deadlines")],
        f"POST {root}/deadlines": [_json(f"{case}/deadlines", clock="c", note="n")],
        f"GET {root}/transparency-notice": [_get("desk", f"{case}/transparency-notice")],
        f"GET {root}/detections": [_get("desk", f"{case}/detections")],
        f"POST {root}/detections": [_json(f"{case}/detections", **_RULE)],
        f"POST {root}/detections/{{detection_id}}/expire": [
            _json(f"{case}/detections/dtc_{'a' * 26}/expire")
        ],
        f"POST {root}/parts": [_json(f"{case}/parts", share="summary", text="t")],
        f"GET {root}/own": [_get("desk", f"{case}/own")],
        f"POST {root}/contacts": [_json(f"{case}/contacts")],
        f"POST {root}/attempts": [_json(f"{case}/attempts", party="p", way="email", note="n")],
        f"POST {root}/answers": [_json(f"{case}/answers", party="p", note="n")],
        f"GET {root}/silence": [_get("desk", f"{case}/silence")],
        f"GET {root}/read-in-log": [_get("desk", f"{case}/read-in-log", tells=True)],
        f"GET {root}/copies": [_get("desk", f"{case}/copies", tells=True)],
        "POST /v1/desk/copies/trace": [_json("/v1/desk/copies/trace", text=ids["case"])],
    }


_ACT = "act_" + "a" * 26
_RULE = {
    "kind": "suricata",
    "leak": "L3",
    "expires_on": "2031-01-01",
    "telemetry": "t",
    "rule": 'alert ip any any -> any any (msg:"x"; sid:1;)',
    "sample": "YQ==",
    "sample_name": "s",
}


_MAIL = "mai_" + "a" * 26


def _threads(ids):
    thread, message = f"/threads/{ids['thread']}", ids["message"]
    return {
        "GET /threads": [_get("desk", "/threads", tells=True)],
        "GET /mail/{mail_id}": [_get("desk", f"/mail/{_MAIL}")],
        "GET /threads/{thread_id}": [_get("desk", thread, tells=True)],
        "POST /threads/{thread_id}": [_form(thread, text="t")],
        "GET /threads/{thread_id}/files/{message_id}/{place}": [
            _get("desk", f"{thread}/files/{message}/0", tells=True),
            _get("desk", f"{thread}/files/{message}/9"),
        ],
    }


def _threads_api(ids):
    root, thread = "/v1/desk/threads", f"/v1/desk/threads/{ids['thread']}"
    return {
        f"GET {root}": [_get("desk", root, tells=True)],
        f"GET {root}/{{thread_id}}": [_get("desk", thread, tells=True)],
        "GET /v1/desk/mail": [_get("desk", "/v1/desk/mail")],
        "GET /v1/desk/mail/{mail_id}": [_get("desk", f"/v1/desk/mail/{_MAIL}")],
        f"POST {root}/{{thread_id}}/messages": [_json(f"{thread}/messages", text="t")],
        # Which parties there are is no secret; that one has a part in a case is.
        "POST /v1/desk/parties/{party_id}/channel": [
            _json("/v1/desk/parties/pty_" + "a" * 26 + "/channel", webhook="https://x.test/")
        ],
    }


def _cases_api(ids):
    case, root = f"/v1/desk/cases/{ids['case']}", "/v1/desk/cases/{case_id}"
    cell = {"vendor": ids["vendor"], "product": "p", "state": "fixed"}
    return {
        f"POST {root}/parties": [_json(f"{case}/parties", party=ids["vendor"], role="vendor")],
        f"POST {root}/read-ins": [_json(f"{case}/read-ins", who=_ACT, tier=1, reason="r")],
        f"POST {root}/read-outs": [_json(f"{case}/read-outs", who=_ACT, because="b")],
        f"POST {root}/consent": [_json(f"{case}/consent", party=ids["vendor"], event="accept")],
        f"POST {root}/products": [_json(f"{case}/products", said=[cell])],
        f"POST {root}/threads": [_json(f"{case}/threads", party=ids["vendor"])],
        f"GET {root}/notices": [_get("desk", f"{case}/notices", tells=True)],
        **_threads_api(ids),
        **_case_people_api(ids),
        f"GET {root}/invitations": [_get("desk", f"{case}/invitations")],
        f"POST {root}/invitations": [_json(f"{case}/invitations", vendor=ids["vendor"], name="n")],
        f"POST {root}/invitations/{{invitation_id}}/end": [_json(f"{case}/invitations/{_INV}/end")],
        f"POST {root}/transparency-notice": [_json(f"{case}/transparency-notice")],
        f"GET {root}/vultron": [_get("desk", f"{case}/vultron", tells=True)],
        "GET /v1/desk/peers": [_get("desk", "/v1/desk/peers")],
        f"GET {root}/relays": [_get("desk", f"{case}/relays", tells=True)],
        f"POST {root}/relays": [_json(f"{case}/relays", peer="per_" + "a" * 26, reason="r")],
    }


_INV = "inv_" + "a" * 26
_DET, _EVD = "det_" + "a" * 26, "evd_" + "a" * 26


def _criteria(ids):
    """Criteria know no case; whoever is not read in to them must learn nothing of either."""
    page, api = f"/criteria/determinations/{_DET}", "/v1/desk/criteria"
    one, route = f"{api}/determinations/{_DET}", f"{api}/determinations/{{determination_id}}"
    pages = "/criteria/determinations/{determination_id}"
    proposal = {"profile": "eu-ai-act-gpai-1", "model": ids["case"], "checkpoint": "x"}
    return {
        "GET /criteria": [_get("desk", "/criteria")],
        "GET /criteria/profiles/{name}": [_get("desk", "/criteria/profiles/eu-ai-act-gpai-1")],
        "GET /criteria/evidence/{evidence_id}": [_get("desk", f"/criteria/evidence/{_EVD}")],
        f"GET {pages}": [_get("desk", page)],
        f"POST {pages}/appeal": [_form(f"{page}/appeal", words="no")],
        **{
            f"POST {pages}/{verb}": [_form(f"{page}/{verb}")]
            for verb in ("countersign", "release", "withdraw")
        },
        f"GET {api}/profiles": [_get("desk", f"{api}/profiles")],
        f"GET {api}/profiles/{{profile}}/curves": [
            _get("desk", f"{api}/profiles/eu-ai-act-gpai-1/curves")
        ],
        f"GET {api}/evidence": [_get("desk", f"{api}/evidence")],
        f"GET {api}/evidence/{{evidence_id}}": [_get("desk", f"{api}/evidence/{_EVD}")],
        f"POST {api}/evidence": [Ask("desk", "POST", f"{api}/evidence", body=b"x")],
        f"POST {api}/attestations": [_json(f"{api}/attestations", payload=ids["case"])],
        f"GET {api}/determinations": [_get("desk", f"{api}/determinations")],
        f"GET {route}": [_get("desk", one)],
        f"POST {api}/determinations": [_json(f"{api}/determinations", **proposal)],
        f"POST {route}/supersede": [_json(f"{one}/supersede", checkpoint="x")],
        f"POST {route}/appeal": [_json(f"{one}/appeal", words="no")],
        **{
            f"POST {route}/{verb}": [_json(f"{one}/{verb}")]
            for verb in ("countersign", "release", "withdraw")
        },
    }


def _defense(ids):
    """Who is no operator and pools nothing learns neither that a network was measured nor how."""
    api, card, pool = "/v1/desk/defense", ids["card"], ids["pool"]
    key = {"organisation": ids["vendor"], "key": "A" * 43 + "="}
    file = b'--b\r\nContent-Disposition: form-data; name="card"; filename="c"\r\n\r\n{}\r\n--b--'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    return {
        "GET /defense": [_get("desk", "/defense")],
        "POST /defense/cards": [
            _form("/defense/cards"),
            Ask("desk", "POST", "/defense/cards", body=file, headers=kind),
        ],
        "GET /defense/cards/{card_id}": [_get("desk", f"/defense/cards/{card}")],
        "POST /defense/pools": [_form("/defense/pools")],
        "GET /defense/pools/{pool_id}": [_get("desk", f"/defense/pools/{pool}")],
        f"GET {api}/cards": [_get("desk", f"{api}/cards"), _get("desk", f"{api}/cards", limit="1")],
        f"POST {api}/cards": [_json(f"{api}/cards", payload=card)],
        f"GET {api}/cards/{{card_id}}": [_get("desk", f"{api}/cards/{card}")],
        f"POST {api}/keys": [_json(f"{api}/keys", **key)],
        f"POST {api}/keys/{{key_id}}/end": [_json(f"{api}/keys/{'0' * 64}/end")],
        f"GET {api}/pool": [_get("desk", f"{api}/pool")],
        f"GET {api}/pools": [_get("desk", f"{api}/pools")],
        f"POST {api}/pools": [_json(f"{api}/pools")],
        f"GET {api}/pools/{{pool_id}}": [_get("desk", f"{api}/pools/{pool}")],
    }


EXAMPLES = {"counter": _counter, "desk": _desk}


def asks(ids):
    """Return every example of every door, in a fixed order."""
    return [ask for door in EXAMPLES.values() for group in door(ids).values() for ask in group]
