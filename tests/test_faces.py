"""A package's face is its `__init__`: other packages use what is named there, and nothing else. So
do those who extend it: what our documentation and `test_extending.py` import is there too.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "lusifer"
PACKAGES = sorted(folder.parent.name for folder in SOURCE.glob("*/__init__.py"))
WITH_A_FACE = sorted(folder.parent.name for folder in SOURCE.glob("*/__init__.pyi"))


def imports_of(file: Path) -> list[ast.ImportFrom | ast.Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import)]


def named(package: str, *, modules: bool = False) -> list[str]:
    """The names of a package's face, or those that are whole modules."""
    nodes = imports_of(SOURCE / package / "__init__.pyi")
    found = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return [a.name for node in found if not (modules and node.module) for a in node.names]


def test_no_package_reaches_behind_the_face_of_another() -> None:
    behind = []
    for file in SOURCE.rglob("*.py"):
        own = file.relative_to(SOURCE).parts[0]
        for node in imports_of(file):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
            )
            for module in modules:
                head, _, rest = module.removeprefix("lusifer.").partition(".")
                if module.startswith("lusifer.") and head in PACKAGES and head != own and rest:
                    behind.append(f"{file.relative_to(SOURCE)}: {module}")
    assert behind == []


@pytest.mark.parametrize("package", WITH_A_FACE)
def test_a_face_names_what_others_use_and_no_more(package: str) -> None:
    used = set()
    public = SOURCE / "__init__.pyi"
    for node in imports_of(public):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            used |= {alias.name for alias in node.names}
    for file in (*SOURCE.rglob("*.py"), ROOT / "tests" / "test_extending.py"):
        if (SOURCE / package) in file.parents:
            continue
        for node in imports_of(file):
            if isinstance(node, ast.ImportFrom) and node.module == f"lusifer.{package}":
                used |= {alias.name for alias in node.names}
    names = named(package)
    for file in ROOT.glob("docs/*.md"):
        text = file.read_text(encoding="utf-8")
        used |= {name for name in names if re.search(rf"`{name}`|import .*\b{name}\b", text)}
    assert len(set(names)) == len(names)
    assert set(names) == used


def test_benchmarks_import_what_there_is() -> None:
    """They are run by hand, and seldom: a name that went is found here."""
    gone = []
    for file in sorted((ROOT / "benchmarks").glob("*.py")):
        for node in imports_of(file):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lusifer"):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    if not hasattr(module, alias.name) and not importlib.util.find_spec(
                        f"{node.module}.{alias.name}"
                    ):
                        gone.append(f"{file.name}:{node.lineno}: {node.module}.{alias.name}")
    assert gone == []


@pytest.mark.parametrize("package", WITH_A_FACE)
def test_a_function_is_found_though_a_module_has_its_name(package: str) -> None:
    """`lusifer.models.load` is the function, also once the file of that name has been imported."""
    face = importlib.import_module(f"lusifer.{package}")
    for name in named(package):
        file = SOURCE / package / f"{name}.py"
        if file.exists() and name not in named(package, modules=True):
            importlib.import_module(f"lusifer.{package}.{name}")
            assert callable(getattr(face, name)), name
        assert getattr(face, name) is not None
