"""CocoIndex as its text embedding example builds it: a walked folder, memoised per file, the recursive splitter,
an embedder that batches and remembers by text, and a LanceDB table as the target."""

import asyncio
import dataclasses
import pathlib
import typing
import warnings

warnings.filterwarnings("ignore")

import cocoindex as coco
import numpy
from cocoindex.connectors import lancedb, localfs
from cocoindex.ops.text import RecursiveSplitter
from cocoindex.resources import schema
from cocoindex.resources.chunk import Chunk
from cocoindex.resources.file import FileLike, PatternFilePathMatcher
from cocoindex.resources.id import IdGenerator
from numpy.typing import NDArray

import stub

TABLE = "documents"
LANGUAGES = {".html": "html", ".md": "markdown"}
PATTERNS = ["**/*.html", "**/*.txt", "**/*.rst", "**/*.md"]

call = stub.call()
splitter = RecursiveSplitter()


class StubEmbedder(schema.VectorSchemaProvider):
    """Shaped as the library's own embedder: `embed` is memoised by text, and concurrent calls become batches."""

    @coco.fn.as_async(batching=True, max_batch_size=64)
    def _embed(self, texts: list[str]) -> list[NDArray[numpy.float32]]:
        return stub.embed(texts)

    @coco.fn(memo=True, version=1, logic_tracking="self")
    async def embed(self, text: str) -> NDArray[numpy.float32]:
        return await self._embed(text)

    async def __coco_vector_schema__(self) -> schema.VectorSchema:
        return schema.VectorSchema(dtype=numpy.dtype(numpy.float32), size=stub.DIMENSION)

    def __coco_memo_key__(self) -> object:
        return "stub"


DATABASE = coco.ContextKey[lancedb.LanceAsyncConnection]("database")
EMBEDDER = coco.ContextKey[StubEmbedder]("embedder")


@dataclasses.dataclass
class Row:
    id: int
    path: str
    start: int
    end: int
    text: str
    embedding: typing.Annotated[NDArray, EMBEDDER]


@coco.lifespan
async def lifespan(builder: coco.EnvironmentBuilder) -> typing.AsyncIterator[None]:
    builder.settings.db_path = call.state / "cocoindex.db"
    builder.provide(DATABASE, await lancedb.connect_async(str(call.state / "lancedb")))
    builder.provide(EMBEDDER, StubEmbedder())
    yield


@coco.fn
async def one_chunk(chunk: Chunk, path: pathlib.PurePath, names: IdGenerator, table: lancedb.TableTarget[Row]) -> None:
    table.declare_row(
        row=Row(
            id=await names.next_id(chunk.text),
            path=str(path),
            start=chunk.start.char_offset,
            end=chunk.end.char_offset,
            text=chunk.text,
            embedding=await coco.use_context(EMBEDDER).embed(chunk.text),
        )
    )


@coco.fn(memo=True)
async def one_file(file: FileLike, table: lancedb.TableTarget[Row]) -> None:
    path = file.file_path.path
    language = LANGUAGES.get(pathlib.PurePath(path).suffix)
    text = await file.read_text()
    pieces = splitter.split(text, chunk_size=call.chunk, chunk_overlap=call.overlap, language=language)
    await coco.map(one_chunk, pieces, path, IdGenerator(), table)


@coco.fn
async def everything(folder: pathlib.Path) -> None:
    shape = await lancedb.TableSchema.from_class(Row, primary_key=["id"])
    table = await lancedb.mount_table_target(DATABASE, TABLE, shape)
    files = localfs.walk_dir(
        folder, recursive=True, path_matcher=PatternFilePathMatcher(included_patterns=PATTERNS)
    )
    await coco.mount_each(one_file, files.items(), table)


async def stored() -> list[tuple[str, str]]:
    database = await lancedb.connect_async(str(call.state / "lancedb"))
    table = await database.open_table(TABLE)
    found = await table.query().select(["path", "text"]).to_list()
    return [(call.relative(call.folder / row["path"]), stub.key(row["text"])) for row in found]


if __name__ == "__main__":
    if call.verb == "sync":
        application = coco.App(coco.AppConfig(name="PeerBenchmark"), everything, folder=call.folder)
        application.update_blocking(report_to_stdout=False)
    else:
        call.finish(asyncio.run(stored()))
