"""PostgreSQL that the project brings along: started when it is first needed, shared by all processes, kept running.

It is for development, tests and a single small machine. What guards it is the file system alone: it listens on a
Unix socket in a folder that only the user of the server (and root) may enter, and on no network address at all.

Limits, honestly:

- Linux with glibc and macOS; elsewhere (Windows, musl) set DATABASE_URL to a server of your own.
- No contributed extensions and no TLS in the programs of the wheel.
- The path of the programs (not that of the data) may hold no double quote, dollar, backquote or backslash, which
  PostgreSQL's own `initdb` hands to a shell.
- All who use it run as the same user. A second user of the machine is refused, not served.
- It stays up when the last client leaves, so that the next command starts at once; `stop` is explicit.
- The file system of the folder must know `flock`; most network file systems are no place for a database anyway.
"""

from __future__ import annotations

from tenants.contrib.devserver.cluster import Address, EmbeddedPostgres, embedded

__all__ = ["Address", "EmbeddedPostgres", "embedded"]
