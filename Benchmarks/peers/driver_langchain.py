"""LangChain as its indexing guide builds it: directory loaders, a recursive splitter, `index()` with a record
manager in SQLite and cleanup="full", and FAISS, which is saved at the end as it can be saved in one piece only."""

import warnings

warnings.filterwarnings("ignore")

import faiss
from langchain_classic.indexes import SQLRecordManager
from langchain_community.docstore.in_memory import InMemoryDocstore
from langchain_community.document_loaders import BSHTMLLoader, DirectoryLoader, TextLoader
from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import index
from langchain_text_splitters import RecursiveCharacterTextSplitter

import stub

LOADERS = {
    "**/*.html": (BSHTMLLoader, {"open_encoding": "utf-8"}),
    "**/*.txt": (TextLoader, {"encoding": "utf-8"}),
    "**/*.rst": (TextLoader, {"encoding": "utf-8"}),
    "**/*.md": (TextLoader, {"encoding": "utf-8"}),
}


class StubEmbeddings(Embeddings):
    def embed_documents(self, texts):
        return [vector.tolist() for vector in stub.embed(texts)]

    def embed_query(self, text):
        return stub.vector(text).tolist()


def open_store(folder):
    if (folder / "index.faiss").exists():
        return FAISS.load_local(str(folder), StubEmbeddings(), allow_dangerous_deserialization=True)
    return FAISS(StubEmbeddings(), faiss.IndexFlatL2(stub.DIMENSION), InMemoryDocstore(), {})


def chunks(call):
    splitter = RecursiveCharacterTextSplitter(chunk_size=call.chunk, chunk_overlap=call.overlap)
    for pattern, (loader, options) in LOADERS.items():
        documents = DirectoryLoader(str(call.folder), glob=pattern, loader_cls=loader, loader_kwargs=options)
        for document in documents.lazy_load():
            yield from splitter.split_documents([document])


def sync(call):
    records = SQLRecordManager("faiss/documents", db_url=f"sqlite:///{call.state / 'records.sqlite'}")
    records.create_schema()
    store = open_store(call.state / "faiss")
    index(chunks(call), records, store, cleanup="full", source_id_key="source", key_encoder="blake2b")
    store.save_local(str(call.state / "faiss"))


def rows(call):
    store = open_store(call.state / "faiss")
    documents = [store.docstore.search(name) for name in store.index_to_docstore_id.values()]
    call.finish([(call.relative(one.metadata["source"]), stub.key(one.page_content)) for one in documents])


if __name__ == "__main__":
    arguments = stub.call()
    {"sync": sync, "rows": rows}[arguments.verb](arguments)
