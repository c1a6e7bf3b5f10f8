"""Compare the built-in embedder with sentence-transformers, and int8 with float 32, on real documentation.

    compare_embeddings.py EMBED_TEXTS MODEL_DIRECTORY WORK_FOLDER TEXT_FOLDER [--chunks N] [--queries N] [--reference N]

Prints the figures as a table. Fails when the cosine to the reference is below 0.99999 for float 32. The chunks are
paragraphs of HTML, text and reST files gathered to about 195 tokens; queries are first sentences of further chunks,
which themselves are not in the index, so that every query asks for its neighbourhood.
"""

import argparse
import html
import json
import os
import random
import re
import subprocess
import sys
import time

import numpy as np
import tokenizers

SEED = 20
TARGET_TOKENS = 195


def paragraphs_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if re.search(r"\.html?$", path):
        text = re.sub(r"(?is)<(script|style|head|nav)\b.*?</\1>", " ", text)
        text = re.sub(r"(?i)</?(p|div|li|h\d|tr|pre|dd|dt|br|table|ul|ol)\b[^>]*>", "\n\n", text)
        text = html.unescape(re.sub(r"(?s)<[^>]*>", "", text))
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"\s+", " ", paragraph).strip()
        if len(paragraph) > 40:
            yield paragraph


def chunks_below(folder, tokenizer, wanted):
    paths = []
    for place, _, names in os.walk(folder):
        paths += [os.path.join(place, name) for name in names if re.search(r"\.(html?|txt|rst|md)$", name)]
    paths.sort()
    random.Random(SEED).shuffle(paths)
    chunks = {}
    for path in paths:
        gathered, length = [], 0
        # A few chunks of each file, so that the sample spans many.
        of_file = 0
        for paragraph in paragraphs_of(path):
            size = len(tokenizer.encode(paragraph).ids) - 2
            if size > TARGET_TOKENS + 50:
                continue
            if length + size > TARGET_TOKENS + 20 and length > TARGET_TOKENS - 60:
                chunks[" ".join(gathered)] = None
                gathered, length = [], 0
                of_file += 1
                if of_file == 12:
                    break
            elif length + size > TARGET_TOKENS + 20:
                gathered, length = [], 0
            gathered.append(paragraph)
            length += size
        if len(chunks) >= wanted:
            break
    return list(chunks)[:wanted]


def embed(arguments, name, texts, precision, workers):
    source = os.path.join(arguments.work, name + ".jsonl")
    target = os.path.join(arguments.work, f"{name}.{precision}.f32")
    with open(source, "w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps(text) + "\n")
    result = subprocess.run(
        [arguments.program, precision, str(workers), source, target], check=True, capture_output=True, text=True
    )
    return np.fromfile(target, np.float32).reshape(len(texts), -1), json.loads(result.stdout)


def top(queries, chunks, k):
    return np.argpartition(-(queries @ chunks.T), k, axis=1)[:, :k]


def recall(found, truth):
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth)]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("work")
    parser.add_argument("folder")
    parser.add_argument("--chunks", type=int, default=5000)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--reference", type=int, default=500)
    parser.add_argument("--speed", type=int, default=400)
    arguments = parser.parse_args()

    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(arguments.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    everything = chunks_below(arguments.folder, tokenizer, arguments.chunks + arguments.queries)
    if len(everything) < arguments.chunks + arguments.queries:
        sys.exit(f"compare-embeddings: only {len(everything)} chunks in {arguments.folder}; name a larger folder.")
    chunks = everything[: arguments.chunks]
    queries = [re.split(r"(?<=[.!?:]) ", text)[0][:200] for text in everything[arguments.chunks :]]
    lengths = [len(tokenizer.encode(text).ids) for text in chunks]
    print(f"{len(chunks)} chunks of {np.mean(lengths):.0f} tokens, {len(queries)} queries, seed {SEED}", flush=True)

    rows = []
    for precision in ("f32", "int8"):
        _, one = embed(arguments, "speed", chunks[: arguments.speed], precision, 1)
        rate = one["texts"] / one["processor_seconds"]
        rows.append((f"freshet {precision}", rate, one["load_seconds"], one["peak_memory_mb"]))
    f32, all_f32 = embed(arguments, "chunks", chunks, "f32", os.cpu_count())
    int8, all_int8 = embed(arguments, "chunks", chunks, "int8", os.cpu_count())
    queries32, _ = embed(arguments, "queries", queries, "f32", 1)
    queries8, _ = embed(arguments, "queries", queries, "int8", 1)

    import torch

    torch.set_num_threads(1)
    from sentence_transformers import SentenceTransformer

    started = time.process_time()
    reference = SentenceTransformer(os.environ["FRESHET_REFERENCE_MODEL"], device="cpu")
    load = time.process_time() - started
    sample = chunks[: arguments.reference // 2] + queries[: arguments.reference // 2]
    expected = reference.encode(sample, normalize_embeddings=True, show_progress_bar=False)
    ours = np.concatenate([f32[: arguments.reference // 2], queries32[: arguments.reference // 2]])
    cosines = (ours * expected).sum(axis=1) / np.linalg.norm(ours, axis=1)
    for size in (1, 8, 32):
        started = time.process_time()
        reference.encode(chunks[: arguments.speed // 2], batch_size=size, show_progress_bar=False)
        seconds = time.process_time() - started
        rows.append((f"sentence-transformers f32, batch {size}", arguments.speed // 2 / seconds, load, None))

    print(f"\n{'':40} {'chunks/s/core':>14} {'load s':>8} {'peak MB':>8}")
    for name, rate, load, memory in rows:
        print(f"{name:40} {rate:14.1f} {load:8.3f} {memory if memory else '':>8}")
    print(f"all cores: f32 {len(chunks) / all_f32['seconds']:.1f}, int8 {len(chunks) / all_int8['seconds']:.1f} chunks/s")
    print(f"\ncosine f32 to sentence-transformers, {len(sample)} texts: min {cosines.min():.7f} mean {cosines.mean():.7f}")
    pairs = (f32 * int8).sum(axis=1)
    print(f"cosine int8 to f32, {len(chunks)} chunks: min {pairs.min():.4f} mean {pairs.mean():.4f}")
    pairs = (queries32 * queries8).sum(axis=1)
    print(f"cosine int8 to f32, {len(queries)} queries: min {pairs.min():.4f} mean {pairs.mean():.4f}")
    truth = top(queries32, f32, 10)
    print(f"recall@10 of int8 against f32: {recall(top(queries8, int8, 10), truth):.4f}")
    print(f"recall@10 of int8 chunks with f32 queries: {recall(top(queries32, int8, 10), truth):.4f}")
    half = top(queries32, f32.astype(np.float16).astype(np.float32), 10)
    print(f"recall@10 of f32 stored as Float16: {recall(half, truth):.4f}")
    if cosines.min() < 0.99999:
        sys.exit("compare-embeddings: f32 differs from the reference.")


if __name__ == "__main__":
    main()
