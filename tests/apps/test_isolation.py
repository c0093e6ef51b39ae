"""`check` and `check_isolation` in a project with all these apps, as it should be and with something broken."""

import json
import subprocess
import sys

import pytest
from servers import HERE, environment


@pytest.fixture
def manage(committed):
    """Return a function that runs a command of the project."""

    def run(*words, **more):
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(command, cwd=HERE, env=environment(**more), capture_output=True, text=True, timeout=280)

    return run


def leaks(done):
    return {row["probe"] for row in json.loads(done.stdout) if row["verdict"] not in {"isolated", "skipped"}}


@pytest.mark.timeout(300)
def test_the_project_passes(manage):
    assert manage("check", "--fail-level", "WARNING").returncode == 0
    done = manage("check_isolation", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    probes = {row["probe"] for row in json.loads(done.stdout)}
    assert {"a group of channel layer 'default'", "a channel of channel layer 'default'"} <= probes


LAYER = "CHANNEL_LAYERS['default'] = {'BACKEND': 'channels.layers.InMemoryChannelLayer'}"
BROKEN = {
    LAYER: "tenants.E041",
    "CONSTANCE_BACKEND = 'constance.backends.memory.MemoryBackend'": "tenants.E043",
    "CACHEOPS_ENABLED = True; del CACHEOPS_PREFIX": "tenants.E042",
    "del SILKY_STORAGE_CLASS": "tenants.E040",
    "STORAGES['easy_thumbnails'] = {'BACKEND': 'easy_thumbnails.storage.ThumbnailFileSystemStorage'}": "tenants.E040",
    "del IMPORT_EXPORT_TMP_STORAGE_CLASS": "tenants.W010",
    "DEBUG_TOOLBAR_CONFIG = {}": "tenants.W011",
    "Q_CLUSTER = {'redis': {}}": "tenants.W012",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_check_names_what_leaks(manage, broken):
    done = manage("check", "--fail-level", "WARNING", MAGAZINE_BROKEN=broken)
    assert (done.returncode, BROKEN[broken] in done.stderr) == (1, True), done.stderr


@pytest.mark.timeout(300)
def test_a_probe_finds_what_leaks(manage):
    done = manage("check_isolation", "--json", "--skip-checks", MAGAZINE_BROKEN=LAYER)
    assert leaks(done) == {"a group of channel layer 'default'", "a channel of channel layer 'default'"}
