"""Pytest plugin that starts a Redis for the run, on a free port of this machine, and names it to the settings."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time

REASON = "redis-server is not installed: apt-get install redis-server"


def start() -> None:
    program = shutil.which("redis-server")
    if program is None:
        assert not os.environ.get("CI"), REASON
        return
    port, folder = free_port(), tempfile.mkdtemp(prefix="magazine-redis-")
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no"]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)

    def stop() -> None:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)

    atexit.register(stop)
    while not is_open(port):
        time.sleep(0.02)
    os.environ["MAGAZINE_REDIS"] = f"redis://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


start()  # when pytest loads its plugins: pytest-django reads the settings before any hook
