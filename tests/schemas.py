"""Official schemas, where they are: beside the project, or inside pinned packages; none is copied."""

import json
from importlib.resources import files

import jsonschema_rs


def load(path):
    return json.loads(path.read_text())


def osv(suites):
    return _validator(load(suites / "osv" / "validation" / "schema.json"))


def openvex(suites):
    return _validator(load(suites / "openvex" / "openvex_json_schema.json"))


def cve(suites):
    return _validator(_without_form_hints(load(suites / "cve" / "cve5.schema.json")))


def csaf_20(suites):
    schema = load(suites / "csaf-2.0" / "json_schema" / "csaf_json_schema.json")
    return _validator(schema, _first())


def csaf_21(suites):
    folder = suites / "csaf-2.1" / "json_schema"
    packaged = files("csaf.csaf.v21") / "schema" / "referenced"
    known = [_named(load(path)) for path in sorted(folder.glob("*.json"))]
    known.append(_named(load(packaged / "SelectionList_2_0_0.schema.json")))
    return _validator(load(folder / "csaf.json"), _first() + known)


def cyclonedx(suites):
    """Return the schema of 1.7, with the lists that it names from the pinned package."""
    packaged = files("cyclonedx.schema") / "_res"
    known = [
        (
            f"http://cyclonedx.org/schema/{name}.schema.json",
            load(packaged / f"{name}.SNAPSHOT.schema.json"),
        )
        for name in ("cryptography-defs", "jsf-0.82", "spdx")
    ]
    return _validator(load(suites / "cyclonedx" / "bom-1.7.schema.json"), known)


def _without_form_hints(schema):
    """Leave out references to the lists that an editor's form shows, which are no schemas."""
    if isinstance(schema, dict):
        return {
            key: _without_form_hints(value)
            for key, value in schema.items()
            if key != "$ref" or not isinstance(value, str) or value.startswith("#")
        }
    return [_without_form_hints(one) for one in schema] if isinstance(schema, list) else schema


def _named(schema):
    return (schema.get("$id") or schema["id"]).partition("?")[0], _plain(schema)


def _plain(schema):
    """Return a schema under the plain draft: meta-schemas of the house only turn formats on."""
    known = schema["$schema"].startswith(("https://json-schema.org/", "http://json-schema.org/"))
    draft = schema["$schema"] if known else "https://json-schema.org/draft/2020-12/schema"
    return {**schema, "$schema": draft}


def _first():
    """Return FIRST's schemas of CVSS."""
    folder = files("csaf.csaf.v21") / "schema" / "referenced"
    return [
        _named(load(folder / f"cvss-v{version}.json")) for version in ("2.0", "3.0", "3.1", "4.0")
    ]


def _validator(schema, known=()):
    registry = jsonschema_rs.Registry(list(known)) if known else None
    return jsonschema_rs.validator_for(_plain(schema), validate_formats=True, registry=registry)
