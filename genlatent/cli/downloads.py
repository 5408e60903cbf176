"""How a download is watched."""

from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from genlatent.cli.terminal import Terminal
from genlatent.data.fetch import fetch


def fetching(name: str, folder: Path | None, base_url: str | None, terminal: Terminal) -> list[Path]:
    """Fetch a data set, with a bar for each file where somebody looks on."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=terminal.console, disable=not terminal.live) as bars:

        def moved(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file)
            bars.update(tasks[file], completed=done, total=total)

        return fetch(name, folder, moved, base_url)
