"""Wagtail: pages and pictures of one tenant. `--ds=magazine.settings_sites`."""

import io

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.images import ImageFile
from PIL import Image as Picture

from tenants import use_tenant

pytestmark = pytest.mark.skipif(not apps.is_installed("wagtail"), reason="it is in magazine.settings_sites")
SECRET = "only-the-first-tenant-knows"


@pytest.fixture
def staff_of(client_of):
    def client(tenant):
        with use_tenant(tenant):
            user = User.objects.create(username="chief", is_staff=True, is_superuser=True)
            found = client_of(tenant)
            found.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return found

    return client


def test_wagtail_serves_pages_of_its_tenant(tenant, other_tenant, client_of, staff_of):
    from wagtail.images.models import Image
    from wagtail.models import Page

    with use_tenant(tenant):
        Page.objects.get(depth=2).add_child(instance=Page(title=SECRET, slug="news"))
        file = io.BytesIO()
        Picture.new("RGB", (64, 64), "red").save(file, "PNG")
        image = Image.objects.create(title=SECRET, file=ImageFile(io.BytesIO(file.getvalue()), name="cover.png"))
        assert image.get_rendition("fill-8x8").file.storage.exists(image.get_rendition("fill-8x8").file.name)
    assert SECRET in client_of(tenant).get("/wagtail/news/").content.decode()
    assert client_of(other_tenant).get("/wagtail/news/").status_code == 404
    first, second = staff_of(tenant), staff_of(other_tenant)
    for path in ("/wagtail-admin/pages/", "/wagtail-admin/images/", "/wagtail-admin/"):
        assert first.get(path, follow=True).status_code == 200
        assert SECRET not in second.get(path, follow=True).content.decode()
    assert SECRET in first.get("/wagtail-admin/images/").content.decode()
    with use_tenant(other_tenant):
        assert not Image.objects.exists()
        assert not Page.objects.filter(title=SECRET).exists()
