"""A tenant in a test costs milliseconds, and none is left: many tests that each use two."""

import pytest
from notes.models import Note

from tenants import use_tenant


@pytest.mark.parametrize("number", range(100))
def test_two_tenants(tenant, other_tenant, number):
    for each in (tenant, other_tenant):
        with use_tenant(each):
            Note.objects.create(text=str(number))
            assert Note.objects.count() == 1
