"""App config of the worker: the command `run_worker`."""

from __future__ import annotations

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "tenants.contrib.tasks"
    label = "tenants_tasks"
