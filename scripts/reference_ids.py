"""Write texts with the ids that Hugging Face `tokenizers` gives them, one JSON object a line, for the tests to compare.

    reference_ids.py TOKENIZER_JSON OUTPUT --folder FOLDER --random COUNT --seed SEED

Takes the .mo, .html and .txt files of the folder; equal lines once. Prints how many lines and which scripts there are.
"""

import argparse
import collections
import gettext
import html
import json
import os
import random
import re
import unicodedata

import tokenizers


def lines_of(path):
    if path.endswith(".mo"):
        with open(path, "rb") as file:
            catalog = gettext.GNUTranslations(file)._catalog
        for value in catalog.values():
            yield from value.splitlines()
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if re.search(r"\.html?(\.[\w-]+)?$", path):
        text = re.sub(r"(?is)<(script|style).*?</\1>", " ", text)
        text = html.unescape(re.sub(r"(?s)<[^>]*>", "\n", text))
    yield from text.splitlines()


def files_below(folder):
    if not folder:
        return
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if re.search(r"\.(mo|txt|html?(\.[\w-]+)?)$", name) and not os.path.islink(os.path.join(place, name)):
                yield os.path.join(place, name)


def random_text(generator):
    """Scalars of all kinds, many of them marks, controls and case pairs, which is where tokenizers differ."""
    scalars = []
    block = generator.randrange(0x110000) & ~0xFF
    for _ in range(generator.randrange(1, 60)):
        kind = generator.randrange(10)
        if kind < 2:
            c = generator.randrange(0x110000)
        elif kind < 4:
            c = generator.randrange(0x3000)
        elif kind < 6:
            c = block + generator.randrange(256)
        elif kind < 7:
            c = generator.choice([0x302E, 0x1BAA, 0x0334, 0x0345, 0x0301, 0x1D165, 0x0F71, 0x3099, 0x093F, 0x0E38])
        elif kind < 8:
            c = generator.randrange(0xAC00, 0xD7A4)
        elif kind < 9:
            c = generator.randrange(0x80)
        else:
            scalars += map(ord, generator.choice(["[SEP]", "[CLS]", "[UNK", " the ", "##ing", "İI", "ß", "ﬁ", "Σς"]))
            continue
        if 0xD800 <= c < 0xE000:
            continue
        scalars.append(c)
    return "".join(map(chr, scalars))


def script_of(line):
    counts = collections.Counter(
        unicodedata.name(c, "UNKNOWN").split()[0] for c in line if unicodedata.category(c)[0] == "L"
    )
    return counts.most_common(1)[0][0] if counts else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("output")
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder")
    arguments = parser.parse_args()
    tokenizer = tokenizers.Tokenizer.from_file(arguments.tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()

    lines = {}
    for path in files_below(arguments.folder):
        for line in lines_of(path):
            if line.strip():
                lines[line] = None
    natural = len(lines)
    scripts = collections.Counter(script for script in map(script_of, lines) if script)
    generator = random.Random(arguments.seed)
    texts = list(lines) + [random_text(generator) for _ in range(arguments.random)]

    with open(arguments.output, "w", encoding="utf-8", newline="\n") as file:
        for text in texts:
            ids = tokenizer.encode(text).ids
            file.write(json.dumps({"text": text, "ids": ids}, separators=(",", ":")) + "\n")
    print(
        f"{natural} lines in {sum(1 for n in scripts.values() if n >= 20)} scripts with 20 lines or more, "
        f"{arguments.random} random texts (seed {arguments.seed}), tokenizers {tokenizers.__version__}"
    )
    print("scripts: " + ", ".join(f"{name.lower()} {count}" for name, count in scripts.most_common(40)))


if __name__ == "__main__":
    main()
