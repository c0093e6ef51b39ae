"""A GiB up and down, with the memory of the gateway watched."""

from __future__ import annotations

import subprocess

from bench.gateway.load import HOST
from bench.gateway.servers import FOLDER, MIB, Stage, peak_while
from bench.measure import table


def bodies(stage: Stage) -> None:
    """Send a GiB up and down."""

    def curl(*words: str) -> None:
        arguments = [word.replace("URL", f"http://127.0.0.1:{stage.port}") for word in words]
        subprocess.run(["curl", "-sS", "-f", "-o", "/dev/null", "-H", f"Host: {HOST}", *arguments], check=True)

    file = FOLDER / "gib"
    with file.open("wb") as sparse:
        sparse.truncate(1024 * MIB)
    rows = []
    for name, words in {
        "up, with a length": ["-X", "POST", "-T", str(file), "URL/up"],
        "up, chunked": ["-X", "POST", "-H", "Transfer-Encoding: chunked", "-T", str(file), "URL/up"],
        "down, chunked": ["URL/down?mib=1024"],
        "down, to a slow reader (64 MiB at 8 MiB a second)": ["--limit-rate", "8M", "URL/down?mib=64"],
    }.items():
        before = stage.gateway.memory_info().rss / MIB
        seconds, peak, after = peak_while(stage.gateway, lambda words=words: curl(*words))  # type: ignore[misc]
        mib = 64 if "slow" in name else 1024
        rows.append([name, f"{mib / seconds:,.0f}", f"{before:.1f}", f"{before + peak:.1f}", f"{before + after:.1f}"])
    file.unlink()
    columns = ["", "MiB a second", "memory before, MiB", "at its peak", "after"]
    table("A GiB through the gateway", columns, rows)
