// Graphs of hierarchical navigable small worlds (Y. Malkov and D. Yashunin, arXiv:1603.09320) over 8-bit codes: built by
// hnswlib, flattened into three arrays that can be stored and mapped, and searched there.
#pragma once

#include "CVectorMath.h"

#ifdef __cplusplus
extern "C" {
#endif

// Stored vectors as `freshet_scan` takes them.
typedef struct {
  const int8_t *codes;
  const float *scales;
  size_t stride;
  size_t count;
} freshet_hnsw_rows;

// A flattened graph over rows. A list of links is its length followed by row numbers.
typedef struct {
  uint32_t connections;    // links of a row on the upper levels; twice as many on the ground
  uint32_t entry;          // the row where a search starts
  uint32_t top_level;      // the entry's level
  uint32_t breadth;        // the beam that searches of this graph need; 0 when nobody measured it, UINT32_MAX for none
  uint32_t start_step;     // every so-manieth row of upper levels is a start; 0 when searches walk down from the entry
  uint32_t visits;         // the rows that such a search looks at on its walk, on average
} freshet_hnsw_shape;

typedef struct {
  freshet_hnsw_shape shape;
  const uint32_t *ground;  // a list of 1 + 2 × connections words for each row
  const uint32_t *starts;  // for each row its first list in `upper`; one more entry closes the last
  const uint32_t *upper;   // lists of 1 + connections words, a row's levels from 1 upwards
  size_t upper_lists;
} freshet_hnsw_graph;

// The rows of which a search takes the best to start from; without any, it walks down from the entry.
typedef struct {
  const uint32_t *rows;
  size_t count;
} freshet_hnsw_starts;

typedef struct freshet_hnsw_builder freshet_hnsw_builder;

// Starts a graph over the rows, which must outlive it. NULL, with a sentence in `error`, when memory is short.
freshet_hnsw_builder *freshet_hnsw_builder_make(
  const freshet_hnsw_rows *rows, uint32_t connections, uint32_t breadth, char *error, size_t error_size);

// Puts rows into the order in which they are inserted best: those of the highest levels first, as they show the others
// where they belong, and those of a level by their numbers.
void freshet_hnsw_builder_arrange(const freshet_hnsw_builder *builder, uint32_t *order, size_t count);

// Inserts `count` rows by their numbers, on so many threads; the rows of one call do not show each other the way. False, with a sentence in `error`, on failure.
bool freshet_hnsw_builder_insert(
  freshet_hnsw_builder *builder, const uint32_t *order, size_t count, uint32_t threads, char *error,
  size_t error_size);

// The shape and the number of upper lists of what was inserted.
freshet_hnsw_shape freshet_hnsw_builder_shape(const freshet_hnsw_builder *builder, size_t *upper_lists);

// Writes the arrays of what was inserted; each has the size that `freshet_hnsw_graph` states. Rows that are missing have
// no links, and none leads to them.
void freshet_hnsw_builder_flatten(
  const freshet_hnsw_builder *builder, uint32_t *ground, uint32_t *starts, uint32_t *upper);

// Releases a builder.
void freshet_hnsw_builder_free(freshet_hnsw_builder *builder);

// Every `step`-th of the rows of a graph that have links on upper levels, ascending: how many they are, and themselves
// where `found` is not NULL. None for a step of 0.
size_t freshet_hnsw_upper_rows(
  const freshet_hnsw_graph *graph, size_t row_count, uint32_t step, uint32_t *found);

// Searches with a beam of `breadth` and writes at most `limit` rows whose bit in `mask` is set (any without a mask), best
// first, and, where `visits` is not NULL, how many rows were looked at for their links. Answers how many were written; -1
// when more than `max_visits` rows would have to be looked at, or memory is short: then scan. Links that lead nowhere are
// ignored, so that no graph makes it read elsewhere; so are starts.
ptrdiff_t freshet_hnsw_search(
  const freshet_hnsw_graph *graph, const freshet_hnsw_rows *rows, const freshet_hnsw_starts *starts,
  freshet_kernel kernel, const int8_t *query, float query_scale, size_t breadth, size_t max_visits,
  const uint64_t *mask, size_t limit, uint32_t *found, float *scores, size_t *visits);

#ifdef __cplusplus
}
#endif
