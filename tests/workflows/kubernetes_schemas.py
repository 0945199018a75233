"""Schemas of the Kubernetes resources in use: Dask's own from its operator, the rest as their API reference has them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import jsonschema
import yaml

Schema = dict[str, Any]
_CRDS = "operator/deployment/helm/dask-kubernetes-operator/crds"


def strict(schema: Schema) -> Schema:
    """The same, with names that it does not list refused: an API server drops them without a word."""
    made = dict(schema)
    if made.get("format") == "int-or-string" or made.get("x-kubernetes-int-or-string"):
        made["type"] = ["integer", "string"]
    if "properties" in made:
        made["properties"] = {name: strict(below) for name, below in made["properties"].items()}
        made.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = strict(made[key])
    return made


def _crd(name: str) -> Schema:
    text = files("dask_kubernetes").joinpath(_CRDS, f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


TEXT: Schema = {"type": "string", "minLength": 1}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}, "minItems": 1}
METADATA: Schema = {
    "type": "object", "required": ["name"], "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 63},
        "namespace": TEXT, "labels": {"type": "object"}, "annotations": {"type": "object"},
    },
}  # fmt: skip
CLUSTER_SPEC = strict(_crd("daskcluster")["properties"]["spec"])
POD_SPEC: Schema = CLUSTER_SPEC["properties"]["worker"]["properties"]["spec"]


def resource(version: str, kind: str, **fields: Schema) -> Schema:
    """Of a resource whose fields, beside name and kind, are all required."""
    return {
        "type": "object", "required": ["apiVersion", "kind", "metadata", *fields], "additionalProperties": False,
        "properties": {"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": METADATA, **fields},
    }  # fmt: skip


def fixed(required: tuple[str, ...], **fields: Schema) -> Schema:
    """Of an object with these fields and no others."""
    return {"type": "object", "required": list(required), "additionalProperties": False, "properties": fields}


RULE = fixed(("apiGroups", "resources", "verbs"), apiGroups=TEXTS, resources=TEXTS, verbs=TEXTS, resourceNames=TEXTS)
EXIT_CODES = fixed(
    ("operator", "values"), containerName=TEXT, operator={"enum": ["In", "NotIn"]},
    values={"type": "array", "minItems": 1, "maxItems": 255, "items": {"type": "integer", "minimum": 0, "maximum": 255}},
)  # fmt: skip
CONDITION = fixed(("type",), type=TEXT, status={"enum": ["True", "False", "Unknown"]})
FAILURE_RULE: Schema = {
    **fixed(
        ("action",), action={"enum": ["FailJob", "FailIndex", "Ignore", "Count"]}, onExitCodes=EXIT_CODES,
        onPodConditions={"type": "array", "items": CONDITION, "maxItems": 20},
    ),
    "oneOf": [{"required": ["onExitCodes"]}, {"required": ["onPodConditions"]}],
}  # fmt: skip
JOB_SPEC = fixed(
    ("template",),
    backoffLimit={"type": "integer", "minimum": 0},
    podFailurePolicy=fixed(("rules",), rules={"type": "array", "items": FAILURE_RULE, "maxItems": 20}),
    template=fixed(("spec",), metadata={"type": "object"}, spec=POD_SPEC),
)
SUBJECT = fixed(
    ("kind", "name"), apiGroup=TEXT, kind={"enum": ["ServiceAccount", "User", "Group"]}, name=TEXT, namespace=TEXT
)
RBAC = "rbac.authorization.k8s.io"
SCHEMAS = {
    "ConfigMap": resource("v1", "ConfigMap", data={"type": "object", "additionalProperties": {"type": "string"}}),
    "ServiceAccount": resource("v1", "ServiceAccount"),
    "Role": resource(f"{RBAC}/v1", "Role", rules={"type": "array", "items": RULE}),
    "RoleBinding": resource(
        f"{RBAC}/v1", "RoleBinding", subjects={"type": "array", "items": SUBJECT},
        roleRef=fixed(("apiGroup", "kind", "name"), apiGroup={"const": RBAC}, kind={"const": "Role"}, name=TEXT),
    ),
    "Job": resource("batch/v1", "Job", spec=JOB_SPEC),
    "DaskCluster": resource("kubernetes.dask.org/v1", "DaskCluster", spec=CLUSTER_SPEC),
}  # fmt: skip


def check(given: dict[str, Any]) -> None:
    """Raises jsonschema's ValidationError for a resource that is not of its kind."""
    jsonschema.Draft202012Validator(SCHEMAS[given["kind"]]).validate(given)
