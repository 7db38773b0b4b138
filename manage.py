#!/usr/bin/env python
"""Entry point of every command; an error it can explain ends in one sentence, not a traceback."""

import os
import signal
import sys
from types import FrameType


def _exit_on_signal(signum: int, frame: FrameType | None) -> None:
    """Leave through the normal exit, so that embedded databases stop with their last user."""
    sys.exit(128 + signum)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGHUP, _exit_on_signal)
    from django.core.management import execute_from_command_line

    from ingestion.sync.failures import explain

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        failure = explain(error)
        if failure is None:
            raise
        sys.stderr.write(f"{failure}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
