"""Apps with models and pages: what one tenant writes, the other does not see, by ORM and over HTTP."""

import io

import pytest
import reversion
import silk.models
from allauth.account.models import EmailAddress
from articles.models import Article, Section, VersionedArticle
from constance import config
from django.contrib.auth.models import Group, User
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from guardian.shortcuts import assign_perm, get_objects_for_user
from PIL import Image
from rest_framework.authtoken.models import Token
from reversion.models import Version
from taggit.models import Tag
from waffle.models import Flag, Switch

from tenants import use_tenant

SECRET = "only-the-first-tenant-knows"


@pytest.fixture
def write(tenant):
    """Return a function that makes a row as the first tenant."""

    def make(title=SECRET, **fields):
        with use_tenant(tenant):
            return Article.objects.create(title=title, **fields)

    return make


@pytest.fixture
def staff_of(client_of):
    """Return a function that returns a client in which a superuser of the tenant is signed in."""

    def client(tenant):
        with use_tenant(tenant):
            user, _ = User.objects.get_or_create(username="chief", defaults={"is_staff": True, "is_superuser": True})
            found = client_of(tenant)
            found.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return found

    return client


def test_rest_framework_serves_rows_and_tokens_of_its_tenant(tenant, other_tenant, client_of):
    with use_tenant(tenant):
        token = Token.objects.create(user=User.objects.create(username="writer"))
    headers = {"Authorization": f"Token {token.key}"}
    first, second = client_of(tenant), client_of(other_tenant)
    assert first.post("/api/articles/", {"title": SECRET}, headers=headers).status_code == 201
    assert [row["title"] for row in first.get("/api/articles/").json()] == [SECRET]
    assert second.get("/api/articles/").json() == []
    assert second.post("/api/articles/", {"title": "theirs"}, headers=headers).status_code == 401
    with use_tenant(other_tenant):
        assert not Token.objects.exists()


def test_rest_framework_throttles_the_tenants_apart(tenant, other_tenant, client_of):
    statuses = [client_of(tenant).get("/api/articles/").status_code for _ in range(61)]
    assert statuses == [*[200] * 60, 429]
    assert client_of(other_tenant).get("/api/articles/").status_code == 200


def test_django_filter_filters_and_validates_in_its_tenant(tenant, other_tenant, client_of, write):
    with use_tenant(tenant):
        section = Section.add_root(name="one")
    write(section=section)
    assert len(client_of(tenant).get("/api/articles/", {"section": section.pk}).json()) == 1
    assert client_of(tenant).get("/api/articles/", {"title": "nothing"}).json() == []
    assert client_of(other_tenant).get("/api/articles/", {"section": section.pk}).status_code == 400


def test_allauth_signs_up_confirms_and_signs_in_at_one_tenant(tenant, other_tenant, client_of):
    account = {"email": "reader@mail.example", "password1": "a long Password 7", "password2": "a long Password 7"}
    first, second = client_of(tenant), client_of(other_tenant)
    assert first.post("/accounts/signup/", account).status_code == 302
    link = next(line for line in mail.outbox[0].body.split() if "/confirm-email/" in line)
    assert link.startswith(f"http://{tenant.host}/")
    path = link.partition(tenant.host)[2]
    assert second.post(path).status_code == 404
    assert first.post(path).status_code == 302
    login = {"login": account["email"], "password": account["password1"]}
    assert client_of(tenant).post("/accounts/login/", login).status_code == 302
    refused = second.post("/accounts/login/", login)
    assert (refused.status_code, "sessionid" in second.cookies) == (200, False)
    with use_tenant(tenant):
        assert EmailAddress.objects.get().verified
    with use_tenant(other_tenant):
        assert not EmailAddress.objects.exists()


def test_import_export_imports_into_its_tenant(tenant, other_tenant, staff_of):
    page = "/admin/articles/article/"
    first, second = staff_of(tenant), staff_of(other_tenant)
    file = io.BytesIO(f"id,title,text\n,{SECRET},words\n".encode())
    file.name = "articles.csv"
    preview = first.post(f"{page}import/", {"import_file": file, "format": "0"})
    form = preview.context["confirm_form"].initial
    second.raise_request_exception = False  # import-export does not expect that there is no such upload
    assert SECRET not in second.post(f"{page}process_import/", form).content.decode()
    with use_tenant(other_tenant):
        assert not Article.objects.exists()
    assert first.post(f"{page}process_import/", form).status_code == 302
    exported = first.post(f"{page}export/", {"format": "0", "resource": "0", **columns()})
    assert SECRET in exported.content.decode()
    assert SECRET not in second.post(f"{page}export/", {"format": "0", "resource": "0", **columns()}).content.decode()


def columns():
    return {f"articleresource_{name}": "on" for name in ("id", "title", "text")}


def test_simple_history_keeps_the_past_of_its_tenant(tenant, other_tenant, staff_of, write):
    article = write("before")
    with use_tenant(tenant):
        article.title = SECRET
        article.save()
        assert [row.title for row in article.history.order_by("history_id")] == ["before", SECRET]
    page = f"/admin/articles/article/{article.pk}/history/"
    assert staff_of(tenant).get(page).status_code == 200
    # The other tenant's admin sends visitors of a missing row to its index.
    assert staff_of(other_tenant).get(page).status_code in {302, 404}
    with use_tenant(other_tenant):
        assert not Article.history.exists()


def test_taggit_shares_no_tags(tenant, other_tenant, write, client_of):
    article = write()
    with use_tenant(tenant):
        article.tags.add("confidential")
        assert list(Article.objects.filter(tags__name="confidential")) == [article]
    assert b"confidential" in client_of(tenant).get("/").content
    assert b"confidential" not in client_of(other_tenant).get("/").content
    with use_tenant(other_tenant):
        assert not Tag.objects.exists()
        theirs = Article.objects.create(title="theirs")
        theirs.tags.add("confidential")
        assert Article.objects.filter(tags__name="confidential").count() == 1


def test_treebeard_moves_nodes_of_its_tenant(tenant, other_tenant, staff_of):
    with use_tenant(tenant):
        root = Section.add_root(name=SECRET)
        child = root.add_child(name="child")
        child.move(root, "sorted-sibling")
        assert {node.name for node in Section.get_root_nodes()} == {"child", SECRET}
        assert Section.find_problems() == ([], [], [], [], [])
    page = "/admin/articles/section/"
    assert SECRET in staff_of(tenant).get(page).content.decode()
    assert SECRET not in staff_of(other_tenant).get(page).content.decode()
    with use_tenant(other_tenant):
        assert Section.add_root(name="theirs").path == "0001"


def test_reversion_reverts_in_its_tenant(tenant, other_tenant, staff_of):
    with use_tenant(tenant):
        with reversion.create_revision():
            article = VersionedArticle.objects.create(title=SECRET)
            reversion.add_to_revision(article)
        with reversion.create_revision():
            article.title = "after"
            article.save()
        Version.objects.get_for_object(article)[1].revision.revert()
        assert Article.objects.get().title == SECRET
        version = Version.objects.get_for_object(article)[0]
    page = f"/admin/articles/versionedarticle/{article.pk}/history/{version.pk}/"
    assert staff_of(tenant).get(page).status_code == 200
    assert SECRET not in staff_of(other_tenant).get(page, follow=True).content.decode()
    with use_tenant(other_tenant):
        assert not Version.objects.exists()


def test_guardian_gives_permissions_on_rows_of_its_tenant(tenant, other_tenant, write, staff_of):
    article = write()
    with use_tenant(tenant):
        user = User.objects.create(username="editor")
        assign_perm("change_article", user, article)
        assign_perm("articles.view_article", Group.objects.create(name="readers"), article)
        assert user.has_perm("change_article", article)
        assert list(get_objects_for_user(user, "articles.change_article")) == [article]
        assert User.objects.filter(username="AnonymousUser").exists()
    with use_tenant(other_tenant):
        theirs = Article.objects.create(pk=article.pk, title="theirs")
        same_key = User.objects.create(pk=user.pk, username="editor")
        assert not same_key.has_perm("change_article", theirs)
        assert not get_objects_for_user(same_key, "articles.change_article").exists()
    page = f"/admin/articles/article/{article.pk}/permissions/"
    assert b"editor" in staff_of(tenant).get(page).content
    assert b"editor" not in staff_of(other_tenant).get(page).content


def picture(color):
    file = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(file, "PNG")
    return ContentFile(file.getvalue(), name="cover.png")


def test_easy_thumbnails_makes_pictures_of_its_tenant(tenant, other_tenant, client_of):
    seen = {}
    for each, color in ((tenant, "red"), (other_tenant, "blue")):
        with use_tenant(each):
            Article.objects.create(title="cover", picture=picture(color))
        assert b"cover.png.8x8" in client_of(each).get("/").content
        with use_tenant(each):
            names = default_storage.listdir("pictures")[1]
            assert len(names) == 2, "the picture and its thumbnail are in the tenant's folder"
            with default_storage.open(f"pictures/{next(name for name in names if '8x8' in name)}") as file:
                seen[color] = Image.open(file).convert("RGB").getpixel((4, 4))
    assert seen["red"][0] > 200 > seen["red"][2]
    assert seen["blue"][2] > 200 > seen["blue"][0]


def test_waffle_switches_features_of_its_tenant(tenant, other_tenant, client_of, django_capture_on_commit_callbacks):
    pages = {each.slug: client_of(each) for each in (tenant, other_tenant)}
    assert {slug: b"open" in client.get("/").content for slug, client in pages.items()} == {
        "first": False,
        "second": False,
    }
    with django_capture_on_commit_callbacks(execute=True), use_tenant(tenant):
        Switch.objects.create(name="open", active=True)
        Flag.objects.create(name="new", everyone=True)
    first, second = (pages[slug].get("/").content for slug in ("first", "second"))
    assert (b"open" in first, b"new" in first) == (True, True)
    assert (b"open" in second, b"new" in second) == (False, False)


def test_constance_has_values_of_its_tenant(tenant, other_tenant, client_of, staff_of):
    assert b"News" in client_of(tenant).get("/").content
    with use_tenant(tenant):
        config.HEADLINE = SECRET
        assert config.HEADLINE == SECRET
    assert SECRET in client_of(tenant).get("/").content.decode()
    assert SECRET not in client_of(other_tenant).get("/").content.decode()
    assert SECRET in staff_of(tenant).get("/admin/constance/config/").content.decode()
    assert SECRET not in staff_of(other_tenant).get("/admin/constance/config/").content.decode()


def test_silk_records_requests_of_its_tenant(tenant, other_tenant, client_of, write):
    write()
    assert client_of(tenant).get("/", {"q": SECRET}).status_code == 200
    with use_tenant(tenant):
        request = silk.models.Request.objects.get(path="/")
        assert request.queries.count() > 0
    with use_tenant(other_tenant):
        assert not silk.models.Request.objects.exists()
    page = f"/silk/request/{request.pk}/"
    assert SECRET in client_of(tenant).get(page).content.decode()
    assert client_of(other_tenant).get("/silk/requests/").status_code == 200
    with pytest.raises(silk.models.Request.DoesNotExist):
        client_of(other_tenant).get(page)


def test_debug_toolbar_shows_requests_of_its_tenant(tenant, other_tenant, client_of, write):
    write()
    shown = client_of(tenant).get("/", {"toolbar": SECRET})
    assert b"djDebug" in shown.content
    history = client_of(tenant).get("/__debug__/history_refresh/", {"request_id": "0" * 32}).json()
    assert SECRET in str(history)
    theirs = client_of(other_tenant).get("/__debug__/history_refresh/", {"request_id": "0" * 32}).json()
    assert SECRET not in str(theirs)
