"""What ends a run early: a collapsed embedding, or no better development figure."""

from model.training.step import StepReport

COLLAPSED = 0.99
"""Mean cosine between different items from which all embeddings count as the same."""
_IN_A_ROW = 25


class TrainingError(RuntimeError):
    """The run cannot go on; the message says at which step, why, and what to change."""


class Collapse:
    """Raises `TrainingError` when the embeddings of different items have become one."""

    def __init__(self) -> None:
        self._steps = 0

    def see(self, report: StepReport) -> None:
        """Look at one step."""
        self._steps = self._steps + 1 if report.cosine > COLLAPSED else 0
        if self._steps >= _IN_A_ROW:
            raise TrainingError(
                f"step {report.step}: the embeddings collapsed: for {_IN_A_ROW} steps the mean "
                f"cosine between different items was above {COLLAPSED} (spread "
                f"{report.spread:.4f}). Lower learning_rate, or raise margin; a catalogue of "
                "nearly identical texts cannot be told apart"
            )


class Patience:
    """Tells when the development figure has not risen for a number of measurements.

    patience: that number, 0 for never stopping. best: the highest figure and its step.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self._waited = 0
        self.best: tuple[float, int] | None = None

    def better(self, figure: float, step: int) -> bool:
        """Take in a measurement; tell whether it is the best so far."""
        if self.best is None or figure > self.best[0]:
            self.best, self._waited = (figure, step), 0
            return True
        self._waited += 1
        return False

    @property
    def spent(self) -> bool:
        """Whether to stop."""
        return 0 < self._patience <= self._waited

    def state(self) -> dict[str, float | int]:
        """Return what `restore` needs."""
        figure, step = self.best or (float("-inf"), 0)
        return {"figure": figure, "step": step, "waited": self._waited}

    def restore(self, state: dict[str, float | int]) -> None:
        """Go on from a saved state."""
        step = int(state["step"])
        self.best = (float(state["figure"]), step) if step else None
        self._waited = int(state["waited"])
