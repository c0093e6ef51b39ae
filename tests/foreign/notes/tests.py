"""For Django's own test runner: `manage.py test`."""

import os
from threading import Thread
from unittest import skip
from urllib.request import Request, urlopen

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.test import TestCase

from notes.models import Note
from tenants import NoActiveTenant, current_tenant, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant, suspend_tenant
from tenants.testing import TenantLiveServerTestCase, TenantTestCase, TenantTransactionTestCase


class NotesTest(TenantTestCase):
    @classmethod
    def setUpTestData(cls):
        cls.note = Note.objects.create(text="ours")

    def setUp(self):
        self.assertEqual(current_tenant().slug, "first")

    def test_a_note_is_seen_in_its_own_tenant_alone(self):
        self.assertEqual(Note.objects.get(), self.note)
        with use_tenant(self.other_tenant):
            self.assertFalse(Note.objects.exists())

    def test_a_visitor_reads_the_notes_of_the_host(self):
        self.assertEqual(self.client_of(self.tenant).get("/notes/").json(), {"notes": ["ours"]})
        self.assertEqual(self.client_of(self.other_tenant).get("/notes/").json(), {"notes": []})

    def test_what_a_test_writes_is_rolled_back(self):
        Note.objects.create(text="another")

    def test_what_another_test_wrote_is_gone(self):
        self.assertEqual(Note.objects.count(), 1)


class CommittedTest(TenantTransactionTestCase):
    def committed(self):
        self.assertFalse(Note.objects.exists())
        Note.objects.create(text="ours")
        seen = []

        def look():
            with use_tenant(self.tenant):
                seen.append(Note.objects.count())
            connection.close()

        thread = Thread(target=look)
        thread.start()
        thread.join()
        self.assertEqual(seen, [1])
        self.assertEqual(self.client_of(self.tenant).get("/notes/").json(), {"notes": ["ours"]})

    test_threads_see_what_is_committed = committed
    test_the_next_test_finds_its_tenants_and_no_rows = committed

    def test_a_tenant_that_is_opened_is_taken_away(self):
        self.assertEqual(create_tenant(TenantSpec(slug="third")).slug, "third")

    test_another_can_have_its_slug = test_a_tenant_that_is_opened_is_taken_away

    def test_a_transaction_can_be_lost(self):
        with self.assertRaises(ValueError), transaction.atomic():
            Note.objects.create(text="lost")
            raise ValueError
        self.assertFalse(Note.objects.exists())


class LiveTest(TenantLiveServerTestCase):
    def test_a_live_server_has_the_tenants(self):
        Note.objects.create(text="live")
        for tenant, body in ((self.tenant, b'{"notes": ["live"]}'), (self.other_tenant, b'{"notes": []}')):
            request = Request(f"{self.live_server_url}/notes/", headers={"Host": tenant.host})
            with urlopen(request) as answer:
                self.assertEqual(answer.read(), body)

    test_the_next_test_has_a_server_and_no_rows = test_a_live_server_has_the_tenants

    def test_a_browser_opens_the_tenants_own_address(self):
        port = self.live_server_url.rpartition(":")[2]
        self.assertEqual(self.url_of(self.tenant, "/notes/"), f"http://first.library.example:{port}/notes/")


class FilesTest(TenantTestCase):
    def test_files_are_in_a_temporary_folder(self):
        name = default_storage.save("note.txt", ContentFile(b"ours"))
        self.assertNotIn(os.environ["LIBRARY_MEDIA"], default_storage.path(name))
        with use_tenant(self.other_tenant):
            self.assertFalse(default_storage.exists(name))


class ChangedTenantTest(TenantTestCase):
    def test_a_change_is_seen_by_the_next_request(self):
        suspend_tenant("first")
        self.assertEqual(self.client_of(self.tenant).get("/notes/").status_code, 503)

    def test_the_next_test_finds_it_as_it_was(self):
        self.assertEqual(self.client_of(self.tenant).get("/notes/").status_code, 200)


@skip("A class that is skipped creates no tenants.")
class SkippedTest(TenantTestCase):
    def test_nothing(self):
        raise AssertionError


class PlainTest(TestCase):
    def test_djangos_own_test_case_has_no_tenant(self):
        with self.assertRaises(NoActiveTenant):
            Note.objects.exists()
