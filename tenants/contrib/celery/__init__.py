"""Celery with tenants: a task runs as the tenant that sent it, and beat sends tasks for tenants.

::

    INSTALLED_APPS = [..., "tenants.contrib.celery"]

    app = Celery("project", task_cls="tenants.contrib.celery.task:TenantTask")
    app.conf.beat_schedule = {"digest": tenant_schedule("news.send_digest", crontab(hour=6))}
"""
