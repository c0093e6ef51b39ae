"""The limit: the same SQL sent to every schema by psycopg alone, one message and one transaction a tenant.

`python -m bench.bare FILE CONNECTIONS`; libpq's variables say where.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue

import psycopg

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%' ORDER BY oid"


def send_to_all(script: str, connections: int) -> None:
    """Send `script` in every tenant's schema."""
    waiting: SimpleQueue[str] = SimpleQueue()
    with psycopg.connect(autocommit=True) as connection:
        for (schema,) in connection.execute(SCHEMAS):
            waiting.put(schema)
    with ThreadPoolExecutor(connections) as workers:
        for done in [workers.submit(_work, waiting, script) for _ in range(connections)]:
            done.result()


def message(schema: str, script: str) -> str:
    """Return one message that runs `script` in `schema`, in one transaction."""
    return f'BEGIN; SET LOCAL search_path = "{schema}";\n{script}COMMIT'


def _work(waiting: SimpleQueue[str], script: str) -> None:
    with psycopg.connect(autocommit=True) as connection:
        while True:
            try:
                schema = waiting.get_nowait()
            except Empty:
                return
            connection.execute(message(schema, script))


if __name__ == "__main__":
    send_to_all(Path(sys.argv[1]).read_text(), int(sys.argv[2]))
