"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Catalogue = Annotated[Path, typer.Option(help="CSV or JSON Lines (or .gz): title, description, id")]
