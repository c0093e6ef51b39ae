"""Deferred jobs run as the tenant that deferred them, and are dropped after that tenant is deleted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from tenants import PLATFORM, NoActiveTenant, TenantInfo, active_tenant, use_tenant
from tenants.lifecycle import (
    delete_tenant,
    purge_tenant,
    rename_tenant,
    resume_tenant,
    suspend_tenant,
)
from tenants.tasks.tenant_jobs import TASK, run_job
from tests.ledger import jobs


def queued() -> list[dict[str, Any]]:
    with use_tenant(PLATFORM):
        return list(ProcrastinateJob.objects.filter(task_name=TASK).order_by("id").values_list("args", flat=True))


def marks(tenant: TenantInfo) -> list[str]:
    with use_tenant(tenant):
        return list(Group.objects.filter(name__startswith="mark").order_by("id").values_list("name", flat=True))


def test_a_job_travels_with_its_tenant_and_is_done_as_that(acme: TenantInfo, globex: TenantInfo) -> None:
    for tenant in (acme, globex):
        with use_tenant(tenant):
            jobs.leave_a_mark.defer(word="mark")
    envelopes = queued()
    assert [envelope["tenant"] for envelope in envelopes] == [acme.id, globex.id]
    for envelope in reversed(envelopes):
        run_job(**envelope)
        assert active_tenant() is None
    for tenant in (acme, globex):
        assert marks(tenant) == [f"mark {tenant.slug} {tenant.language} {tenant.time_zone}"]


def test_job_runs_as_its_tenant_in_a_worker_with_another_one(acme: TenantInfo, globex: TenantInfo) -> None:
    with use_tenant(acme):
        jobs.leave_a_mark.defer(word="mark")
    with use_tenant(globex):
        run_job(**queued()[0])
    assert (len(marks(acme)), marks(globex)) == (1, [])


def test_a_job_of_the_platform_is_the_platforms(platform: TenantInfo, acme: TenantInfo) -> None:
    with use_tenant(PLATFORM):
        jobs.leave_a_mark.defer(word="mark")
    run_job(**queued()[0])
    assert (len(marks(PLATFORM)), marks(acme)) == (1, [])


def test_called_plainly_it_is_a_function(acme: TenantInfo) -> None:
    with use_tenant(acme):
        assert jobs.leave_a_mark("mark").startswith("mark acme")
    assert queued() == []
    assert "Leave a row" in str(jobs.leave_a_mark.__doc__)


def test_what_is_rolled_back_is_not_put_off(acme: TenantInfo) -> None:
    with use_tenant(acme), transaction.atomic():
        jobs.leave_a_mark.defer(word="mark")
        transaction.set_rollback(True)
    assert queued() == []


def test_a_job_can_wait_for_its_time(acme: TenantInfo) -> None:
    at = timezone.now() + timedelta(days=1)
    with use_tenant(acme):
        jobs.leave_a_mark.defer(run_at=at, word="mark")
    with use_tenant(PLATFORM):
        assert ProcrastinateJob.objects.get(task_name=TASK).scheduled_at == at


def test_job_needs_a_tenant_and_records_are_no_arguments(acme: TenantInfo) -> None:
    with pytest.raises(NoActiveTenant):
        jobs.leave_a_mark.defer(word="mark")
    with use_tenant(acme), pytest.raises(TypeError, match="JSON"):
        jobs.leave_a_mark.defer(word=Group.objects.create(name="a row"))


def test_job_error_is_logged_with_the_tenant_and_rolled_back(
    acme: TenantInfo, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(KeyError):
        run_job(tenant=acme.id, job="tests.ledger.jobs.fail", arguments={"word": "mark"})
    assert [record.message for record in caplog.records] == ["Job tests.ledger.jobs.fail failed."]


def test_only_what_is_meant_to_be_a_job_is_run(acme: TenantInfo) -> None:
    with pytest.raises(TypeError, match="not a tenant_job"):
        run_job(tenant=acme.id, job="tests.ledger.jobs.no_job", arguments={"word": "mark"})
    assert marks(acme) == []


# --- Where the tenant has changed meanwhile


@pytest.fixture
def put_off(open_shop: Callable[..., TenantInfo]) -> tuple[TenantInfo, dict[str, Any]]:
    """A shop, and a job of its that waits."""
    tenant = open_shop(slug="changing")
    with use_tenant(tenant):
        jobs.leave_a_mark.defer(word="mark")
    with use_tenant(PLATFORM):
        envelope = queued()[0]
        ProcrastinateJob.objects.all()._raw_delete("default")
    return tenant, envelope


PutOff = tuple[TenantInfo, dict[str, Any]]


def test_of_a_renamed_tenant_it_is_done(put_off: PutOff) -> None:
    tenant, envelope = put_off
    rename_tenant("changing", "changed")
    run_job(**envelope)
    assert marks(tenant) == [f"mark changed {tenant.language} {tenant.time_zone}"]


def test_of_a_suspended_tenant_it_waits_until_that_is_resumed(put_off: PutOff) -> None:
    tenant, envelope = put_off
    suspend_tenant("changing")
    run_job(**envelope)
    assert marks(tenant) == []
    with use_tenant(PLATFORM):
        again = ProcrastinateJob.objects.get(task_name=TASK)
        assert again.args == envelope
        assert again.scheduled_at > timezone.now()
        ProcrastinateJob.objects.all()._raw_delete("default")
    resume_tenant("changing")
    run_job(**again.args)
    assert len(marks(tenant)) == 1


@pytest.mark.parametrize("is_purged", [False, True], ids=["deleted", "purged"])
def test_of_a_deleted_or_purged_tenant_it_is_dropped_and_logged(
    put_off: PutOff, caplog: pytest.LogCaptureFixture, is_purged: bool
) -> None:
    _, envelope = put_off
    delete_tenant("changing")
    if is_purged:
        purge_tenant("changing")
    with caplog.at_level(logging.WARNING):
        run_job(**envelope)
    assert "dropped" in caplog.text
    assert queued() == []


def test_a_namesake_that_is_opened_later_is_another_tenant(
    put_off: PutOff, open_shop: Callable[..., TenantInfo]
) -> None:
    tenant, envelope = put_off
    delete_tenant("changing")
    purge_tenant("changing")
    namesake = open_shop(slug="changing")
    run_job(**envelope)
    assert marks(namesake) == []
    assert namesake.schema != tenant.schema
