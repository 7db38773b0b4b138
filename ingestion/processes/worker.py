"""What our workers do beside their tasks: send heartbeats. `config/celery.py` adds the boot step."""

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer
from celery.worker.consumer.tasks import Tasks
from kombu.asynchronous.timer import Entry

from ingestion.processes.heartbeats import (
    HEARTBEAT_SECONDS,
    outages_logged,
    record_worker,
    remove_lost_workers,
    remove_worker,
)


class HeartbeatStep(bootsteps.StartStopStep):
    """Sends a heartbeat every few seconds while the worker is connected to the broker.

    A step of the consumer, not of the worker: losing the broker clears the worker's timer, and starts the steps of
    the consumer again once the broker is back.
    """

    requires = (Tasks,)

    def __init__(self, parent: Consumer, **options: object) -> None:
        super().__init__(parent, **options)
        self._timer: Entry | None = None

    def start(self, parent: Consumer) -> None:
        with outages_logged():
            remove_lost_workers()
        self._send(parent)
        self._timer = parent.timer.call_repeatedly(HEARTBEAT_SECONDS, self._send, (parent,))

    def stop(self, parent: Consumer) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shutdown(self, parent: Consumer) -> None:
        self.stop(parent)
        with outages_logged():
            remove_worker(parent.hostname)

    def _send(self, consumer: Consumer) -> None:
        with outages_logged():
            record_worker(consumer.hostname, concurrency=consumer.pool.num_processes, active=len(state.active_requests))
