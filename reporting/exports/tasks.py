"""Celery tasks of exports. A module of their own, since writing an export asks the API's views, which queue tasks."""

from collections.abc import Mapping

from celery import shared_task
from django.utils import timezone

from ingestion.processes import work_requests
from ingestion.processes.work_requests import Message
from reporting.exports import export_job, export_store
from reporting.models import Export

Summary = Mapping[str, object]


@shared_task
def write_export(export_id: int, delivery: int) -> Summary:
    """Write an export that a person requested, then let the next one begin."""
    try:
        return {"status": export_job.run(Message(export_id, delivery))}
    finally:
        send_next()


@shared_task
def requeue_lost_exports() -> Summary:
    """Send exports again whose message may be lost or whose worker died."""
    before = export_store.count_being_written()
    requests = work_requests.overdue(Export, now=timezone.now())
    for one in requests:
        write_export.delay(one.pk, one.delivery)
    # A dead one makes room for the next.
    begun = send_next() if export_store.count_being_written() < before else 0
    return {"requeued": len(requests), "begun": begun}


@shared_task
def prune_exports() -> Summary:
    """Delete the files of exports that were kept long enough."""
    return {"expired": export_store.prune(now=timezone.now())}


def send_next() -> int:
    """Send the exports that may begin now to the workers; returns how many."""
    messages = export_store.next_in_line()
    for one in messages:
        write_export.delay(*one)
    return len(messages)
