"""Consumers of Channels: a room whose messages go to everyone in it, and a stream over HTTP."""

import asyncio

from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import transaction

from articles.models import Article


def titles():
    return list(Article.objects.order_by("pk").values_list("title", flat=True))


class Room(AsyncJsonWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("room", self.channel_name)
        await self.accept()
        user = self.scope["user"]
        await self.send_json({"channel": self.channel_name, "tenant": self.scope["tenant"].slug, "user": str(user)})

    async def receive_json(self, content):
        if "save" in content:
            await database_sync_to_async(Article.objects.create)(title=content["save"])
            await self.channel_layer.group_send("room", {"type": "room.message", "by": self.scope["tenant"].slug})
        elif "to" in content:
            await self.channel_layer.send(content["to"], {"type": "room.message", "by": "a direct message"})
        elif "leave_open" in content:
            await self.channel_layer.send(self.channel_name, {"type": "room.transaction"})
        else:
            await self.send_json({"titles": await database_sync_to_async(titles)()})

    async def room_message(self, event):
        await self.send_json({"by": event["by"], "titles": await database_sync_to_async(titles)()})

    async def room_transaction(self, event):
        await database_sync_to_async(transaction.atomic().__enter__)()
        await self.channel_layer.send(self.channel_name, {"type": "room.message", "by": "the message after it"})


class Stream(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_response(200, "\n".join(await database_sync_to_async(titles)()).encode())


class Endless(AsyncHttpConsumer):
    async def handle(self, body):
        await self.send_headers(headers=[(b"Content-Type", b"text/event-stream")])
        while True:
            await self.send_body(b"tick\n", more_body=True)
            await asyncio.sleep(0.1)
