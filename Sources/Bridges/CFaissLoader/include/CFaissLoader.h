// FAISS behind a table of functions in a library of its own, which is loaded when it is first asked for: without it
// everything but the `faiss` backend works.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// An index of unit vectors by inner product. Searches may run at the same time.
typedef struct freshet_faiss_index freshet_faiss_index;

// Every function that can fail answers NULL, false or -1 and writes a sentence to `error`.
typedef struct {
  uint32_t version;

  // An index of `count` vectors numbered from 0: IndexFlatIP, or IndexIVFFlat with so many `lists` trained on them.
  freshet_faiss_index *(*build)(
    const float *vectors, size_t count, size_t dimension, size_t lists, char *error, size_t error_size);

  // FAISS's own serialisation of an index; released with `release`.
  bool (*serialize)(
    const freshet_faiss_index *index, uint8_t **bytes, size_t *count, char *error, size_t error_size);
  freshet_faiss_index *(*deserialize)(
    const uint8_t *bytes, size_t count, size_t vectors, size_t dimension, char *error, size_t error_size);

  // The best of the vectors whose bit in `mask` is set (any without), best first; `probes` lists are looked into.
  ptrdiff_t (*search)(
    const freshet_faiss_index *index, const float *query, size_t limit, size_t probes, const uint64_t *mask,
    uint32_t *rows, float *scores, char *error, size_t error_size);

  // The vectors as they were given, in the order of their numbers.
  bool (*vectors)(const freshet_faiss_index *index, float *vectors, char *error, size_t error_size);

  void (*free)(freshet_faiss_index *index);

  void (*release)(uint8_t *bytes);
} freshet_faiss_functions;

enum { FRESHET_FAISS_VERSION = 1 };

// What the library exports under the name `freshet_faiss_table`.
typedef const freshet_faiss_functions *(*freshet_faiss_table_function)(void);

// Loads the library at a path, or answers it again when it is loaded. NULL, with a sentence in `error`, when it is not
// there or of another version. Limits the threads of BLAS and OpenMP to one first, unless the environment says
// otherwise: they are started when the library is loaded.
const freshet_faiss_functions *freshet_faiss_load(const char *path, char *error, size_t error_size);

#ifdef __cplusplus
}
#endif
