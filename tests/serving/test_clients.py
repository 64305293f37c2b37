"""Programs written for other servers take this one by its address alone. Each test runs where its client
is installed: pip install haystack-ai llama-index-embeddings-openai-like
llama-index-embeddings-text-embeddings-inference openai cohere
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from tests.conftest import TEXTS
from tests.serving.test_run import running

# Clients warn of their own and their libraries' ways.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def url(table: Path) -> Iterator[str]:
    with running("-m", f"tiny={table}") as (found, _, _):
        yield found


@pytest.fixture(scope="module")
def expected(table: Path) -> Any:
    return lusifer.load(str(table)).encode(TEXTS[:3])


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_haystack(url: str, expected: Any) -> None:
    embedders = pytest.importorskip("haystack.components.embedders")
    from haystack import Document
    from haystack.utils import Secret

    how = {"api_base_url": f"{url}/v1", "api_key": Secret.from_token("none"), "model": "tiny"}
    same(embedders.OpenAITextEmbedder(**how).run(TEXTS[0])["embedding"], expected[0])
    documents = [Document(content=text) for text in TEXTS[:3]]
    found = embedders.OpenAIDocumentEmbedder(**how).run(documents)["documents"]
    same([one.embedding for one in found], expected)


def test_llama_index_by_openai_s_api(url: str, expected: Any) -> None:
    module = pytest.importorskip("llama_index.embeddings.openai_like")
    made = module.OpenAILikeEmbedding(model_name="tiny", api_base=f"{url}/v1", api_key="none")
    same(made.get_text_embedding_batch(TEXTS[:3]), expected)
    same(made.get_query_embedding(TEXTS[1]), expected[1])


def test_llama_index_by_tei_s_api(url: str, expected: Any) -> None:
    module = pytest.importorskip("llama_index.embeddings.text_embeddings_inference")
    made = module.TextEmbeddingsInference(model_name="tiny", base_url=url)
    same(made.get_text_embedding_batch(TEXTS[:3]), expected)


def test_lancedb_s_registry(url: str, expected: Any) -> None:
    pytest.importorskip("openai")
    from lancedb.embeddings import get_registry

    registry = get_registry()
    registry.set_var("lusifer_key", "none")
    made = registry.get("openai").create(
        name="tiny", base_url=f"{url}/v1", api_key="$var:lusifer_key", dim=expected.shape[1]
    )
    same(made.generate_embeddings(TEXTS[:3]), expected)


def test_cohere(table: Path, tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    cohere = pytest.importorskip("cohere")
    from lusifer.models.reranker import cross_encoder

    model = cross_encoder(str(model_folder("bert")), seed=1)
    model.save_pretrained(str(tmp_path / "cross"))
    with running("-m", str(table), "--rerank", str(tmp_path / "cross")) as (url, _, _):
        how = {"model": "cross", "query": "cat", "documents": ["a dog", "a cat", "a dog"]}
        for client in (cohere.ClientV2, cohere.Client):
            found = client(api_key="none", base_url=url).rerank(**how, top_n=2).results
            assert len(found) == 2
            assert 0 <= found[1].relevance_score <= found[0].relevance_score <= 1
