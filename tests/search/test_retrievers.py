"""An index as a retriever of LangChain and, where it is installed, of LlamaIndex."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search.index import Index
from lusifer.search.retrievers import langchain_retriever, llama_index_retriever
from tests.conftest import TEXTS


@pytest.fixture
def index(model: LoadedModel, tmp_path: Path) -> Index:
    made = Index.create(tmp_path / "index", model)
    made.add({"id": i, "text": text} for i, text in enumerate(TEXTS))
    return made


def test_langchain(index: Index) -> None:
    pytest.importorskip("langchain_core")
    found = langchain_retriever(index, top_k=3, mode="dense").invoke(TEXTS[4])
    assert [document.page_content for document in found] == [
        hit.text for hit in index.search(TEXTS[4], top_k=3, mode="dense")
    ]
    assert found[0].metadata["path"] == "text:4"
    assert found[0].metadata["language"] == "en"


def test_llama_index(index: Index) -> None:
    pytest.importorskip("llama_index.core")
    found = llama_index_retriever(index, top_k=2, mode="dense").retrieve(TEXTS[4])
    assert found[0].node.text == TEXTS[4]
    assert found[0].node.metadata["path"] == "text:4"


def test_packages_that_are_not_there(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_core.documents", None)
    with pytest.raises(LusiferError, match="langchain-core"):
        langchain_retriever(index)
    monkeypatch.setitem(sys.modules, "llama_index.core.retrievers", None)
    with pytest.raises(LusiferError, match="llama-index-core"):
        llama_index_retriever(index)
