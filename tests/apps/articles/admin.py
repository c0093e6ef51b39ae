from django.contrib import admin
from guardian.admin import GuardedModelAdminMixin
from import_export import resources
from import_export.admin import ImportExportModelAdmin
from reversion.admin import VersionAdmin
from simple_history.admin import SimpleHistoryAdmin
from treebeard.admin import TreeAdmin
from treebeard.forms import movenodeform_factory

from articles.models import Article, Section, VersionedArticle


class ArticleResource(resources.ModelResource):
    class Meta:
        model = Article
        fields = ("id", "title", "text")


@admin.register(Article)
class ArticleAdmin(GuardedModelAdminMixin, SimpleHistoryAdmin, ImportExportModelAdmin):
    resource_classes = [ArticleResource]


@admin.register(Section)
class SectionAdmin(TreeAdmin):
    form = movenodeform_factory(Section)


@admin.register(VersionedArticle)
class VersionedArticleAdmin(VersionAdmin):
    pass
