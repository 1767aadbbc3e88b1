"""Validates an OpenAPI 3.1 document, every example in its schemas, and live answers: FILE.json named <Schema>-….json."""

import json
import pathlib
import sys

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

document = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
validate(document)
schemas = document["components"]["schemas"]
for schema in schemas.values():
    # An answer must not have a member that is not documented.
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
broken = []


def check(name, value, where):
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
    for error in validator.iter_errors(value):
        broken.append(f"{where}: {name} at {list(error.path)}: {error.message}")


for name, schema in schemas.items():
    for example in schema.get("examples", []):
        check(name, example, "example")
if len(sys.argv) > 2:
    for file in sorted(pathlib.Path(sys.argv[2]).glob("*.json")):
        name = file.stem.split("-")[0]
        check(name, json.loads(file.read_text()), file.name)
print("\n".join(broken))
sys.exit(1 if broken else 0)
