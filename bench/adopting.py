"""What it takes to begin: from an empty folder to two tenants that answer, with each engine and the same app.

`python -m bench.adopting` needs the package index. Each engine gets an environment, a project of `startproject`, the
settings of its documentation, one migration and two tenants; ROUNDS processes are started to see how long that takes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from statistics import median

from bench.adopting_projects import PROJECTS, Project
from bench.measure import in_turn, table
from bench.report import header
from bench.server import FOLDER, ROOT, address, make_database, own_server
from bench.ways import asked_for

_ASK = """
import json, sys
from django.test import Client
hosts = ["acme.localhost", "globex.localhost"]
print(json.dumps([Client(SERVER_NAME=host).get("/", headers={"host": host}).status_code for host in hosts]))
"""
_START = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
began = time.perf_counter()
import django
django.setup()
import project.urls
print(time.perf_counter() - began, len(sys.modules))
"""


class Trial:
    """One engine in a folder of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = FOLDER / "adopting" / project.label
        self.python = self.folder / ".venv" / "bin" / "python"
        self.database = f"bench_adopting_{PROJECTS.index(project)}"

    def begin(self) -> float:
        """Do all that has to be done, and return how many seconds that took."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        make_database(self.database)
        started = time.perf_counter()
        venv.create(self.folder / ".venv", with_pip=True, symlinks=True)
        requirements = [each.format(root=ROOT) for each in self.project.requirements]
        self.run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
        self.run("-m", "django", "startproject", "project", ".")
        self._write()
        self.run("manage.py", "makemigrations", "--verbosity=0", "notes", *(["clients"] if self._has_clients else []))
        self.run("manage.py", *self.project.migrate, "--verbosity=0")
        for command in self.project.commands:
            self.run("manage.py", *command)
        if self.project.create:
            self.run("manage.py", "shell", "--verbosity=0", "-c", self.project.create)
        answers = json.loads(self.run("manage.py", "shell", "--verbosity=0", "-c", _ASK).splitlines()[-1])
        if answers != [200, 200]:
            raise RuntimeError(f"{self.project.label}: the tenants answered {answers}")
        return time.perf_counter() - started

    @property
    def _has_clients(self) -> bool:
        return "clients/models.py" in self.project.files

    def _write(self) -> None:
        for app in ("notes", *(["clients"] if self._has_clients else [])):
            self.run("manage.py", "startapp", app)
        at = address()
        places = {"name": self.database, "user": at.user, "host": at.host, "port": at.port}
        url = f"postgresql://{at.user}@/{self.database}?host={at.host}&port={at.port}"
        with (self.folder / "project" / "settings.py").open("a") as settings:
            settings.write(self.project.settings.format(url=url, **places))
        for path, text in self.project.files.items():
            (self.folder / path).write_text(text)

    def run(self, *words: str) -> str:
        """Run Python in the project's environment, and return what it prints; raise what it says where it fails."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "PYTHON"))}
        environment["SANGGA_OWNER_PASSWORD"] = "open-sesame-1"
        done = subprocess.run(
            [self.python, *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{self.project.label}, {' '.join(words)}:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        return done.stdout

    def start(self) -> tuple[float, int]:
        """Return how many seconds a process takes to start, and how many modules it has loaded then."""
        seconds, modules = self.run("-c", _START).split()
        return float(seconds), int(modules)

    def packages(self) -> int:
        """Return the number of installed distributions, pip left out."""
        listed = json.loads(self.run("-m", "pip", "--disable-pip-version-check", "list", "--format=json"))
        return len([each for each in listed if each["name"] not in {"pip", "setuptools"}])

    def versions(self) -> str:
        return self.run("-c", "import django; print(django.__version__)").strip()


def lines(text: str) -> int:
    """Return the number of lines that are not empty."""
    return len([line for line in text.splitlines() if line.strip()])


def main() -> None:
    """Begin with each engine, start processes in turn, and print."""
    rounds = asked_for("ROUNDS", 7)
    with own_server():
        header("Beginning with an engine", rounds)
        trials = {project.label: Trial(project) for project in PROJECTS}
        if sys.version_info < (3, 12):
            del trials["django-pgschemas"]
        minutes = {label: trial.begin() / 60 for label, trial in trials.items()}
        starts = in_turn(list(trials), rounds, lambda label: trials[label].start())
        rows = []
        for label, trial in trials.items():
            models = lines(trial.project.files.get("clients/models.py", ""))
            rows.append([
                label, str(lines(trial.project.settings)), str(models), str(trial.packages()), f"{minutes[label]:.1f}",
                f"{median(seconds for seconds, _ in starts[label]):.2f}", str(starts[label][0][1]), trial.versions(),
            ])  # fmt: skip
    columns = ["", "lines of settings", "of models", "packages", "minutes by script", "start, s", "modules", "Django"]
    table("To two tenants that answer", columns, rows)
    shutil.rmtree(Path(FOLDER / "adopting"), ignore_errors=True)


if __name__ == "__main__":
    main()
