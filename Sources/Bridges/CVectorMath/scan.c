// The best rows of a scan: blocks of dot products, filtered against the worst of a heap.
#include "CVectorMath.h"

#include <math.h>

enum { BLOCK = 64 };

// A heap with the worst kept row at the root: a lower score is worse, then a higher row.
typedef struct {
  uint32_t *rows;
  float *scores;
  size_t count;
  size_t limit;
} heap;

static inline bool is_worse(float score, uint32_t row, float other_score, uint32_t other_row) {
  return score < other_score || (score == other_score && row > other_row);
}

static void sift_down(heap *h, size_t at, size_t count) {
  const float score = h->scores[at];
  const uint32_t row = h->rows[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && is_worse(h->scores[child + 1], h->rows[child + 1], h->scores[child], h->rows[child])) {
      child++;
    }
    if (!is_worse(h->scores[child], h->rows[child], score, row)) break;
    h->scores[at] = h->scores[child];
    h->rows[at] = h->rows[child];
    at = child;
  }
  h->scores[at] = score;
  h->rows[at] = row;
}

static inline void offer(heap *h, uint32_t row, float score) {
  if (h->count < h->limit) {
    size_t at = h->count++;
    while (at > 0) {
      const size_t parent = (at - 1) / 2;
      if (!is_worse(score, row, h->scores[parent], h->rows[parent])) break;
      h->scores[at] = h->scores[parent];
      h->rows[at] = h->rows[parent];
      at = parent;
    }
    h->scores[at] = score;
    h->rows[at] = row;
  } else if (is_worse(h->scores[0], h->rows[0], score, row)) {
    h->scores[0] = score;
    h->rows[0] = row;
    sift_down(h, 0, h->count);
  }
}

size_t freshet_scan(
  freshet_kernel kernel, const int8_t *codes, const float *scales, size_t stride, size_t count, const uint64_t *mask,
  const int8_t *query, float query_scale, size_t limit, uint32_t *rows, float *scores) {
  if (limit == 0) return 0;
  heap h = {rows, scores, 0, limit};
  const int32_t query_sum = freshet_code_sum(query, stride);
  int32_t dots[BLOCK];
  for (size_t start = 0; start < count; start += BLOCK) {
    const size_t length = count - start < BLOCK ? count - start : BLOCK;
    uint64_t wanted = length == BLOCK ? UINT64_MAX : (UINT64_C(1) << length) - 1;
    if (mask) wanted &= mask[start / BLOCK];
    if (wanted == 0) continue;
    const int8_t *block = codes + start * stride;
    // A half-filled block is cheaper in one sweep than row by row.
    if (__builtin_popcountll(wanted) * 2 >= (int)length) {
      freshet_dots(kernel, block, stride, length, query, query_sum, dots);
    } else {
      for (uint64_t rest = wanted; rest; rest &= rest - 1) {
        const int bit = __builtin_ctzll(rest);
        freshet_dots(kernel, block + (size_t)bit * stride, stride, 1, query, query_sum, dots + bit);
      }
    }
    for (uint64_t rest = wanted; rest; rest &= rest - 1) {
      const int bit = __builtin_ctzll(rest);
      const float score = (float)dots[bit] * (scales[start + (size_t)bit] * query_scale);
      if (h.count < limit || score >= h.scores[0]) offer(&h, (uint32_t)(start + (size_t)bit), score);
    }
  }
  // Taking the worst away again and again leaves the best first.
  for (size_t rest = h.count; rest > 1; rest--) {
    const float score = h.scores[0];
    const uint32_t row = h.rows[0];
    h.scores[0] = h.scores[rest - 1];
    h.rows[0] = h.rows[rest - 1];
    h.scores[rest - 1] = score;
    h.rows[rest - 1] = row;
    sift_down(&h, 0, rest - 1);
  }
  return h.count;
}

float freshet_quantize(const float *vector, size_t dimension, size_t stride, int8_t *codes) {
  float largest = 0;
  for (size_t i = 0; i < dimension; i++) {
    const float magnitude = fabsf(vector[i]);
    if (magnitude > largest) largest = magnitude;
  }
  const float inverse = largest > 0 ? 127 / largest : 0;
  for (size_t i = 0; i < dimension; i++) codes[i] = (int8_t)lrintf(vector[i] * inverse);
  for (size_t i = dimension; i < stride; i++) codes[i] = 0;
  return largest / 127;
}
