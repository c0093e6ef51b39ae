"""Names of tenants, schemas and roles. Pure; imports no Django models."""

from __future__ import annotations

import re
import zlib

from django.utils.translation import gettext_noop as _

from tenants.errors import InvalidName

SLUG_MAX_LENGTH = 63
"""A slug is one label of a host name: at most 63 octets (RFC 1035 §2.3.4)."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_PLAIN_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_IDENTIFIER_MAX_LENGTH = 63
"""PostgreSQL cuts longer identifiers (NAMEDATALEN - 1)."""

RESERVED_SLUGS = frozenset(
    """
    www web api admin administrator app apps auth oauth login account accounts id sso
    static media assets cdn files img images
    mail email smtp imap pop mx ns ns1 ns2 dns ftp sftp ssh vpn
    platform public default system root operator operators internal local localhost
    gateway service services mesh metrics health status monitor
    docs help support blog about legal security abuse postmaster hostmaster webmaster
    billing pay payments shop shops store tenant tenants all none null true false
    autoconfig autodiscover wpad isatap broadcasthost
    """.split()
)
"""Names that look like the platform's, or that software looks up automatically (RFC 2142, WPAD)."""


def validate_slug(slug: str, *, reserved: frozenset[str] = RESERVED_SLUGS) -> str:
    """Return `slug` if it can name a tenant; raise `InvalidName` with the reason if not.

    A slug is the first label of the shop's host name, so it follows RFC 1123: lower-case letters, digits and
    hyphens, 1 to 63 of them, a letter or digit at both ends. It never becomes part of any SQL.
    """
    if len(slug) > SLUG_MAX_LENGTH:
        raise InvalidName(slug, f"it has {len(slug)} characters, and a host name has at most {SLUG_MAX_LENGTH}.")
    if not _LABEL.fullmatch(slug):
        raise InvalidName(
            slug, _("use lower-case letters a-z, digits and hyphens, with a letter or digit at both ends.")
        )
    if slug[2:4] == "--":
        raise InvalidName(slug, _("hyphens in third and fourth place are kept for encoded names (RFC 5891)."))
    if slug in reserved:
        raise InvalidName(slug, _("the name is reserved for the platform."))
    return slug


def schema_name(tenant_id: int) -> str:
    """Return the PostgreSQL schema of a tenant. It contains only the id, so a slug can be renamed without DDL."""
    return f"t_{int(tenant_id)}"


def role_name(database: str, tenant_id: int) -> str:
    """Return the PostgreSQL role of a tenant.

    Roles belong to the whole server, schemas to one database: the database's name keeps the roles of two
    databases on one server apart. A name that is long or odd is replaced by its checksum.
    """
    suffix = f"_{schema_name(tenant_id)}"
    fits = len(database) + len(suffix) <= _IDENTIFIER_MAX_LENGTH
    if not (fits and _PLAIN_IDENTIFIER.fullmatch(database)):
        database = f"db{zlib.crc32(database.encode()):08x}"
    return database + suffix
