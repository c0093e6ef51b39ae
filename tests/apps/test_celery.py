"""Celery's worker and beat as processes, with Redis as broker and results in tables."""

import pytest
from articles import tasks
from articles.models import Article
from celery.result import AsyncResult
from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_results.models import TaskResult
from redis_server import REASON
from servers import eventually, running

from tenants import PLATFORM, use_tenant
from tenants.lifecycle import delete_tenant, resume_tenant, suspend_tenant

pytestmark = pytest.mark.skipif(not settings.REDIS, reason=REASON)
WORKER = ("celery", "-A", "magazine", "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "WARNING")


@pytest.fixture
def worker(committed):
    with running(*WORKER):
        yield


def titles(tenant):
    with use_tenant(tenant):
        return sorted(Article.objects.values_list("title", flat=True))


def result(tenant, task_id):
    """Return what a tenant sees of a task."""
    with use_tenant(tenant):
        return AsyncResult(task_id).result


def test_celery_runs_tasks_as_the_tenant_that_sent_them(worker, open_tenant):
    first, second = open_tenant(), open_tenant()
    with use_tenant(first):
        sent = tasks.write.delay("ours").id
        again = tasks.retried.delay().id
    with use_tenant(second):
        tasks.write_and_go_on.delay("theirs")
    assert eventually(lambda: result(first, sent)) == f"{first.slug} has 1"
    assert eventually(lambda: result(first, again)) == f"{first.slug}, at attempt 1"
    assert result(second, sent) is None
    assert eventually(lambda: len(titles(second)) == 3), "of the task, of its chain and of another one"
    assert titles(first) == ["ours"]
    with use_tenant(second):
        assert not TaskResult.objects.filter(task_id=sent).exists()


def test_celery_runs_a_task_without_a_tenant_in_none(worker, open_tenant):
    tenant = open_tenant()
    tasks.write.delay("nothing")
    with use_tenant(tenant):
        sent = tasks.write.delay("ours").id
    assert eventually(lambda: result(tenant, sent)) == f"{tenant.slug} has 1"
    assert titles(tenant) == ["ours"]


def test_celery_defers_tasks_of_a_suspended_tenant(worker, open_tenant):
    suspended, deleted, tenant = open_tenant(), open_tenant(), open_tenant()
    suspend_tenant(suspended.slug)
    delete_tenant(deleted.slug)
    for each in (suspended, deleted):
        with use_tenant(each):
            tasks.write.delay("later")
    with use_tenant(tenant):
        sent = tasks.write.delay("ours").id
    assert eventually(lambda: result(tenant, sent))
    assert (titles(suspended), titles(deleted)) == ([], [])
    resume_tenant(suspended.slug)
    assert eventually(lambda: titles(suspended) == ["later"])
    assert titles(deleted) == []


def test_celery_beat_sends_a_task_for_each_tenant(worker, open_tenant):
    tenants = [open_tenant(), open_tenant()]
    with use_tenant(PLATFORM):
        every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.create(
            name="only the second", task="articles.tasks.write", interval=every, args='["of the second"]',
            headers=f'{{"tenant": "{tenants[1].slug}"}}',
        )  # fmt: skip
    scheduler = "tenants.contrib.celery.schedulers:DatabaseScheduler"
    try:
        with running("celery", "-A", "magazine", "beat", "--scheduler", scheduler, "--max-interval", "1"):
            assert eventually(lambda: [titles(each)[-1:] for each in tenants] == [["tick"], ["tick"]])
            assert eventually(lambda: "of the second" in titles(tenants[1]))
        assert titles(tenants[0]) == ["tick"]
    finally:
        with use_tenant(PLATFORM):
            PeriodicTask.objects.all().delete()
            PeriodicTasks.objects.all().delete()
