import pytest
from notes.models import Note

from tenants import NoActiveTenant, WrongTenant, run_in_threads, use_tenant


def test_a_note_is_seen_in_its_own_tenant_alone(tenant, other_tenant):
    with use_tenant(tenant):
        Note.objects.create(text="ours")
    with use_tenant(other_tenant):
        assert not Note.objects.exists()


def test_what_the_last_test_wrote_is_gone(in_tenant):
    assert not Note.objects.exists()


def test_a_visitor_reads_the_notes_of_the_host(tenant, other_tenant, client_of):
    with use_tenant(tenant):
        Note.objects.create(text="ours")
    assert client_of(tenant).get("/notes/").json() == {"notes": ["ours"]}
    assert client_of(other_tenant).get("/notes/").json() == {"notes": []}


def test_a_note_cannot_be_saved_elsewhere(tenant, other_tenant):
    with use_tenant(tenant):
        note = Note.objects.create(text="ours")
    with use_tenant(other_tenant), pytest.raises(WrongTenant):
        note.save()


def test_outside_a_tenant_there_are_no_notes(platform):
    with pytest.raises(NoActiveTenant):
        Note.objects.exists()


def test_threads_see_what_is_committed(open_tenant):
    with use_tenant(open_tenant()):
        Note.objects.create(text="ours")
        assert run_in_threads(lambda _: Note.objects.count(), range(4)) == [1, 1, 1, 1]
