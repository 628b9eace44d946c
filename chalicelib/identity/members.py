"""Members: people with a role in a workspace, known by the tokens of the installation's OpenID provider.

An admin names an address; the first token in which the provider vouches for it (`email_verified`) binds the member to the token's subject, and from then on only the
subject counts: an address that goes to somebody else takes no rights along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.config import settings
from chalicelib.core.db import row, rows, run
from chalicelib.core.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from chalicelib.core.ids import is_id, new_id
from chalicelib.identity.service import Caller
from chalicelib.triggers.refusals import CannotCheck
from chalicelib.triggers.tokens import check_token

Row = Mapping[str, Any]
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")  # never one that a public key could forge

_COLUMNS = "id, workspace_id, email, role, subject IS NOT NULL AS joined, created_at, last_seen_at"
_BIND = """
UPDATE members SET subject = %(subject)s WHERE subject IS NULL AND email = %(email)s
  AND NOT EXISTS (SELECT 1 FROM members other WHERE other.workspace_id = members.workspace_id AND other.subject = %(subject)s)
"""
_OF_PERSON = """
UPDATE members SET last_seen_at = CASE WHEN last_seen_at > now() - interval '1 minute' THEN last_seen_at ELSE now() END
WHERE id = (SELECT id FROM members WHERE subject = %(subject)s AND (%(workspace_id)s::text IS NULL OR workspace_id = %(workspace_id)s) ORDER BY id LIMIT 1)
RETURNING id, workspace_id, email, role
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM members WHERE workspace_id = %(workspace_id)s AND (%(after)s::text IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(limit)s
"""  # noqa: S608
_ONE = f"SELECT {_COLUMNS} FROM members WHERE workspace_id = %(workspace_id)s AND id = %(id)s"  # noqa: S608
_INSERT = f"""
INSERT INTO members (id, workspace_id, email, role) VALUES (%(id)s, %(workspace_id)s, %(email)s, %(role)s)
ON CONFLICT (workspace_id, email) DO NOTHING RETURNING {_COLUMNS}
"""  # noqa: S608
_UPDATE = f"UPDATE members SET role = %(role)s WHERE workspace_id = %(workspace_id)s AND id = %(id)s RETURNING {_COLUMNS}"  # noqa: S608
_DELETE = "DELETE FROM members WHERE workspace_id = %(workspace_id)s AND id = %(id)s"


def is_token(text: str) -> bool:
    """Whether this may be a token of the OpenID provider: there is one, and it has the form."""
    return settings().oidc_issuer is not None and text.count(".") == 2


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token of the OpenID provider: signature, `iss`, `aud`, `exp` and `nbf` checked. Raises Unauthenticated, or Unavailable without the provider's keys."""
    config = settings()
    asked = {"issuer": config.oidc_issuer, "audience": config.oidc_audience, "jwks_url": config.oidc_jwks_url, "algorithms": ALGORITHMS}
    try:
        claims = check_token(asked, token)
    except CannotCheck as error:
        raise Unavailable(f"tokens cannot be checked now: {error.detail}") from None
    except Unauthenticated:
        raise Unauthenticated("this token is not of this installation's OpenID provider, not for it, or no longer valid") from None
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise Unauthenticated("this token names nobody (sub)")
    return claims


def identify(connection: Connection, claims: Mapping[str, Any]) -> Caller:
    """The member a token speaks for, in the workspace they joined first. Raises Forbidden for who is a member of none."""
    subject, email = f"{claims['iss']}|{claims['sub']}", claims.get("email")
    if isinstance(email, str) and claims.get("email_verified") is True:
        run(connection, _BIND, {"subject": subject, "email": email.lower()})
    found = _caller(connection, subject, None)
    if found is None:
        raise Forbidden("you are signed in but a member of no workspace here; ask an admin of one to add your address")
    return found


def in_workspace(connection: Connection, caller: Caller, workspace_id: str) -> Caller | None:
    """The same person as a member of another workspace; None where they are none."""
    return _caller(connection, caller.subject, workspace_id) if caller.subject is not None else None


def _caller(connection: Connection, subject: str, workspace_id: str | None) -> Caller | None:
    found = row(connection, _OF_PERSON, {"subject": subject, "workspace_id": workspace_id})
    return None if found is None else Caller(found["id"], found["email"], found["role"], found["workspace_id"], subject=subject)


def list_page(connection: Connection, workspace_id: str, after: str | None, limit: int) -> Sequence[Row]:
    """Members of a workspace, newest first; one more than `limit` when there are more."""
    return rows(connection, _PAGE, {"workspace_id": workspace_id, "after": after, "limit": limit + 1})


def get(connection: Connection, workspace_id: str, member_id: str) -> Row:
    """One member. Raises NotFound."""
    found = row(connection, _ONE, {"workspace_id": workspace_id, "id": member_id}) if is_id(member_id, "mem") else None
    if found is None:
        raise NotFound("there is no member of this id")
    return found


def add(connection: Connection, workspace_id: str, email: str, role: str) -> Row:
    """Give an address a role. Raises Conflict `member_exists`."""
    made = row(connection, _INSERT, {"id": new_id("mem"), "workspace_id": workspace_id, "email": email.lower(), "role": role})
    if made is None:
        raise Conflict(f"{email} is a member already; change the role instead", code="member_exists")
    return made


def change_role(connection: Connection, workspace_id: str, member_id: str, role: str) -> Row:
    """Another role. Raises NotFound."""
    get(connection, workspace_id, member_id)
    changed = row(connection, _UPDATE, {"workspace_id": workspace_id, "id": member_id, "role": role})
    assert changed is not None
    return changed


def remove(connection: Connection, workspace_id: str, member_id: str) -> None:
    """Take a person's rights in the workspace. Raises NotFound."""
    get(connection, workspace_id, member_id)
    run(connection, _DELETE, {"workspace_id": workspace_id, "id": member_id})
