"""The provider's metadata passes the official JSON schema of CSAF 2.0."""

import json

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from clearhouse.clearing.publish import provider
from providers import issue, put


def test_the_metadata_passes_the_schema_of_the_standard(suites, tmp_path):
    schemas = [
        json.loads((suites / "csaf-2.0/json_schema" / name).read_text())
        for name in ("provider_json_schema.json", "csaf_json_schema.json")
    ]
    registry = Registry().with_resources(
        (one["$id"], Resource.from_contents(one)) for one in schemas
    )
    put(tmp_path, [issue(1)])
    metadata = json.loads((tmp_path / provider.METADATA).read_bytes())
    validator = Draft202012Validator(schemas[0], registry=registry)
    assert not [one.message for one in validator.iter_errors(metadata)]
    assert [one.message for one in validator.iter_errors(metadata | {"role": "else"})]
