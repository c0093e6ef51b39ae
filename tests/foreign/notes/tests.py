"""For Django's own test runner: `manage.py test`."""

from threading import Thread

from django.db import connection, transaction
from django.test import TestCase

from notes.models import Note
from tenants import NoActiveTenant, current_tenant, use_tenant
from tenants.lifecycle import TenantSpec, create_tenant
from tenants.testing import TenantTestCase, TenantTransactionTestCase


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


class PlainTest(TestCase):
    def test_djangos_own_test_case_has_no_tenant(self):
        with self.assertRaises(NoActiveTenant):
            Note.objects.exists()
