"""The console script's first step: nothing here but what makes the rest start sooner."""

import gc


def main() -> None:
    """Run the command line, the garbage collector resting while modules load.

    Importing makes a million objects that stay; searching them for cycles again and again is a
    sixth of the time to the first answer. The commands switch it on when they have loaded.
    """
    gc.disable()
    from app import cli  # noqa: PLC0415 - behind the line above, which is the point

    cli.main()
