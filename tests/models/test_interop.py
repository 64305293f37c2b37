"""The same model in other libraries: mteb, LangChain, and sentence-transformers' own evaluation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def bridge(model_folder: Folder, tmp_path: Path) -> Path:
    config = BridgeConfig(
        Part(str(model_folder("bert"))),
        Part(str(model_folder("llama"))),
        max_tokens=64,
        prompts={"query": "Q: ", "document": "D: "},
    )
    save_model(assemble(Bridge.new(config)), tmp_path / "bridge")
    return tmp_path / "bridge"


@pytest.mark.filterwarnings("ignore")  # mteb's own
def test_mteb_takes_it_unchanged(bridge: Path) -> None:
    """An offline task of our texts: mteb's score is the one computed from the vectors."""
    mteb = pytest.importorskip("mteb")
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskSTS
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    gold = rng.uniform(0, 5, len(TEXTS))

    class Ours(AbsTaskSTS):
        metadata = mteb.get_task("STSBenchmark").metadata.model_copy(
            update={"name": "OursSTS", "eval_splits": ["test"]}
        )

        def load_data(self, *args: object, **kwargs: object) -> None:
            columns = {"sentence1": TEXTS, "sentence2": TEXTS[::-1], "score": gold}
            self.dataset = DatasetDict({"test": Dataset.from_dict(columns)})
            self.data_loaded = True

    model = lusifer.sentence_transformer(bridge)
    result = mteb.evaluate(model, [Ours()], cache=None, show_progress_bar=False, co2_tracker=False)
    x, y = (lusifer.load(bridge).encode(t) for t in (TEXTS, TEXTS[::-1]))
    expected = spearmanr((x * y).sum(1), gold).statistic
    assert result.task_results[0].scores["test"][0]["cosine_spearman"] == pytest.approx(
        expected, abs=1e-4
    )


@pytest.mark.filterwarnings("ignore")  # LangChain's own
def test_langchain_takes_it_unchanged(bridge: Path) -> None:
    langchain = pytest.importorskip("langchain_huggingface")
    embeddings = langchain.HuggingFaceEmbeddings(
        model_name=str(bridge), model_kwargs={"trust_remote_code": True, "device": "cpu"}
    )
    model = lusifer.load(bridge)
    np.testing.assert_allclose(
        embeddings.embed_documents(TEXTS[:3]), model.encode(TEXTS[:3]), atol=1e-5
    )


@pytest.mark.filterwarnings("ignore")  # LlamaIndex's own
def test_llama_index_takes_it_unchanged(bridge: Path) -> None:
    llama_index = pytest.importorskip("llama_index.embeddings.huggingface")
    embedding = llama_index.HuggingFaceEmbedding(
        model_name=str(bridge), trust_remote_code=True, device="cpu"
    )
    assert len(embedding.get_text_embedding(TEXTS[0])) == 32


def test_sentence_transformers_evaluators_take_it(bridge: Path) -> None:
    from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

    documents = {str(i): t for i, t in enumerate(TEXTS)}
    evaluator = InformationRetrievalEvaluator(
        documents, documents, {i: {i} for i in documents}, show_progress_bar=False
    )
    results = evaluator(lusifer.sentence_transformer(bridge))
    assert 0 <= results["cosine_accuracy@1"] <= 1


def test_a_table_of_words_that_the_library_made_is_an_embedder(tmp_path: Path) -> None:
    """Its texts are cut nowhere: the library says infinity."""
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "bread": 1, "river": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)], device="cpu").save(
        str(tmp_path / "table")
    )
    model = lusifer.load(tmp_path / "table")
    assert model.max_tokens == 0
    vectors = model.encode(["bread", "the river " * 5000, ""])
    plain = SentenceTransformer(str(tmp_path / "table"), device="cpu").encode(
        ["bread"], normalize_embeddings=True
    )
    np.testing.assert_allclose(vectors[:1], plain, atol=1e-6)
