"""An index as a retriever of LangChain and of LlamaIndex."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from lusifer.models import Reranker
    from lusifer.search.index import Index
    from lusifer.search.query import Filter, Hit, Mode


def langchain_retriever(
    index: Index,
    *,
    top_k: int = 10,
    mode: Mode = "hybrid",
    where: Filter | None = None,
    prompt: str = "query",
    reranker: Reranker | None = None,
) -> Any:
    """A `BaseRetriever` of langchain-core.

    Args:
        index: what is asked.
        top_k: passages to find.
        mode: as for `Index.search`.
        where: languages, paths or times that may be found.
        prompt: how the query is asked: one of the model's prompts.
        reranker: sorts what was found.

    Returns:
        The retriever; each passage is a `Document` with its path, position, language and scores in
        its metadata.

    Raises:
        LusiferError: where langchain-core is not installed.
    """
    try:
        from langchain_core.documents import Document
        from langchain_core.retrievers import BaseRetriever
    except ModuleNotFoundError:
        raise LusiferError("this needs the package 'langchain-core': pip install it") from None

    how = _asked(top_k, mode, where, prompt, reranker)

    class LusiferRetriever(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> list[Any]:
            hits = index.search(query, **how)
            return [Document(page_content=hit.text, metadata=_metadata(hit)) for hit in hits]

    return LusiferRetriever()


def llama_index_retriever(
    index: Index,
    *,
    top_k: int = 10,
    mode: Mode = "hybrid",
    where: Filter | None = None,
    prompt: str = "query",
    reranker: Reranker | None = None,
) -> Any:
    """A `BaseRetriever` of llama-index-core.

    Args:
        index: what is asked.
        top_k: passages to find.
        mode: as for `Index.search`.
        where: languages, paths or times that may be found.
        prompt: how the query is asked: one of the model's prompts.
        reranker: sorts what was found.

    Returns:
        The retriever; each passage is a `NodeWithScore`.

    Raises:
        LusiferError: where llama-index-core is not installed.
    """
    try:
        from llama_index.core.retrievers import BaseRetriever
        from llama_index.core.schema import NodeWithScore, TextNode
    except ModuleNotFoundError:
        raise LusiferError("this needs the package 'llama-index-core': pip install it") from None

    how = _asked(top_k, mode, where, prompt, reranker)

    class LusiferNodeRetriever(BaseRetriever):  # type: ignore[misc,no-any-unimported,unused-ignore]
        def _retrieve(self, query_bundle: Any) -> list[Any]:
            hits = index.search(query_bundle.query_str, **how)
            return [
                NodeWithScore(
                    node=TextNode(text=hit.text, metadata=_metadata(hit)), score=hit.score
                )
                for hit in hits
            ]

    return LusiferNodeRetriever()


def _asked(
    top_k: int, mode: Mode, where: Filter | None, prompt: str, reranker: Reranker | None
) -> dict[str, Any]:
    return {
        "top_k": top_k,
        "mode": mode,
        "where": where,
        "prompt": prompt,
        "reranker": reranker,
    }


def _metadata(hit: Hit) -> dict[str, Any]:
    found = asdict(hit)
    del found["text"], found["best"]
    return found
