"""Make the template database of the suite, and print where the server is as lines for a shell."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

from tenants.contrib.devserver import embedded


def main() -> None:
    address = embedded(Path(os.environ["SANGGA_DATA_DIR"]) / "postgres").start()
    url = psycopg.conninfo.make_conninfo(host=address.host, port=address.port, user=address.user, dbname="postgres")
    with psycopg.connect(url, autocommit=True) as server:
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = 'suite_template'").fetchone():
            server.execute("CREATE DATABASE suite_template")
    with psycopg.connect(url, dbname="suite_template", autocommit=True) as template:
        template.execute("CREATE SCHEMA IF NOT EXISTS t_1; CREATE SCHEMA IF NOT EXISTS extensions")
    print(f"SUITE_HOST={address.host} SUITE_PORT={address.port} SUITE_USER={address.user}")


if __name__ == "__main__":
    main()
