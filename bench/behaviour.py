"""What engines answer to seven mistakes with tenants: an error, the right rows, or those of another tenant.

`python -m bench.behaviour`. One run; nothing is timed.
"""

from __future__ import annotations

from bench.contenders import DJANGO_TENANTS, PGSCHEMAS, SANGGA, Worker, build, is_installed, record_scripts
from bench.measure import table
from bench.report import header
from bench.server import own_server

_LABELS = {SANGGA: "Sangga", DJANGO_TENANTS: "django-tenants", PGSCHEMAS: "django-pgschemas"}


def main() -> None:
    """Ask each engine, and print."""
    contenders = [contender for contender in _LABELS if is_installed(contender)]
    found = []
    with own_server():
        header("Seven mistakes")
        record_scripts()
        for contender in contenders:
            build(contender, "bench_behaviour", 2)
            with Worker(contender, "bench_behaviour") as worker:
                found.append(worker.ask("meet_situations"))
    rows = [[situation.rstrip("."), *(answers[situation] for answers in found)] for situation in found[0]]
    table("Answers", ["", *(_LABELS[contender] for contender in contenders)], rows)


if __name__ == "__main__":
    main()
