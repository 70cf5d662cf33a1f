"""A background thread that keeps the index in step with other processes and rebuilds it."""

from threading import Event, Thread
from time import monotonic

import structlog

from app.index.live import LiveIndex

_EVERY_S = 0.5
STOP_S = 3.0
"""How long a stop waits for work in the background."""

_AFTER_FAILURE_S = 60.0
"""Pause before another build when one failed: a full disk is not filled again at once."""

log = structlog.get_logger(__name__)


class Follower:
    """Refreshes an index every half second and publishes a generation when it is time."""

    def __init__(self, index: LiveIndex) -> None:
        self._index = index
        self._stop = Event()
        self._thread = Thread(target=self._run, name="index-follower", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a build that takes longer may end with the process, which leaves no trace."""
        self._stop.set()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        publish_after, last = 0.0, ""
        while not self._stop.wait(_EVERY_S):
            step = "refresh"
            try:
                self._index.refresh()
                if monotonic() >= publish_after and self._index.wants_publishing():
                    step = "publish"
                    self._index.publish()
                last = ""
            except Exception as error:  # the thread's edge: whatever it is, try again later
                if repr(error) != last:  # once, not at every try
                    log.error("index_follower_failed", step=step, reason=repr(error))
                last = repr(error)
                publish_after = monotonic() + _AFTER_FAILURE_S
