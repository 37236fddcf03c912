"""The example notebook is clean, and runs from its first cell to its last."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from bot.labels import Label
from bot.screening.artifact import read
from bot.screening.model import load_model

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "train-your-own.ipynb"


def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def parameters(of: Any) -> Any:
    (cell,) = (cell for cell in of.cells if "parameters" in cell.metadata.get("tags", []))
    return cell


def with_values(source: str, values: dict[str, Any]) -> str:
    """The cell with other values; each must be one that it sets."""
    tree = ast.parse(source)
    missing = set(values)
    for statement in tree.body:
        assert isinstance(statement, ast.Assign), ast.unparse(statement)
        (target,) = statement.targets
        assert isinstance(target, ast.Name)
        if target.id in values:
            statement.value = ast.Constant(values[target.id])
            missing.discard(target.id)
    assert not missing, f"the notebook has no parameters {sorted(missing)}"
    return ast.unparse(tree)


def test_is_committed_without_outputs() -> None:
    cells = [cell for cell in notebook().cells if cell.cell_type == "code"]
    assert cells
    for cell in cells:
        assert cell.outputs == [], cell.id
        assert cell.execution_count is None, cell.id
        assert not {"execution", "collapsed"} & set(cell.metadata), cell.id


def test_is_valid_and_names_no_one_elses_kernel() -> None:
    found = notebook()
    nbformat.validate(found)
    assert found.metadata.kernelspec.name == "python3"


@pytest.mark.timeout(600)
def test_goes_from_a_csv_to_a_model_directory(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernel starts with these, and keeps out of the tester's own folders.
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    work = tmp_path / "work"
    found = notebook()
    cell = parameters(found)
    cell.source = with_values(
        cell.source,
        {
            "CHECKPOINT": str(checkpoint),
            "WORK": str(work),
            "MAX_TOKENS": 32,
            "EPOCHS": 8.0,
            "LEARNING_RATE": 3e-3,
            "HEAD_LEARNING_RATE": 1e-2,
        },
    )
    client = NotebookClient(
        found,
        timeout=500,
        # A busy machine takes its time to start a kernel.
        startup_timeout=300,
        iopub_timeout=60,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    done = client.execute()

    model = load_model(str((work / "model").resolve()))
    kind, rude = model.score(["good game, see you next round", "you idiot"])
    assert rude[Label.INSULT] > kind[Label.INSULT] + 0.3
    manifest = read(work / "model")
    assert manifest.model_version == "notebook-1"
    assert manifest.precision == "int8"
    assert manifest.metrics["validation_rows"] == 120
    shown = [
        output.data
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type in ("display_data", "execute_result")
    ]
    assert sum("image/png" in each for each in shown) == 3  # the pictures
    assert sum("text/html" in each for each in shown) == 5  # the tables
