"""What our workers do beside their tasks: leave signs of life. `config/celery.py` adds the boot step."""

from typing import Any

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer.tasks import Tasks

from ingestion.processes.heartbeats import SIGN_SECONDS, forget_old_workers, quietly, sign_worker, sign_worker_off


class SignOfLife(bootsteps.StartStopStep):
    """Signs every few seconds while the worker is connected to the broker.

    A step of the consumer, not of the worker: losing the broker clears the worker's timer, and starts the steps of
    the consumer again once the broker is back.
    """

    requires = (Tasks,)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        with quietly():
            forget_old_workers()
        self._sign(parent)
        self._timer = parent.timer.call_repeatedly(SIGN_SECONDS, self._sign, (parent,))

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def shutdown(self, parent: Any) -> None:
        self.stop(parent)
        with quietly():
            sign_worker_off(parent.hostname)

    def _sign(self, consumer: Any) -> None:
        with quietly():
            sign_worker(
                consumer.hostname, concurrency=consumer.controller.concurrency, active=len(state.active_requests)
            )
