"""A table of rows on another's page of an admin, without a title above each."""

from __future__ import annotations

from unfold.admin import TabularInline


class UntitledInline(TabularInline):
    """The base of tables whose rows say themselves what a title would repeat."""


# Newer versions of django-unfold, for newer Djangos, have the opposite switch and complain of the older one's name.
if hasattr(TabularInline, "show_title"):
    UntitledInline.show_title = False
else:
    UntitledInline.hide_title = True
