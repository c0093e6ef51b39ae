"""Celery app of the magazine."""

import os

from celery import Celery

from tenants.contrib.celery.beat import tenant_schedule

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "magazine.settings")

app = Celery("magazine", task_cls="tenants.contrib.celery.task:TenantTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {"every second": tenant_schedule("articles.tasks.tick", 1.0)}
