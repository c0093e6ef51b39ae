from rest_framework import serializers, viewsets
from rest_framework.routers import DefaultRouter

from articles.models import Article


class ArticleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Article
        fields = ["id", "title", "text", "section"]


class ArticleViewSet(viewsets.ModelViewSet):
    queryset = Article.objects.order_by("pk")
    serializer_class = ArticleSerializer
    filterset_fields = ["title", "section"]


router = DefaultRouter()
router.register("articles", ArticleViewSet)
