// Searches a flattened graph: greedily down the upper levels, then a beam on the ground.
#include "CHNSW.h"

#include <algorithm>
#include <new>
#include <vector>

namespace {

struct Scored {
  float score;
  uint32_t row;
};

// Among equal scores the lower row is better, as in a scan.
bool is_better(const Scored &left, const Scored &right) {
  return left.score > right.score || (left.score == right.score && left.row < right.row);
}

bool is_worse(const Scored &left, const Scored &right) { return is_better(right, left); }

class Search {
 public:
  Search(
    const freshet_hnsw_graph &graph, const freshet_hnsw_rows &rows, freshet_kernel kernel, const int8_t *query,
    float query_scale)
      : graph_(graph), rows_(rows), kernel_(kernel), query_(query), query_scale_(query_scale),
        query_sum_(freshet_code_sum(query, rows.stride)) {}

  float score(uint32_t row) const {
    int32_t dot;
    freshet_dots(kernel_, rows_.codes + row * rows_.stride, rows_.stride, 1, query_, query_sum_, &dot);
    return static_cast<float>(dot) * (rows_.scales[row] * query_scale_);
  }

  // The row nearest to the query that a greedy walk from the top finds on level 1.
  Scored descend() const {
    const size_t words = 1 + graph_.shape.connections;
    Scored best = {score(graph_.shape.entry), graph_.shape.entry};
    for (uint32_t level = graph_.shape.top_level; level > 0; level--) {
      for (bool moved = true; moved;) {
        moved = false;
        const uint32_t start = graph_.starts[best.row], end = graph_.starts[best.row + 1];
        const size_t list = static_cast<size_t>(start) + level - 1;
        if (list >= end || end > graph_.upper_lists) break;
        const uint32_t *links = graph_.upper + list * words;
        const uint32_t length = std::min(links[0], graph_.shape.connections);
        for (uint32_t i = 1; i <= length; i++) {
          if (links[i] >= rows_.count) continue;
          const Scored next = {score(links[i]), links[i]};
          if (is_better(next, best)) {
            best = next;
            moved = true;
          }
        }
      }
    }
    return best;
  }

  // The beam; false when it would look at more rows than allowed.
  bool widen(Scored start, size_t breadth, size_t max_visits, const uint64_t *mask, std::vector<Scored> &best) const {
    const uint32_t most_links = 2 * graph_.shape.connections;
    std::vector<uint64_t> visited((rows_.count + 63) / 64);
    std::vector<Scored> candidates;
    std::vector<uint32_t> fresh(most_links);
    size_t visits = 1;
    auto offer = [&](const Scored &one) {
      if (mask && !(mask[one.row / 64] >> (one.row % 64) & 1)) return;
      best.push_back(one);
      std::push_heap(best.begin(), best.end(), is_better);
      if (best.size() > breadth) {
        std::pop_heap(best.begin(), best.end(), is_better);
        best.pop_back();
      }
    };
    visited[start.row / 64] |= uint64_t{1} << (start.row % 64);
    candidates.push_back(start);
    offer(start);
    while (!candidates.empty()) {
      std::pop_heap(candidates.begin(), candidates.end(), is_worse);
      const Scored current = candidates.back();
      candidates.pop_back();
      if (best.size() == breadth && is_better(best.front(), current)) break;
      const uint32_t *links = graph_.ground + current.row * (size_t{1} + most_links);
      const uint32_t length = std::min(links[0], most_links);
      size_t fresh_count = 0;
      for (uint32_t i = 1; i <= length; i++) {
        const uint32_t row = links[i];
        if (row >= rows_.count) continue;
        uint64_t &word = visited[row / 64];
        const uint64_t bit = uint64_t{1} << (row % 64);
        if (word & bit) continue;
        word |= bit;
        fresh[fresh_count++] = row;
        const int8_t *codes = rows_.codes + row * rows_.stride;
        for (size_t line = 0; line < rows_.stride; line += 64) __builtin_prefetch(codes + line);
      }
      visits += fresh_count;
      if (visits > max_visits) return false;
      for (size_t i = 0; i < fresh_count; i++) {
        const Scored next = {score(fresh[i]), fresh[i]};
        if (best.size() == breadth && !is_better(next, best.front())) continue;
        candidates.push_back(next);
        std::push_heap(candidates.begin(), candidates.end(), is_worse);
        offer(next);
      }
    }
    return true;
  }

 private:
  const freshet_hnsw_graph &graph_;
  const freshet_hnsw_rows &rows_;
  const freshet_kernel kernel_;
  const int8_t *query_;
  const float query_scale_;
  const int32_t query_sum_;
};

}  // namespace

extern "C" ptrdiff_t freshet_hnsw_search(
  const freshet_hnsw_graph *graph, const freshet_hnsw_rows *rows, freshet_kernel kernel, const int8_t *query,
  float query_scale, size_t breadth, size_t max_visits, const uint64_t *mask, size_t limit, uint32_t *found,
  float *scores) {
  if (rows->count == 0 || limit == 0) return 0;
  if (graph->shape.entry >= rows->count) return -1;
  try {
    const Search search(*graph, *rows, kernel, query, query_scale);
    std::vector<Scored> best;
    best.reserve(std::max(breadth, limit) + 1);
    if (!search.widen(search.descend(), std::max(breadth, limit), max_visits, mask, best)) return -1;
    std::sort(best.begin(), best.end(), is_better);
    const size_t count = std::min(limit, best.size());
    for (size_t i = 0; i < count; i++) {
      found[i] = best[i].row;
      scores[i] = best[i].score;
    }
    return static_cast<ptrdiff_t>(count);
  } catch (const std::bad_alloc &) {
    return -1;
  }
}
