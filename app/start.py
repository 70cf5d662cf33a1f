"""Starting: the port answers at once, the slow parts load in a thread beside it."""

from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic

import structlog

from app.errors import NotReady, ServiceError, StartupError
from app.services.container import Services

_CHECK_EVERY_S = 5.0
"""How long a successful self-check counts: readiness is asked for often, encoding costs."""

_STOP_S = 3.0
"""How long a stop waits for a build in progress."""

log = structlog.get_logger(__name__)


class Start:
    """Builds the services once, then tells whether they really answer."""

    def __init__(
        self, build: Callable[[], Services], on_failure: Callable[[], None] = lambda: None
    ) -> None:
        self._build = build
        self._on_failure = on_failure
        self._services: Services | None = None
        self._reason = "starting: the model is being loaded, and the first time the demo catalogue"
        self._failure: ServiceError | None = None
        self._closing = False
        self._checked_at = float("-inf")
        self._checking = Lock()
        self._thread = Thread(target=self._run, name="start", daemon=True)

    def begin(self) -> None:
        """Start building."""
        self._thread.start()

    def close(self) -> None:
        """Close what was built; a build in progress has nothing to lose and is not waited for."""
        self._closing = True
        self._thread.join(timeout=_STOP_S)
        if self._services is not None:
            self._services.close()

    @property
    def failure(self) -> ServiceError | None:
        """Why the services could not be built."""
        return self._failure

    def services(self) -> Services:
        """Return the services. Raises `NotReady` before they are built."""
        if self._services is None:
            raise NotReady(self._reason)
        return self._services

    def check(self) -> None:
        """Raise `NotReady` unless a question from text to neighbours is answered now."""
        services = self.services()
        with self._checking:
            if monotonic() - self._checked_at < _CHECK_EVERY_S:
                return
            try:
                problem = services.similar.self_check()
            except ServiceError as error:
                problem = str(error)
            if problem is not None:
                raise NotReady(problem)
            self._checked_at = monotonic()

    def _run(self) -> None:
        try:
            self._services = self._build()
            self.check()
            log.info("ready")
        except NotReady as error:
            log.warning("not_ready", reason=str(error))
        except Exception as error:  # the thread's edge: tell, and let the process end
            if self._closing:
                return  # a stop took the ground from under a build that nobody waits for
            if isinstance(error, ServiceError):
                self._failure = error
            else:
                log.exception("start_failed")
                self._failure = StartupError(f"{type(error).__name__}: {error}")
            self._reason = f"start failed: {self._failure}"
            self._on_failure()
