"""Celery's worker and beat as processes, with Redis as broker and results in tables."""

from datetime import timedelta

import pytest
from articles import tasks
from articles.models import Article
from celery import current_app
from celery.result import AsyncResult
from celery.schedules import crontab
from django.conf import settings
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks
from django_celery_results.models import TaskResult
from redis_server import REASON
from servers import eventually, running

from tenants import PLATFORM, WrongTenant, use_tenant
from tenants.contrib.celery.beat import tenant_schedule
from tenants.lifecycle import delete_tenant, resume_tenant, suspend_tenant

pytestmark = pytest.mark.skipif(not settings.REDIS, reason=REASON)
BASE = ("celery", "-A", "magazine", "worker", "--concurrency", "2", "--loglevel", "WARNING", "--pool")
WORKER = (*BASE, "threads")
PAST = timezone.now() - timedelta(hours=1)


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


def state(tenant, task_id):
    with use_tenant(tenant):
        return AsyncResult(task_id).state


def test_celery_stores_results_outside_tasks_as_their_tenants(committed, open_tenant):
    tenant, deleted = open_tenant(), open_tenant()
    with use_tenant(deleted):
        tasks.write.apply_async(["late"], expires=PAST)
    delete_tenant(deleted.slug)
    tasks.write.apply_async(["of no tenant"], expires=PAST)
    with use_tenant(tenant):
        expired = tasks.write.apply_async(["late"], expires=PAST).id
        unknown = current_app.send_task("articles.tasks.nothing").id
        hanging = tasks.hang.apply_async(time_limit=1).id
        killed = tasks.kill_worker.delay().id
        sent = tasks.write.delay("ours").id
    current_app.send_task("articles.tasks.nothing")
    with running(*BASE, "prefork") as worker:
        assert eventually(lambda: result(tenant, sent)) == f"{tenant.slug} has 1"
        assert eventually(lambda: state(tenant, expired) == "REVOKED")
        for task_id in (unknown, hanging, killed):
            assert eventually(lambda: state(tenant, task_id) == "FAILURE")  # noqa: B023
        with use_tenant(tenant):
            again = tasks.write.delay("more").id
        assert eventually(lambda: result(tenant, again)) == f"{tenant.slug} has 2"
        assert worker.poll() is None


def test_celery_revokes_an_expired_task_of_a_suspended_tenant(worker, open_tenant):
    tenant = open_tenant()
    suspend_tenant(tenant.slug)
    with use_tenant(tenant):
        sent = tasks.write.apply_async(["late"], expires=timezone.now() + timedelta(seconds=3)).id
    assert eventually(lambda: state(tenant, sent) == "REVOKED")
    resume_tenant(tenant.slug)
    assert titles(tenant) == []


def test_celery_cleans_up_the_results_of_each_tenant(worker, open_tenant):
    tenants = [open_tenant(), open_tenant()]
    for each in tenants:
        with use_tenant(each):
            TaskResult.objects.create(task_id="old", status="SUCCESS")
            TaskResult.objects.update(date_done=timezone.now() - timedelta(days=30))
    entry = tenant_schedule("celery.backend_cleanup", crontab(hour=4))
    current_app.send_task(entry["task"], kwargs=entry["kwargs"])
    assert eventually(lambda: not any(old(each) for each in tenants))


def old(tenant):
    with use_tenant(tenant):
        return TaskResult.objects.filter(task_id="old").exists()


def test_celery_refuses_an_eager_task_of_another_tenant(open_tenant):
    first, second = open_tenant(), open_tenant()
    current_app.conf.task_always_eager = True
    try:
        with use_tenant(first):
            for header in (second.slug, second.id, "nothing"):
                with pytest.raises(WrongTenant):
                    tasks.write.apply_async(["theirs"], headers={"tenant": header})
            for header in (first.slug, first.id):
                tasks.write.apply_async(["ours"], headers={"tenant": header}).get()
    finally:
        current_app.conf.task_always_eager = False
    assert (titles(first), titles(second)) == (["ours", "ours"], [])
