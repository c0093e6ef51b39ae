"""Log records and templates have the active tenant."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.template import engines
from django.test import RequestFactory

from tenants import PLATFORM, TenantInfo, active_tenant, use_tenant
from tenants.isolation import context_processors
from tenants.isolation.logging import TenantLogFilter

A = TenantInfo(id=1, slug="a", schema="t_1")


@pytest.mark.parametrize(("tenant", "word"), [(None, "-"), (PLATFORM, "platform"), (A, "a")])
def test_a_log_record_says_whose_it_is(tenant: TenantInfo | None, word: str) -> None:
    def made() -> Any:
        record = logging.makeLogRecord({"msg": "hello"})
        assert TenantLogFilter().filter(record)
        return record

    if tenant is None:
        assert made().tenant == word
    else:
        with use_tenant(tenant):
            assert made().tenant == word


def test_templates_know_the_active_tenant(rf: RequestFactory) -> None:
    template = engines["django"].from_string("{{ tenant.slug }}|{{ tenant }}")
    with use_tenant(A):
        context = context_processors.tenant(rf.get("/"))
        assert template.render(context) == "a|a"
    assert active_tenant() is None
    assert context_processors.tenant(rf.get("/")) == {"tenant": None}
