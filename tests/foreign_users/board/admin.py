from django.contrib import admin

from board.models import Post

admin.site.register(Post)
