"""django CMS: pages of one tenant. `--ds=magazine.settings_cms`."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sites.models import Site

from tenants import use_tenant

pytestmark = pytest.mark.skipif(not apps.is_installed("cms"), reason="it is in magazine.settings_cms")


def test_cms_has_the_pages_of_its_tenant(tenant, other_tenant):
    from cms.api import create_page
    from cms.models import PageContent

    for each in (tenant, other_tenant):
        with use_tenant(each):
            author = User.objects.create_superuser("author", "author@magazine.example", "open-sesame")
            create_page(f"News of {each.slug}", "page.html", "en", created_by=author, site=Site.objects.get())
    for each in (tenant, other_tenant):
        with use_tenant(each):
            assert [content.title for content in PageContent.admin_manager.all()] == [f"News of {each.slug}"]
