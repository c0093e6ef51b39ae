"""What holds for every User model in every place: `manage.py test` with the variables of the settings."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any
from unittest import skipUnless

from billing.models import Contract
from board.models import Post
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse

from portal.people import IN_TENANTS, ON_PLATFORM, OWNER_FIELDS, PASSWORD, create_superuser, sign_in
from tenants import PLATFORM, use_tenant
from tenants.errors import ConfigurationError, InvalidHost
from tenants.lifecycle import TenantSpec, clone_tenant, create_tenant, purge_tenant
from tenants.lifecycle.owner import create_with_link
from tenants.models import AuditEvent, Tenant
from tenants.registry.lookup import tenant_by_slug
from tenants.testing import TenantTestCase, TenantTransactionTestCase

OWNER = "Jo@First.Example"
STOCK, CONTRIB = not settings.CONTRIB_ADMIN, settings.CONTRIB_ADMIN


def spec(slug: str, **options: Any) -> TenantSpec:
    owner = {"owner_email": OWNER, "owner_password": PASSWORD, "owner_fields": OWNER_FIELDS} if IN_TENANTS else {}
    return TenantSpec(slug=slug, name=slug.title(), **owner, **options)


SPECS = (spec("first"), spec("second"))


class PortalTest(TenantTestCase):
    tenant_specs = SPECS

    def setUp(self) -> None:
        self.visitor = self.client_of(self.tenant)
        self.operator = self.client_of(PLATFORM)

    def sign_in_operator(self) -> None:
        with use_tenant(PLATFORM):
            create_superuser("kim@portal.example")
        self.assertTrue(sign_in(self.operator, "kim@portal.example"))


@skipUnless(IN_TENANTS, "Users are operators.")
class UsersOfTenantsTest(PortalTest):
    def test_owner_signs_in_at_the_admin_and_adds_a_row(self) -> None:
        self.assertTrue(sign_in(self.visitor, self.owner().get_username()))
        self.assertContains(self.visitor.get("/admin/"), "/admin/board/post/")
        self.assertEqual(self.visitor.post("/admin/board/post/add/", {"text": "hello"}).status_code, 302)
        self.assertEqual(self.visitor.get("/").json(), {"posts": ["hello"], "tenant": "First"})
        self.assertEqual(self.client_of(self.other_tenant).get("/").json()["posts"], [])

    def owner(self) -> Any:
        return get_user_model()._default_manager.get()

    def test_other_tenants_know_neither_password_nor_session(self) -> None:
        create_superuser("lee@first.example")
        self.assertTrue(sign_in(self.visitor, "lee@first.example"))
        other = self.client_of(self.other_tenant)
        self.assertFalse(sign_in(other, "lee@first.example"))
        other.cookies.load(self.visitor.cookies.output(header=""))
        self.assertEqual(other.get("/me/").status_code, 302)
        self.assertEqual(self.visitor.get("/me/").json(), {"name": "lee@first.example"})

    def test_admin_of_a_tenant_has_nothing_of_the_control_plane(self) -> None:
        sign_in(self.visitor, self.owner().get_username())
        self.assertNotContains(self.visitor.get("/admin/"), "/admin/tenants/")
        for path in ("", "add/", f"{self.tenant.id}/change/"):
            self.assertEqual(self.visitor.get(f"/admin/tenants/tenant/{path}").status_code, 404)
        new = {"slug": "third", "name": "Third", "language": "en", "currency": "EUR", "time_zone": "UTC"}
        self.assertEqual(self.visitor.post("/admin/tenants/tenant/add/", new).status_code, 404)
        self.assertEqual(self.visitor.get("/admin/tenants/").status_code, 404)
        asked = {"app_label": "tenants", "model_name": "domain", "field_name": "tenant", "term": ""}
        self.assertEqual(self.visitor.get("/admin/autocomplete/", asked).status_code, 404)

    def test_pages_of_users_work(self) -> None:
        sign_in(self.visitor, self.owner().get_username())
        opts = get_user_model()._meta
        for page in ("", "add/", f"{self.owner().pk}/change/"):
            path = f"/admin/{opts.app_label}/{opts.model_name}/{page}"
            self.assertEqual(self.visitor.get(path).status_code, 200, path)
        signature = {"post": Post.objects.create(text="x").pk, "author": self.owner().pk}
        self.assertEqual(self.visitor.post("/admin/signed/signature/add/", signature).status_code, 302)

    def test_password_reset_is_for_one_tenant(self) -> None:
        create_superuser("lee@first.example")
        self.visitor.post("/accounts/password_reset/", {"email": "lee@first.example"})
        (link,) = re.findall(r"http://first\.portal\.localhost(\S+)", mail.outbox[0].body)
        self.assertContains(self.client_of(self.other_tenant).get(link, follow=True), "invalid")
        page = self.visitor.get(link, follow=True)
        new = {"new_password1": "another battery staple", "new_password2": "another battery staple"}
        self.assertEqual(self.visitor.post(page.redirect_chain[-1][0], new).status_code, 302)
        self.assertTrue(sign_in(self.visitor, "lee@first.example", "another battery staple"))

    def test_rest_framework_serves_users_of_its_tenant(self) -> None:
        create_superuser("lee@first.example")
        token = b64encode(f"lee@first.example:{PASSWORD}".encode()).decode()
        header = {"Authorization": f"Basic {token}"}
        self.assertEqual(self.visitor.post("/api/posts/", {"text": "a"}, headers=header).status_code, 201)
        self.assertEqual(self.visitor.post("/api/posts/", {"text": "a"}).status_code, 403)
        other = self.client_of(self.other_tenant)
        self.assertEqual(other.post("/api/posts/", {"text": "a"}, headers=header).status_code, 403)
        self.assertEqual(self.visitor.get("/api/posts/").json()[0]["text"], "a")
        self.assertEqual(other.get("/api/posts/").json(), [])

    def test_owner_without_a_password_gets_a_link(self) -> None:
        _, link = create_with_link(TenantSpec(slug="third", owner_email="Al@THIRD.example", owner_fields=OWNER_FIELDS))
        third = self.client_of(tenant_by_slug("third"))
        page = third.get(link, follow=True)
        self.assertContains(page, "password")
        new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
        self.assertEqual(third.post(page.redirect_chain[-1][0], new).status_code, 302)
        with use_tenant(tenant_by_slug("third")):
            self.assertTrue(sign_in(third, self.owner().get_username()))

    @skipUnless(settings.OWN_USER, "Django's User requires no more.")
    def test_owner_without_required_fields_is_refused(self) -> None:
        with self.assertRaisesMessage(ConfigurationError, "people.Person requires full_name"):
            create_tenant(TenantSpec(slug="third", owner_email="al@third.example"))

    def test_createsuperuser_writes_into_the_tenant(self) -> None:
        names = {"full_name": "Al"} if settings.OWN_USER else {"username": "al@first.example"}
        call_command("createsuperuser", interactive=False, email="al@first.example", verbosity=0, **names)
        self.assertTrue(get_user_model()._default_manager.filter(email="al@first.example").exists())
        with use_tenant(self.other_tenant):
            self.assertFalse(get_user_model()._default_manager.filter(email="al@first.example").exists())


@skipUnless(settings.USERS_IN == "public", "Tenants have users.")
class OperatorsAloneTest(PortalTest):
    def test_pages_of_tenants_need_no_users(self) -> None:
        Post.objects.create(text="hello")
        self.assertEqual(self.visitor.get("/").json(), {"posts": ["hello"], "tenant": "First"})
        self.assertEqual(self.visitor.get("/api/posts/").json()[0]["text"], "hello")
        self.assertEqual(self.visitor.get("/me/").status_code, 302)

    def test_session_of_an_operator_is_nobodys_in_a_tenant(self) -> None:
        self.sign_in_operator()
        self.visitor.cookies = self.operator.cookies
        self.assertEqual(self.visitor.get("/me/").status_code, 302)

    def test_owner_is_refused_with_what_to_do(self) -> None:
        with self.assertRaisesMessage(ConfigurationError, "COMMON_APPS or TENANT_APPS, or leave the owner out"):
            create_tenant(TenantSpec(slug="third", owner_email="al@third.example"))


@skipUnless(ON_PLATFORM, "There are no operators.")
class OperatorsTest(PortalTest):
    def setUp(self) -> None:
        super().setUp()
        self.sign_in_operator()

    def new_tenant(self, **values: str) -> dict[str, str]:
        form = {"slug": "third", "name": "Third", "language": "en", "currency": "EUR", "time_zone": "UTC"}
        if IN_TENANTS:
            form |= {"owner_email": "al@third.example", "owner_password": PASSWORD}
            form |= {f"owner_{name}": value for name, value in OWNER_FIELDS.items()}
        for prefix in ("domains", "contract"):
            form |= {f"{prefix}-TOTAL_FORMS": "1", f"{prefix}-INITIAL_FORMS": "0"}
        return form | {"variant": "default", "variant_name": "default", **values}

    def test_operator_sees_the_platform_alone(self) -> None:
        self.assertContains(self.operator.get("/admin/"), "/admin/tenants/tenant/")
        self.assertNotContains(self.operator.get("/admin/"), "/admin/board/")
        self.assertEqual(self.operator.get("/admin/board/post/").status_code, 404)

    def test_pages_of_the_platform_work(self) -> None:
        opts = get_user_model()._meta
        users = f"{opts.app_label}/{opts.model_name}"
        with use_tenant(PLATFORM):
            kim = get_user_model()._default_manager.get()
        pages = ["tenants/tenant/", "tenants/tenant/add/", "tenants/domain/", "tenants/domain/add/"]
        pages += [f"tenants/tenant/{self.tenant.id}/change/", "tenants/auditevent/", f"{users}/", f"{users}/add/"]
        for page in [*pages, f"{users}/{kim.pk}/change/"]:
            self.assertEqual(self.operator.get(f"/admin/{page}").status_code, 200, page)

    @skipUnless(settings.OWN_USER and IN_TENANTS, "Owners need no more than an address.")
    def test_form_says_what_the_owner_needs(self) -> None:
        refused = self.operator.post("/admin/tenants/tenant/add/", self.new_tenant(owner_full_name=""))
        self.assertContains(refused, "requires full_name")
        with use_tenant(PLATFORM):
            self.assertFalse(Tenant.objects.filter(slug="third").exists())

    def test_form_creates_a_tenant_with_owner_and_domain(self) -> None:
        domain = {"domains-0-host": "Third.Example", "domains-0-is_primary": "on", "domain": "Third.Example"}
        form = self.new_tenant(**domain, **{"contract-0-vat_number": "DE123"})
        answer = self.operator.post("/admin/tenants/tenant/add/", form)
        self.assertEqual(answer.status_code, 302, getattr(answer, "context", None) and answer.context["errors"])
        with use_tenant(PLATFORM):
            if STOCK:  # the form of the engine's admin has no inlines
                self.assertEqual(Contract.objects.get().customer.slug, "third")
            self.assertTrue(AuditEvent.objects.filter(action="create", slug="third", actor__contains="kim").exists())
        third = tenant_by_slug("third")
        self.assertEqual(third.host, "third.example")
        self.assertEqual(self.client_of(third).get("/").json()["tenant"], "Third")
        if IN_TENANTS:
            self.assertTrue(sign_in(self.client_of(third), "al@third.example"))

    def test_contract_is_on_the_page_of_its_tenant(self) -> None:
        path = f"/admin/tenants/tenant/{self.tenant.id}/change/"
        page = self.operator.get(path)
        form = {name: "" if value is None else value for name, value in page.context["adminform"].form.initial.items()}
        form = {name: value for name, value in form.items() if value is not False}
        for formset in page.context["inline_admin_formsets"]:
            form |= {f"{formset.formset.prefix}-TOTAL_FORMS": "1", f"{formset.formset.prefix}-INITIAL_FORMS": "0"}
        answer = self.operator.post(path, {**form, "contract-0-vat_number": "DE123"})
        self.assertEqual(answer.status_code, 302, getattr(answer, "context", None) and answer.context["errors"])
        with use_tenant(PLATFORM):
            self.assertEqual(Contract.objects.get().vat_number, "DE123")
            self.assertTrue(AuditEvent.objects.filter(action="change contracts", slug="first").exists())

    def test_taken_slug_and_refused_domain_are_errors_of_the_form(self) -> None:
        taken = self.operator.post("/admin/tenants/tenant/add/", self.new_tenant(slug="first"))
        self.assertContains(taken, "already exists")
        domain = {"domain": "third.elsewhere"} if CONTRIB else {"domains-0-host": "third.elsewhere"}
        refused = self.operator.post("/admin/tenants/tenant/add/", self.new_tenant(**domain))
        self.assertContains(refused, "is not below .example")
        with use_tenant(PLATFORM):
            self.assertFalse(Tenant.objects.filter(slug="third").exists())

    @skipUnless(STOCK, "The engine's admin has buttons.")
    def test_actions_ask_first_and_then_suspend_and_resume(self) -> None:
        chosen = {"_selected_action": self.tenant.id}
        for action, status in (("suspend_selected", 503), ("resume_selected", 200)):
            before = self.visitor.get("/").status_code
            asked = self.operator.post("/admin/tenants/tenant/", {"action": action, **chosen})
            self.assertContains(asked, "First (first)")
            self.assertEqual(self.visitor.get("/").status_code, before)
            confirmed = {"action": action, "confirmed": "yes", **chosen}
            self.assertEqual(self.operator.post("/admin/tenants/tenant/", confirmed).status_code, 302)
            self.assertEqual(self.visitor.get("/").status_code, status)

    @skipUnless(STOCK, "The engine's admin asks for the slug.")
    def test_deletion_keeps_the_data_and_can_be_undone(self) -> None:
        page = self.operator.get(f"/admin/tenants/tenant/{self.tenant.id}/delete/")
        self.assertContains(page, f"schema {self.tenant.schema}")
        self.operator.post(f"/admin/tenants/tenant/{self.tenant.id}/delete/", {"post": "yes"})
        self.assertEqual(self.visitor.get("/").status_code, 404)
        undelete = {"action": "undelete_selected", "confirmed": "yes", "_selected_action": self.tenant.id}
        self.operator.post("/admin/tenants/tenant/", undelete)
        self.assertEqual(self.visitor.get("/").status_code, 200)

    @skipUnless(IN_TENANTS, "Operators cannot log in to tenants.")
    def test_operator_logs_in_to_a_tenant_by_a_link(self) -> None:
        if CONTRIB:
            page = self.operator.post(f"/admin/tenants/tenant/{self.tenant.id}/enter/")
        else:
            chosen = {"action": "log_in_to_selected", "_selected_action": self.tenant.id}
            page = self.operator.post("/admin/tenants/tenant/", chosen)
        self.assertContains(page, page.context["link"])
        self.assertEqual(self.visitor.get(page.context["link"]).status_code, 302)
        self.assertEqual(self.visitor.post("/admin/board/post/add/", {"text": "by kim"}).status_code, 302)
        self.assertContains(self.visitor.get("/admin/"), "is logged in to First")
        opts = get_user_model()._meta
        users = f"/admin/{opts.app_label}/{opts.model_name}/"
        self.assertEqual(self.visitor.get(users).status_code, 200)
        self.assertEqual(self.visitor.get(f"{users}add/").status_code, 403)
        account = get_user_model()._default_manager.get(
            **{f"{get_user_model().USERNAME_FIELD}__startswith": "operator:"}
        )
        self.assertFalse(account.is_staff or account.is_superuser or account.has_usable_password())
        self.visitor.post(reverse("operator_leave", "portal.urls_tenant"))
        self.assertEqual(self.visitor.get("/me/").status_code, 302)

    @skipUnless(CONTRIB, "Django's admin has no invitations.")
    def test_operator_invites_another(self) -> None:
        opts = get_user_model()._meta
        path = f"/admin/{opts.app_label}/{opts.model_name}/invite/"
        self.assertEqual(self.operator.get(path).status_code, 200)
        self.operator.post(path, {"email": "lee@portal.example", "full_name": "Lee"})
        with use_tenant(PLATFORM):
            lee = get_user_model()._default_manager.get(email="lee@portal.example")
        self.assertTrue(lee.is_staff and not lee.has_usable_password())


@skipUnless(settings.USERS_IN != "both", "Users are on both sides.")
class CommandsTest(PortalTest):
    def test_commands_of_users_say_where_users_are(self) -> None:
        here, elsewhere = (PLATFORM, "SLUG") if IN_TENANTS else (self.tenant, "--platform")
        for command in ("createsuperuser", "changepassword"):
            with use_tenant(here), self.assertRaisesMessage(CommandError, f"run_in_tenant {elsewhere} -- {command}"):
                call_command(command)


class DomainsTest(PortalTest):
    def test_rule_of_the_project_is_asked_for_every_domain(self) -> None:
        with self.assertRaisesMessage(InvalidHost, "is not below .example"):
            create_tenant(TenantSpec(slug="third", domain="third.elsewhere"))
        self.assertEqual(create_tenant(TenantSpec(slug="third", domain="third.example")).slug, "third")


class CommittedTest(TenantTransactionTestCase):
    tenant_specs = SPECS

    def test_clone_without_personal_data(self) -> None:
        clone = clone_tenant("first", "copy", anonymize=True)
        try:
            with use_tenant(clone):
                if IN_TENANTS:
                    owner = get_user_model()._default_manager.get()
                    self.assertEqual(owner.email, f"user{owner.pk}@example.invalid")
                    self.assertEqual(owner.get_username(), owner.email)
        finally:
            with use_tenant(PLATFORM):
                Tenant.objects.filter(slug="copy").update(status=Tenant.Status.DELETED)
            purge_tenant("copy")
