"""Tasks of Celery and of django-q2."""

import os
import signal
import time

from celery import chain, shared_task

from articles.models import Article
from tenants import active_tenant


@shared_task(suspended_for=1)
def write(title):
    Article.objects.create(title=title)
    return f"{active_tenant()} has {Article.objects.count()}"


@shared_task
def write_and_go_on(title):
    chain(write.s(title), write.s()).delay()
    return write.delay("sub").id


@shared_task(ignore_result=True)
def tick():
    Article.objects.get_or_create(title="tick")


@shared_task(bind=True, max_retries=3)
def retried(self):
    if not self.request.retries:
        raise self.retry(countdown=0)
    return f"{active_tenant()}, at attempt {self.request.retries}"


@shared_task
def hang():
    time.sleep(600)


@shared_task
def kill_worker():
    os.kill(os.getpid(), signal.SIGKILL)


def write_for_q(title):
    Article.objects.create(title=title)
    return str(active_tenant())
