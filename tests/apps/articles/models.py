import reversion
from django.conf import settings
from django.db import models
from simple_history.models import HistoricalRecords
from taggit.managers import TaggableManager
from treebeard.mp_tree import MP_Node


class Section(MP_Node):
    name = models.CharField(max_length=100)

    node_order_by = ["name"]

    def __str__(self) -> str:
        return self.name


@reversion.register()
class Article(models.Model):
    title = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True)
    section = models.ForeignKey(Section, models.CASCADE, null=True, blank=True)
    picture = models.ImageField(upload_to="pictures", blank=True)

    tags = TaggableManager(blank=True)
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.title


class VersionedArticle(Article):
    class Meta:
        proxy = True
