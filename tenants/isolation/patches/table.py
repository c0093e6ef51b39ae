"""Table of the patches: what is replaced, by what, and why. Rooms above this one have such tables for their patches.

A row that differs between versions of Django says so (`since`, `before`). `manage.py check` compares the parameters of
each original with its row (`tenants.E030`).
"""

from __future__ import annotations

from tenants.isolation.patches import (
    admin,
    arguments,
    contenttypes,
    deletion,
    error_pages,
    function_caches,
    models,
    process_state,
    querysets,
    relations,
    request_state,
    result_cache,
    router,
    sites,
    transactions,
)
from tenants.isolation.patches.patch import Patch
from tenants.isolation.patches.process_state import restoring

_QUERYSET = "django.db.models.query:QuerySet"
_RAW = "django.db.models.query:RawQuerySet"
_RAW_INIT = "self raw_query model query params translations using hints"
_GIVEN = "Django takes only the key of a given instance and asks no router."
_CACHED = "Django reads rows in memory and asks no router."

QUERYSETS = (
    Patch(f"{_QUERYSET}.__init__", "self model query using hints", querysets.remember_tenant,
          "A queryset is for the tenant that was active when it was made."),
    Patch(f"{_RAW}.__init__", _RAW_INIT, querysets.remember_tenant_raw,
          "The same for raw SQL.", before=(6, 1)),
    Patch(f"{_RAW}.__init__", f"{_RAW_INIT} fetch_mode", querysets.remember_tenant_raw,
          "The same for raw SQL.", since=(6, 1)),
    Patch(f"{_QUERYSET}._add_hints", "self hints", querysets.add_hints_to_own,
          "Clones share the object with the tenant; a hint for one must not change the others."),
    Patch(f"{_QUERYSET}.db", None, querysets.check_db,
          "The queryset may be another tenant's; with using() Django asks no router."),
    Patch(f"{_RAW}.db", None, querysets.check_db,
          "The same for raw SQL."),
    Patch(f"{_QUERYSET}._fetch_all", "self", result_cache.fetch_tenant_rows,
          "Rows in memory know their tenant: all threads share a queryset of a module."),
    Patch(f"{_RAW}._result_cache", None, lambda original: result_cache.TenantResultCache(),
          "The same for raw SQL."),
    Patch(f"{_QUERYSET}.__getitem__", "self k", arguments.check_self, _CACHED),
    Patch(f"{_QUERYSET}.count", "self", arguments.check_self, _CACHED),
    Patch(f"{_QUERYSET}.exists", "self", arguments.check_self, _CACHED),
    Patch(f"{_QUERYSET}.contains", "self obj", arguments.check_self_and_arguments, _CACHED),
    Patch(f"{_QUERYSET}.resolve_expression", "self args kwargs", arguments.check_self_and_arguments,
          "A queryset inside another one is not evaluated by itself."),
    Patch(f"{_QUERYSET}._combinator_query", "self combinator other_qs all", arguments.check_self_and_arguments,
          "The same in union(), intersection() and difference()."),
    Patch(f"{_QUERYSET}._merge_sanity_check", "self other", arguments.check_arguments,
          "The same in `|` and `&`."),
    Patch(f"{_QUERYSET}.bulk_create",
          "self objs batch_size ignore_conflicts update_conflicts update_fields unique_fields",
          arguments.check_first_list, "Django asks the router about the model and not about its instances."),
    Patch(f"{_QUERYSET}.bulk_update", "self objs fields batch_size", arguments.check_first_list,
          "Django asks the router about the model and not about its instances."),
)  # fmt: skip

MODELS = (
    Patch("django.db.models:Model.save_base", "self raw force_insert force_update using update_fields",
          models.check_saved, "With save(using=…) Django asks no router."),
    Patch("django.db.models:Model.__eq__", "self other", models.compare_schemas,
          "Rows of two tenants may have the same key."),
    Patch("django.db.models.sql:Query.check_query_object_type", "self value opts field",
          arguments.check_filter_value, _GIVEN),
    Patch("django.db.models.deletion:Collector.collect",
          "self objs source nullable collect_related source_attr reverse_dependency keep_parents fail_on_restricted",
          arguments.check_arguments, _GIVEN),
)  # fmt: skip

DELETION = (
    Patch("django.db.models.deletion:get_candidate_relations_to_delete", "opts", deletion.relations_with_tables,
          "What relates to a user has tables either in a shop or in the control plane."),
)  # fmt: skip

RELATIONS = (
    Patch("django.db.models.query:prefetch_one_level", "instances prefetcher lookup level",
          relations.check_prefetched, "Django takes the keys of rows in memory and fills other querysets."),
    Patch("django.db.models.fields.related_descriptors:create_reverse_many_to_one_manager", "superclass rel",
          relations.check_managers, _GIVEN),
    Patch("django.db.models.fields.related_descriptors:create_forward_many_to_many_manager",
          "superclass rel reverse", relations.check_managers, _GIVEN),
)  # fmt: skip

GENERIC_RELATIONS = (
    Patch("django.contrib.contenttypes.fields:create_generic_related_manager", "superclass rel",
          relations.check_managers, _GIVEN, app="django.contrib.contenttypes"),
    Patch("django.contrib.contenttypes.fields:GenericForeignKey.get_content_type", "self obj id using model",
          arguments.check_arguments, _GIVEN, app="django.contrib.contenttypes"),
)  # fmt: skip

ROUTERS = (
    Patch("django.db.utils:ConnectionRouter.db_for_read", "self model hints", router.route_in_tenant,
          "A router of the project's may answer before ours."),
    Patch("django.db.utils:ConnectionRouter.db_for_write", "self model hints", router.route_in_tenant,
          "A router of the project's may answer before ours."),
    Patch("django.db.utils:ConnectionRouter.allow_relation", "self obj1 obj2 hints", router.relate_in_tenant,
          "A router of the project's may answer before ours."),
    Patch("django.db.utils:ConnectionRouter.allow_migrate", "self db app_label hints", router.migrate_in_place,
          "A router of the project's may answer before ours."),
)  # fmt: skip

TRANSACTIONS = (
    Patch("django.db.transaction:Atomic.__exit__", "self exc_type exc_value traceback", transactions.end_own_block,
          "Django ends the innermost block, which may be another one that code has left open."),
)  # fmt: skip

REQUEST_STATE = (
    Patch("django.urls.base:_urlconfs", None, request_state.urlconf_of_request,
          "Django keeps the URLconf until it is set again."),
    Patch("django.utils.timezone:_active", None, request_state.time_zone_of_request,
          "Django keeps the time zone until it is set again."),
    Patch("django.utils.translation.trans_real:_active", None, request_state.language_of_request,
          "Django keeps the language until it is set again."),
    Patch("django.utils.translation.trans_real:__class__", None, request_state.translations_class,
          "Django assigns a new Local to `_active` there."),
)  # fmt: skip

PROCESS_CACHES = (
    Patch("django.contrib.contenttypes.models:ContentTypeManager._cache", None, contenttypes.content_type_cache,
          "The ids of content types differ between tenants.", app="django.contrib.contenttypes"),
    Patch("django.contrib.sites.models:SITE_CACHE", None, sites.site_cache,
          "The rows of sites differ between tenants.", app="django.contrib.sites"),
    Patch("django.contrib.sites.models:SiteManager.clear_cache", "self", sites.clear_site_cache,
          "Django assigns a dict for all tenants to SITE_CACHE.", app="django.contrib.sites"),
    Patch("guardian.shortcuts:_get_ct_cached", None, function_caches.cache_per_tenant,
          "Its `lru_cache` has content types.", app="guardian"),
)  # fmt: skip

_ADMIN = "django.contrib.admin"
_SITE = "One site may be used on tenants' hosts and on the platform's, and a model has tables on one side."
ADMIN = (
    Patch(f"{_ADMIN}.options:ModelAdmin.urls", None, admin.urls_where_tables_are, _SITE, app=_ADMIN),
    Patch(f"{_ADMIN}.sites:AdminSite._build_app_dict", "self request label", admin.apps_with_tables, _SITE, app=_ADMIN),
    Patch(f"{_ADMIN}.sites:AdminSite.autocomplete_view", "self request", admin.autocomplete_where_tables_are, _SITE,
          app=_ADMIN),
)  # fmt: skip

ERROR_PAGES = (
    Patch("django.core.handlers.exception:sync_to_async", None, error_pages.in_thread_of_request,
          "In another thread the page needs a second connection while its request holds the first. As many failing "
          "requests as the pool has connections would wait for each other for ever."),
)  # fmt: skip

_CHANGES = "Python has this state once for all threads."
PROCESS_STATE = (
    Patch("os:chdir", "path", process_state.restoring_chdir, _CHANGES),
    Patch("os:fchdir", "fd", restoring(process_state.DIRECTORY), _CHANGES),
    Patch("os:_Environ.__setitem__", "self key value", process_state.restoring_variable, _CHANGES),
    Patch("os:_Environ.__delitem__", "self key", process_state.restoring_variable, _CHANGES),
    Patch("locale:setlocale", "category locale", restoring(process_state.LOCALE), _CHANGES),
    Patch("socket:setdefaulttimeout", None, restoring(process_state.SOCKET_TIMEOUT), _CHANGES),
    Patch("logging:disable", "level", restoring(process_state.LOGGING), _CHANGES),
    Patch("sys:setrecursionlimit", "limit", restoring(process_state.RECURSION_LIMIT), _CHANGES),
    Patch("warnings:simplefilter", "action category lineno append", restoring(process_state.WARNINGS), _CHANGES),
    Patch("warnings:filterwarnings", "action message category module lineno append",
          restoring(process_state.WARNINGS), _CHANGES),
    Patch("warnings:resetwarnings", "", restoring(process_state.WARNINGS), _CHANGES),
    Patch("random:seed", "a version", process_state.restoring_seed, _CHANGES),
)  # fmt: skip

PATCHES = (
    *REQUEST_STATE, *PROCESS_STATE, *TRANSACTIONS, *QUERYSETS, *MODELS, *RELATIONS, *GENERIC_RELATIONS, *DELETION,
    *ROUTERS, *PROCESS_CACHES, *ADMIN, *ERROR_PAGES,
)  # fmt: skip
