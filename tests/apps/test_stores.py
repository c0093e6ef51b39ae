"""Apps that keep data outside the database: django-redis, cacheops, django-q2's queue, Sentry's events."""

import subprocess
import sys

import pytest
import sentry_sdk
from articles.models import Article
from cacheops import cached_as
from cacheops.transaction import transaction_states
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ, Success
from django_q.tasks import async_task
from redis_server import REASON
from sentry_sdk.transport import Transport
from servers import HERE, environment

from tenants import NoActiveTenant, active_tenant, use_tenant

needs_redis = pytest.mark.skipif(not settings.REDIS, reason=REASON)


@needs_redis
def test_django_redis_has_keys_of_the_active_tenant(tenant, other_tenant):
    cache = caches["redis"]
    for each in (tenant, other_tenant):
        with use_tenant(each):
            cache.set("greeting", each.slug)
            cache.set("other:name", each.slug)
            cache.incr("count") if cache.add("count", 1) is False else None
    with use_tenant(tenant):
        assert cache.get("greeting") == "first"
        assert sorted(cache.keys("*")) == sorted(cache.iter_keys("*")) == ["count", "greeting", "other:name"]
        assert cache.ttl("greeting") > 0
        with cache.lock("once", timeout=5):
            pass
        assert cache.delete_pattern("*") == 3
    with use_tenant(other_tenant):
        assert sorted(cache.keys("*")) == ["count", "greeting", "other:name"]
        assert cache.get_many(["greeting", "other:name"]) == {"greeting": "second", "other:name": "second"}


# cacheops stores nothing inside a transaction that has written, so these tests commit.


@pytest.fixture
def without_transactions():
    """Drop what cacheops remembers of the transactions that other tests have rolled back."""
    transaction_states._states.clear()


@needs_redis
@override_settings(CACHEOPS_ENABLED=True)
def test_cacheops_has_rows_of_the_active_tenant(open_tenant, without_transactions):
    call_command("check")
    tenants = [open_tenant(), open_tenant()]
    for each in tenants:
        with use_tenant(each):
            Article.objects.create(title=each.slug)
            assert [row.title for row in articles()] == [each.slug]
    for each in tenants:
        with use_tenant(each), CaptureQueriesContext(connection) as queries:
            found = articles().get()  # from Redis
            assert [row.title for row in articles()] == [each.slug]
            cached = cached_as(Article, timeout=60)(titles)
            assert cached() == cached() == [each.slug]
        sent = [query["sql"] for query in queries if not query["sql"].startswith("EXPLAIN")]  # silk's
        assert len(sent) == 2, "that of get() and that of the function"
        with use_tenant(each):
            found.text = "changed"
            found.save()
            assert articles()[0].text == "changed"
    # It asks for the database's alias when it decorates: a module is imported without a tenant.
    with pytest.raises(NoActiveTenant):
        cached_as(Article, timeout=60)


@needs_redis
@override_settings(CACHEOPS_ENABLED=True, CACHEOPS_PREFIX=lambda query: "")
def test_cacheops_without_a_prefix_is_refused_and_leaks(open_tenant, without_transactions):
    with pytest.raises(SystemCheckError, match=r"tenants\.E042"):
        call_command("check")
    tenant, other = open_tenant(), open_tenant()
    with use_tenant(tenant):
        Article.objects.create(title="ours")
        assert [row.title for row in articles()] == ["ours"]
    with use_tenant(other):
        assert [row.title for row in articles()] == ["ours"], "what the check is for"


def articles():
    return Article.objects.filter(pk__gt=0).cache()


def titles():
    return list(Article.objects.values_list("title", flat=True))


def test_django_q_runs_the_tasks_of_one_tenant(open_tenant):
    tenant, other = open_tenant(), open_tenant()
    for each in (tenant, other):
        with use_tenant(each):
            async_task("articles.tasks.write_for_q", f"of {each.slug}", task_name="write")
    words = ["manage.py", "run_in_tenant", tenant.slug, "--", "qcluster", "--run-once"]
    done = subprocess.run(
        [sys.executable, *words], cwd=HERE, env=environment(), capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with use_tenant(tenant):
        assert Success.objects.get().result == tenant.slug, done.stdout + done.stderr
        assert [row.title for row in Article.objects.all()] == [f"of {tenant.slug}"]
    with use_tenant(other):
        assert (OrmQ.objects.count(), Success.objects.count(), Article.objects.count()) == (1, 0, 0)


class Kept(Transport):
    """Keeps the events instead of sending them."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        self.events += [item.payload.json for item in envelope.items if item.type == "event"]


def name_tenant(event, hint):
    event.setdefault("tags", {})["tenant"] = str(active_tenant())
    return event


def test_sentry_names_the_tenant_of_an_error(tenant, other_tenant, client_of):
    transport = Kept()
    sentry_sdk.init(dsn="http://key@localhost/1", transport=transport, before_send=name_tenant)
    try:
        for each in (tenant, other_tenant):
            client = client_of(each)
            client.raise_request_exception = False
            assert client.get("/failing/").status_code == 500
        sentry_sdk.flush()
    finally:
        sentry_sdk.init(dsn="")
    assert [event["tags"]["tenant"] for event in transport.events if "exception" in event] == ["first", "second"]
