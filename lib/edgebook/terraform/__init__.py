"""A front door as Terraform: HCL of its resources, with import blocks for what exists. Pure.

References between resources become references of Terraform. Zonal NEGs belong to GKE: their entries
in a backend service are left alone by the generated code, or written out with `owned_backends`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from edgebook.desired import Desired
from edgebook.model.kinds import path
from edgebook.model.links import canonical, link
from edgebook.model.observed import Observed
from edgebook.model.paths import name_of, parent_of, part_of, project_of
from edgebook.model.values import (
    EachNeg,
    Live,
    Ownership,
    Plan,
    Ref,
    Resource,
    ResourceKey,
    SecretRef,
    each_negs,
)
from edgebook.params.names import slug
from edgebook.plan.attachments import attachments
from edgebook.plan.compare import UNKNOWN, lookup
from edgebook.terraform.arguments import BELOW, KNOWN, number, since
from edgebook.terraform.hcl import Block, Expression, render
from edgebook.terraform.remarks import head, left_out, unfinished
from edgebook.terraform.types import TerraformType, exported, label, snake, type_of

PROVIDER = "hashicorp/google"
CORE_VERSION = ">= 1.5.0"  # import blocks


def export(
    desired: Desired,
    live: Live,
    observed: Observed,
    plan: Plan,
    *,
    project: str,
    owned_backends: bool = False,
) -> dict[str, str]:
    """File name -> content: `main.tf`, and `imports.tf` for the resources that exist.

    What the plan only reports (records that point elsewhere, resources of others) is left out.
    """
    left_alone = {change.key for change in plan.reports} - {change.key for change in plan.to_do}
    writer = _Writer(desired, live, observed, left_alone, owned_backends=owned_backends)
    blocks = list(writer.resources())
    imports = list(writer.imports())
    there = {str(block.values["to"].text) for block in imports}
    imported = [block for block in blocks if ".".join(block.labels) in there]
    terraform = _terraform(writer.needs(), head(imported, unfinished(plan)))
    first = [terraform, Block("provider", ("google",), {"project": project})]
    main = render([*first, *writer.variables(), *blocks])
    return {"main.tf": main, "imports.tf": render(imports)}


def _terraform(needs: str, comment: str) -> Block:
    version = f">= {needs}, < {BELOW}"
    required = Block(
        "required_providers", values={"google": {"source": PROVIDER, "version": version}}
    )
    values = {"required_version": CORE_VERSION}
    return Block("terraform", (), values, (required,), comment=comment)


class _Writer:
    def __init__(
        self,
        desired: Desired,
        live: Live,
        observed: Observed,
        left_alone: set[ResourceKey],
        *,
        owned_backends: bool,
    ) -> None:
        self._desired = desired
        self._live = live
        self._observed = observed
        self._owned = owned_backends
        self._made = {
            resource.key: resource
            for resource in desired.resources
            if exported(resource.kind)
            and resource.ownership is not Ownership.REFERENCED
            and resource.key not in left_alone
        }
        self._links = {path(key): resource for key, resource in self._made.items()}
        self._versions = {KNOWN}
        self._unknown: list[str] = []  # arguments of the resource at hand that no provider has
        self._secrets: dict[str, SecretRef] = {}
        self._backends = {r.name: r for r in desired.resources if r.kind == "backends"}

    def resources(self) -> Iterator[Block]:
        for resource in self._made.values():
            yield self._resource(resource)

    def needs(self) -> str:
        """The oldest version of the provider that knows every argument that was written."""
        return max(self._versions, key=number)

    def variables(self) -> Iterator[Block]:
        """One for each secret: its value has no place in a file."""
        for name, secret in sorted(self._secrets.items()):
            where = secret.secret or f"the environment variable {secret.env}"
            values = {
                "type": Expression("string"),
                "sensitive": True,
                "description": f"kept in {where}",
            }
            yield Block("variable", (name,), values)

    def imports(self) -> Iterator[Block]:
        for resource in self._made.values():
            if found := self._live_key(resource):
                to = Expression(f"{type_of(resource.kind).name}.{_label(resource)}")
                yield Block("import", values={"to": to, "id": path(found)})

    def _live_key(self, resource: Resource) -> ResourceKey | None:
        """The key under which it exists; a challenge's name is known from its authorization."""
        key = resource.key
        if key.kind == "dnsRecordSet":
            name = self._value(resource.body["name"])
            key = ResourceKey(key.kind, key.scope, f"{name}/{resource.body['type']}")
        return key if key in self._live else None

    def _value(self, value: Any) -> Any:
        return lookup(self._live)(value) if isinstance(value, Ref) else value

    def _resource(self, resource: Resource) -> Block:
        kind = type_of(resource.kind)
        self._unknown = []
        values, blocks = self._fields(resource.body, kind)
        values = {**self._identity(resource), **values}
        ignored = list(kind.ignored)
        if resource.kind == "backendService" and resource.name in self._backends:
            if self._owned:
                blocks += self._entries(self._backends[resource.name])
            else:
                ignored.append("backend")
        if ignored:
            names = Expression("[" + ", ".join(ignored) + "]")
            blocks.append(Block("lifecycle", values={"ignore_changes": names}))
        comment = left_out(self._unknown)
        return Block("resource", (kind.name, _label(resource)), values, blocks, comment)

    def _identity(self, resource: Resource) -> dict[str, Any]:
        """What an API tells by the path: project, name, parent."""
        scope = resource.scope
        identity: dict[str, Any] = {"project": project_of(scope)}
        if resource.kind == "dnsRecordSet":
            return {**identity, "managed_zone": name_of(scope)}
        if resource.kind == "certificateMapEntry":
            parent = ResourceKey("certificateMap", parent_of(parent_of(scope)), name_of(scope))
            name = f"google_certificate_manager_certificate_map.{label(parent.name)}.name"
            known = parent in self._made
            identity["map"] = Expression(name) if known else parent.name
        return {**identity, "name": resource.name}

    def _fields(
        self, body: Mapping[str, Any], kind: TerraformType, pattern: str = "", at: str = ""
    ) -> tuple[dict[str, Any], list[Block]]:
        """Attributes and blocks of a body: `pattern` is the API's place, `at` the provider's."""
        values: dict[str, Any] = {}
        blocks: list[Block] = []
        for field, value in body.items():
            inner = f"{pattern}{field}"
            name = kind.renamed.get(inner, snake(field))
            if value is None or inner in kind.dropped or value in ("", []):
                continue
            if inner in kind.lifted:
                values.update(self._fields(value, kind, f"{inner}.", at)[0])
            elif not self._known(kind, f"{at}{name}"):
                continue
            elif isinstance(value, Mapping) and field != "labels":
                blocks += self._block(kind, inner, f"{at}{name}", value)
            elif isinstance(value, list) and value and isinstance(value[0], Mapping):
                for item in value:
                    inside = self._fields(item, kind, f"{inner}[].", f"{at}{name}.")
                    blocks.append(Block(name, (), *inside))
            else:
                values[name] = self._attribute(_port(value) if name == "port_range" else value)
        return values, blocks

    def _known(self, kind: TerraformType, argument: str) -> bool:
        """Whether a provider has it; remembers which, or that none does."""
        version = since(kind.name, argument)
        if version:
            self._versions.add(version)
        else:
            self._unknown.append(argument)
        return bool(version)

    def _block(
        self, kind: TerraformType, inner: str, at: str, value: Mapping[str, Any]
    ) -> list[Block]:
        name = at.rpartition(".")[2]
        if kind.name == "google_compute_firewall" and name == "log_config":
            # Its presence switches logging on.
            enabled = {"metadata": "INCLUDE_ALL_METADATA"}
            return [Block(name, (), enabled)] if value.get("enable") else []
        return [Block(name, (), *self._fields(value, kind, f"{inner}.", f"{at}."))]

    def _attribute(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._reference(value)
        if isinstance(value, SecretRef):
            name = label(value.env.lower() or part_of(value.secret, "secrets"))
            self._secrets[name] = value
            return Expression(f"var.{name}")
        if isinstance(value, list | tuple):
            return [self._attribute(item) for item in value]
        if isinstance(value, str) and (made := self._links.get(canonical(value))):
            return self._reference(Ref(made.kind, made.name, made.scope))
        return value

    def _reference(self, ref: Ref) -> Any:
        if ref.key not in self._made:
            known = self._value(ref)
            return link(ref.key) if known is UNKNOWN else known
        address = f"{type_of(ref.kind).name}.{_label(self._made[ref.key])}"
        if ref.kind == "certificateMap":
            # The provider's id lacks the service in front, which a proxy needs.
            return Expression(f'"//certificatemanager.googleapis.com/${{{address}.id}}"')
        if ref.field == "selfLink":
            return Expression(f"{address}.id")
        record, _, part = ref.field.partition(".")
        return Expression(f"{address}.{snake(record)}[0].{part}" if part else f"{address}.{record}")

    def _entries(self, resource: Resource) -> list[Block]:
        """The zonal NEGs that are known now, one block each."""
        wanted = tuple(each_negs(resource.body))
        own = self._desired.own_negs.get(resource.name, frozenset())
        found = attachments(wanted, (), own, self._observed)
        entries = {(each.cluster, each.name): each for each in wanted}
        service = ResourceKey("backendService", resource.scope, resource.name)
        live = (self._live[service].body.get("backends") or ()) if service in self._live else ()
        capacity = {str(e.get("group")): e["capacityScaler"] for e in live if "capacityScaler" in e}
        blocks = []
        for neg in found.missing:
            each: EachNeg = entries[found.clusters[canonical(neg.link)], neg.name]
            fields = {"group": neg.link, **each.entry_in(neg.zone)}
            if neg.link in capacity:
                fields.setdefault("capacityScaler", capacity[neg.link])
            values, _ = self._fields(fields, type_of("backendService"), "backends[].", "backend.")
            blocks.append(Block("backend", (), values))
        return blocks


def _port(text: str) -> str:
    """`443` of `443-443`."""
    first, _, last = text.partition("-")
    return first if first == last else text


def _label(resource: Resource) -> str:
    if resource.kind != "dnsRecordSet":
        return label(resource.name)
    name, _, kind = resource.name.partition("./")
    challenge = name.startswith("_acme-challenge")
    host = name.partition(".")[2] if challenge else name
    return label(f"{'acme-challenge-' if challenge else ''}{slug(host)}-{kind.lower()}")
