"""Development server: a PostgreSQL that the project starts when it is first needed. All processes share it.

It is for development, tests and a single small machine. File permissions are its only protection: it listens on a
Unix socket in a folder that only the server's system user and root may enter, and on no network address.

Limits:

- It runs on Linux with glibc and on macOS. Elsewhere (Windows, musl) set DATABASE_URL to another server.
- The programs of the wheel have no contributed extensions and no TLS.
- The path of the programs must not contain a double quote, dollar, backquote or backslash, because `initdb` hands it
  to a shell. The path of the data may.
- All its users run as the same system user. A second user of the machine is refused.
- It keeps running when the last client leaves, so that the next command starts at once. `stop` stops it.
- The file system of the folder must have `flock`. Most network file systems do not.
"""

from __future__ import annotations

from tenants.contrib.devserver.cluster import Address, EmbeddedPostgres, embedded

__all__ = ["Address", "EmbeddedPostgres", "embedded"]
