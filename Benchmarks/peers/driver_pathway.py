"""Pathway's document store, run once over the folder: fs.read, UTF-8 parser, recursive splitter, brute-force index in
memory, persistence of the input, and its cache of function calls on disk, so that a second run embeds only what is
new. The embedder is called text by text, because only then is that cache keyed by text. (Persisting the operators
instead refuses the index; caching the functions alone re-reads everything for the same CPU.)"""

import json
import warnings

warnings.filterwarnings("ignore")

import numpy
import pathway
from pathway.internals.table_subscription import subscribe
from pathway.stdlib.indexing import BruteForceKnnFactory
from pathway.xpacks.llm.document_store import DocumentStore
from pathway.xpacks.llm.embedders import BaseEmbedder
from pathway.xpacks.llm.parsers import Utf8Parser
from pathway.xpacks.llm.splitters import RecursiveSplitter

import stub


class StubEmbedder(BaseEmbedder):
    def __init__(self):
        super().__init__(deterministic=True, cache_strategy=pathway.udfs.DefaultCache())

    def __wrapped__(self, input: str, **options) -> numpy.ndarray:
        return stub.vector(input) if input in stub.QUESTIONS else stub.embed([input])[0]

    def get_embedding_dimension(self, **options) -> int:
        return stub.DIMENSION


def sync(call):
    documents = pathway.io.fs.read(
        str(call.folder), format="binary", mode="static", with_metadata=True, name="documents"
    )
    store = DocumentStore(
        documents,
        retriever_factory=BruteForceKnnFactory(embedder=StubEmbedder()),
        parser=Utf8Parser(),
        splitter=RecursiveSplitter(chunk_size=call.chunk, chunk_overlap=call.overlap),
    )
    held: dict[str, tuple[str, str]] = {}

    def changed(key, row, time, is_addition):
        if not is_addition:
            held.pop(str(key), None)
            return
        metadata = row["metadata"]
        metadata = metadata.as_dict() if hasattr(metadata, "as_dict") else getattr(metadata, "value", metadata)
        held[str(key)] = (call.relative(metadata["path"]), stub.key(row["text"]))

    # The public subscribe leaves out what a persisted run has seen before, and the questions count as that.
    subscribe(store.chunked_docs, skip_persisted_batch=False, on_change=changed)
    # Without a question the index would never be built.
    questions = pathway.debug.table_from_rows(
        DocumentStore.RetrieveQuerySchema, [(text, 5, None, None) for text in stub.QUESTIONS]
    )
    answers = []

    def answered(key, row, time, is_addition):
        answers.append(row["result"])

    subscribe(store.retrieve_query(questions), skip_persisted_batch=False, on_change=answered)
    backend = pathway.persistence.Backend.filesystem(str(call.state / "pathway"))
    pathway.run(
        persistence_config=pathway.persistence.Config(
            backend, persistence_mode=pathway.PersistenceMode.PERSISTING
        ),
        monitoring_level=pathway.MonitoringLevel.NONE,
    )
    if not answers:
        raise SystemExit("the index answered no question")
    # The index ends with the process; what it held is kept for `rows`.
    (call.state / "rows.json").write_text(json.dumps(list(held.values())))


def rows(call):
    path = call.state / "rows.json"
    call.finish([tuple(row) for row in json.loads(path.read_text())] if path.exists() else [])


if __name__ == "__main__":
    arguments = stub.call()
    {"sync": sync, "rows": rows}[arguments.verb](arguments)
