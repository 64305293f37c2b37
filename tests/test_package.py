"""What is installed is what is here: the wheel holds every module, recipe and asset, and its entry
point.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[1]


def test_the_wheel_holds_every_module_and_recipe(tmp_path: Path) -> None:
    """Fault 8: the package installed no modules."""
    wheel = Path(next(iter(WheelBuilder(str(ROOT)).build(directory=str(tmp_path)))))
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        entries = next(n for n in names if n.endswith("entry_points.txt"))
        assert "lusifer = lusifer.cli:main" in packed.read(entries).decode()
    source = {
        str(p.relative_to(ROOT / "src"))
        for p in (ROOT / "src").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    assert source - names == set()
    assert any(n.endswith(".yaml") for n in source)
    assert any(n.endswith(".tsv") for n in source)


def test_functions_outlive_the_import_of_packages_of_their_name() -> None:
    import lusifer.evaluation.run
    import lusifer.training.run

    assert callable(lusifer.evaluate)
    assert callable(lusifer.train)
    with pytest.raises(lusifer.LusiferError, match="no local task 'nonsense'"):
        lusifer.evaluate(lusifer.load(), ".", ["nonsense"])
    with pytest.raises(lusifer.ConfigError, match="nonsense"):
        lusifer.train("nonsense")


def test_no_two_classes_share_a_name() -> None:
    source = ROOT / "src" / "lusifer"
    names = Counter(
        node.name
        for file in source.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_everything_public_can_be_named_and_read_about_without_torch() -> None:
    """In a process where nothing of the extras can be imported."""
    script = (
        "import pydoc, sys\n"
        "for name in ('torch', 'transformers', 'sentence_transformers', 'peft', 'accelerate', 'mteb', 'onnx'):\n"
        "    sys.modules[name] = None\n"
        "from lusifer import *\n"
        "import lusifer\n"
        "assert all(hasattr(lusifer, name) for name in lusifer.__all__)\n"
        "assert 'Any embedding model' in pydoc.render_doc(lusifer)\n"
        "for verb in (lambda: export('static', 'nowhere'), lambda: train('minilm')):\n"
        "    try:\n        verb()\n"
        "    except lusifer.LusiferError as error:\n        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "lusifer[train]" not in line] == []
    assert len(done.stdout.splitlines()) == 2
