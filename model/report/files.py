"""Writes a report: a folder with the table in three forms and the page."""

from pathlib import Path

from model.checkpoint import publish
from model.evaluation.results import Evaluation
from model.report.origin import Origin
from model.report.page import page
from model.report.tables import csv_table, json_report, markdown

TABLE, SHEET, DATA, PAGE = "table.md", "table.csv", "results.json", "report.html"


def write_report(folder: Path, evaluation: Evaluation, origin: Origin) -> None:
    """Write all files to a temporary folder, then rename it to `folder`.

    Raises `CheckpointError` when the folder holds something, `OSError` when it cannot be written.
    """
    texts = {
        TABLE: markdown(evaluation, origin),
        SHEET: csv_table(evaluation),
        DATA: json_report(evaluation, origin),
        PAGE: page(evaluation, origin),
    }

    def fill(target: Path) -> None:
        for name, text in texts.items():
            (target / name).write_text(text, encoding="utf-8")

    publish(folder, fill)
