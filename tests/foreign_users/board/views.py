from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet

from board.models import Post


def posts(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"posts": [post.text for post in Post.objects.order_by("pk")], "tenant": request.tenant.name})


@login_required
def me(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"name": request.user.get_username()})


class PostSerializer(ModelSerializer):
    class Meta:
        model = Post
        fields = ["id", "text"]


class PostViewSet(ModelViewSet):
    queryset = Post.objects.order_by("pk")
    serializer_class = PostSerializer
    authentication_classes = [SessionAuthentication, BasicAuthentication]
    permission_classes = [IsAuthenticatedOrReadOnly]
