"""Credentials as their owners see them: made, listed, changed, deleted. What is secret goes in and never comes out."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.errors import Conflict, NotFound, ValidationFailed
from chalicelib.core.expressions import suggestion
from chalicelib.core.ids import new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.credentials import repository, tokens_repository
from chalicelib.credentials.binding import ANYWHERE, host_pattern, widened
from chalicelib.credentials.catalogue import credential_types
from chalicelib.credentials.keys import keyring
from chalicelib.credentials.sealing import context_of, seal, unseal
from chalicelib.credentials.spec import CredentialData, CredentialSpec
from chalicelib.definitions.complaints import complaints

Row = Mapping[str, Any]
DATA = "/data"


def create(connection: Connection, workspace_id: str, fields: Row) -> Row:
    """Seal and store a new credential. Raises ValidationFailed (unknown type, wrong data, hosts, workflows) and Conflict `slug_taken`."""
    spec = _spec(fields["type"])
    data = _checked(spec, fields["data"])
    credential_id = new_id("cred")
    hosts = _hosts(fields["hosts"]) if fields.get("hosts") is not None else _own_hosts(spec, data)
    slug = fields.get("slug") or _free_slug(connection, workspace_id, fields["name"])
    values = {
        "id": credential_id,
        "workspace_id": workspace_id,
        "slug": slug,
        "name": fields["name"],
        "type": spec.type,
        "hosts": dumps(hosts),
        "workflows": _workflows(connection, workspace_id, fields.get("workflows")),
        "rate_limit": dumps(fields["rate_limit"]) if fields.get("rate_limit") is not None else None,
        **_sealed(spec, data, workspace_id, credential_id),
    }
    if not repository.insert(connection, values):
        raise _slug_taken(slug)
    return get(connection, workspace_id, credential_id)


def get(connection: Connection, workspace_id: str, ref: str) -> Row:
    """A credential by id or slug. Raises NotFound."""
    found = repository.by_ref(connection, workspace_id, ref)
    if found is None:
        raise NotFound("there is no credential of this id or slug")
    return found


def list_page(connection: Connection, workspace_id: str, after: str | None, limit: int, type: str | None = None) -> Sequence[Row]:
    """Credentials, newest first; one more than `limit` when there are more."""
    return repository.page(connection, workspace_id, after, limit + 1, type)


def patch(connection: Connection, workspace_id: str, ref: str, fields: Row) -> Row:
    """Replace the fields given. Of `data`, too, only the fields given are replaced; null takes one away. New data ends tokens that were got with the old.

    Raises NotFound, ValidationFailed, Conflict `slug_taken`.
    """
    repository.lock(connection, workspace_id, get(connection, workspace_id, ref)["id"])
    current = get(connection, workspace_id, ref)
    spec = _spec(current["type"])
    values: dict[str, Any] = {name: current[name] for name in ("id", "workspace_id", "slug", "name", "public", "sealed", "data_key", "key_id")}
    values |= {"hosts": dumps(current["hosts"]), "secrets": dumps(current["secrets"])}
    values["workflows"] = None if current["workflows"] is None else dumps(current["workflows"])
    values |= {name: fields[name] for name in ("slug", "name") if name in fields}
    limit = fields["rate_limit"] if "rate_limit" in fields else current["rate_limit"]
    values["rate_limit"] = None if limit is None else dumps(limit)
    _require_secrets(spec, current, fields)
    if "data" in fields:
        old = unseal(keyring(), current, context_of(workspace_id, current["id"]))
        merged = {name: value for name, value in {**old, **fields["data"]}.items() if value is not None}
        values |= _sealed(spec, _checked(spec, merged), workspace_id, current["id"])
        tokens_repository.forget(connection, current["id"])
    if "hosts" in fields:
        values["hosts"] = dumps(_hosts(fields["hosts"]))
    if "workflows" in fields:
        values["workflows"] = _workflows(connection, workspace_id, fields["workflows"])
    if values["slug"] != current["slug"] and repository.by_refs(connection, workspace_id, [values["slug"]]):
        raise _slug_taken(values["slug"])
    repository.update(connection, values)
    return get(connection, workspace_id, current["id"])


def _require_secrets(spec: CredentialSpec, current: Row, fields: Row) -> None:
    """To send a secret elsewhere one must know it: else whoever may edit a credential could have it sent to a server of their own. Raises ValidationFailed."""
    given, public = fields.get("data", {}), loads(current["public"])
    missing = [name for name, is_set in current["secrets"].items() if is_set and not given.get(name)]
    if not missing:
        return
    moved = [f"/data/{name}" for name in spec.destinations if name in given and given[name] != public.get(name)]
    hosts = _hosts(fields["hosts"]) if "hosts" in fields else []
    if widened(current["hosts"], hosts):
        moved.append("/hosts")
    if moved:
        message = f"this would send the secret elsewhere; enter it again in the same request ({', '.join(f'data.{name}' for name in missing)})"
        raise ValidationFailed([{"path": path, "code": "secret_needed", "message": message} for path in moved])


def delete(connection: Connection, workspace_id: str, ref: str) -> str:
    """Delete a credential for good; returns its id. What still names it fails when it runs. Raises NotFound."""
    found = get(connection, workspace_id, ref)
    repository.delete(connection, workspace_id, found["id"])
    return str(found["id"])


def users(connection: Connection, row: Row) -> list[dict[str, str]]:
    """Workflows whose draft or live version names this credential."""
    found = repository.users(connection, row["workspace_id"], [row["id"], row["slug"]])
    return [{"id": each["id"], "slug": each["slug"]} for each in found]


def show(row: Row) -> dict[str, Any]:
    """A credential without anything secret: of its secret fields only which are set."""
    spec = credential_types().get(row["type"])
    grant = spec.grant if spec else None
    test = {"at": to_text(row["tested_at"]), "status": row["test_status"], "message": row["test_message"]} if row["tested_at"] else None
    return {
        "id": row["id"],
        "slug": row["slug"],
        "name": row["name"],
        "type": row["type"],
        "kind": spec.kind if spec else row["type"],
        "hosts": row["hosts"],
        "workflows": row["workflows"],
        "rate_limit": row["rate_limit"],
        "data": loads(row["public"]),
        "secrets": row["secrets"],
        "connected": bool(row["granted_at"]) if grant == "authorization_code" else None,
        "problem": row["problem"],
        "revision": row["revision"],
        "last_used_at": to_text(row["last_used_at"]),
        "last_used_by": loads(row["last_used_by"]) if row["last_used_by"] else None,
        "last_test": test,
        "created_at": to_text(row["created_at"]),
        "updated_at": to_text(row["updated_at"]),
    }


def _spec(type: str) -> CredentialSpec:
    known = credential_types()
    if type not in known:
        message = f"there is no credential type {type[:60]!r}; there are: {', '.join(known)}.{suggestion(type, known)}"
        raise ValidationFailed([{"path": "/type", "code": "unknown_type", "message": message}])
    return known[type]


def _checked(spec: CredentialSpec, data: Any) -> CredentialData:
    try:
        return spec.model.model_validate(data)
    except ValidationError as error:
        raise ValidationFailed(complaints(error, DATA)) from None


def _sealed(spec: CredentialSpec, data: CredentialData, workspace_id: str, credential_id: str) -> dict[str, Any]:
    """The columns that hold a credential's data: what is secret sealed, what is not in the open."""
    dumped = data.model_dump(mode="json", exclude_none=True)
    secret = spec.secret_fields()
    public = {name: value for name, value in dumped.items() if name not in secret}
    sealed = seal(keyring(), dumped, context_of(workspace_id, credential_id))
    return {
        "public": dumps(public),
        "secrets": dumps({name: bool(dumped.get(name)) for name in sorted(secret)}),
        "sealed": sealed.sealed,
        "data_key": sealed.data_key,
        "key_id": sealed.key_id,
    }


def _own_hosts(spec: CredentialSpec, data: CredentialData) -> list[str]:
    return spec.hosts(data) if spec.hosts else list(ANYWHERE)


def _hosts(given: Sequence[str]) -> list[str]:
    hosts, problems = [], []
    for index, text in enumerate(given):
        try:
            hosts.append(host_pattern(text))
        except ValueError as error:
            problems.append({"path": f"/hosts/{index}", "code": "invalid_host", "message": str(error)})
    if problems:
        raise ValidationFailed(problems)
    return list(dict.fromkeys(hosts))


def _workflows(connection: Connection, workspace_id: str, given: Sequence[str] | None) -> str | None:
    """Ids of the workflows a credential is bound to, as JSON; None: any of the workspace."""
    if given is None:
        return None
    ids = repository.workflow_ids(connection, workspace_id, given)
    unknown = [(index, ref) for index, ref in enumerate(given) if ref not in ids]
    if unknown:
        raise ValidationFailed(
            [{"path": f"/workflows/{index}", "code": "unknown_workflow", "message": f"there is no workflow {ref[:80]!r}"} for index, ref in unknown]
        )
    return dumps(list(dict.fromkeys(ids[ref] for ref in given)))


def _free_slug(connection: Connection, workspace_id: str, name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii")
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-") or "credential"
    taken = repository.slugs_like(connection, workspace_id, base)
    return base if base not in taken else next(slug for n in range(2, len(taken) + 3) if (slug := f"{base}-{n}") not in taken)


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"there is a credential with the slug {slug!r} already; choose another or change that one", code="slug_taken")


def data_of(row: Row) -> Any:
    """The opened data of a row with its sealed part, as its type's model. Raises SealFailed."""
    plain = unseal(keyring(), row, context_of(row["workspace_id"], row["id"]))
    return _spec(row["type"]).model.model_validate(plain)


def used_by(execution_id: str, node_id: str) -> str:
    """Who used a credential, as it is kept."""
    return json.dumps({"execution_id": execution_id, "node_id": node_id})
