// Searches a flattened graph: with a beam on the ground, from where a scan of rows of upper levels or a walk down from the
// entry says.
#include "CHNSW.h"

#include <algorithm>
#include <new>
#include <unordered_set>
#include <vector>

namespace {

// A beam on an upper level is so much narrower than that on the ground.
constexpr size_t upper_share = 4;

// As many rows are started from as the beam on the ground has places for each of them. Fewer starts find as much.
constexpr size_t places_per_start = 8;

// A scan of starts asks for the codes so many rows ahead.
constexpr size_t rows_ahead = 6;

struct Scored {
  float score;
  uint32_t row;
};

// Among equal scores the lower row is better, as in a scan.
bool is_better(const Scored &left, const Scored &right) {
  return left.score > right.score || (left.score == right.score && left.row < right.row);
}

bool is_worse(const Scored &left, const Scored &right) { return is_better(right, left); }

// The best rows seen, at most `breadth`, and those of them whose links are not followed yet.
class Beam {
 public:
  Beam(std::vector<Scored> &best, size_t breadth) : best_(best), breadth_(breadth) {}

  bool takes(const Scored &one) const { return best_.size() < breadth_ || is_better(one, best_.front()); }

  // A row to follow links from, and to keep unless it is `hidden`.
  void offer(const Scored &one, bool hidden = false) {
    if (!takes(one)) return;
    candidates_.push_back(one);
    std::push_heap(candidates_.begin(), candidates_.end(), is_worse);
    if (hidden) return;
    best_.push_back(one);
    std::push_heap(best_.begin(), best_.end(), is_better);
    if (best_.size() > breadth_) {
      std::pop_heap(best_.begin(), best_.end(), is_better);
      best_.pop_back();
    }
  }

  // The best row whose links are not followed yet; null when none can lead to better ones. Valid until the next call.
  const Scored *next() {
    if (candidates_.empty()) return nullptr;
    std::pop_heap(candidates_.begin(), candidates_.end(), is_worse);
    current_ = candidates_.back();
    candidates_.pop_back();
    return best_.size() == breadth_ && is_better(best_.front(), current_) ? nullptr : &current_;
  }

 private:
  std::vector<Scored> &best_;
  const size_t breadth_;
  std::vector<Scored> candidates_;
  Scored current_ = {0, 0};
};

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

  // The best of some rows. They are a random sample, so that every cluster of many times the rows between two of them is
  // met wherever it lies, as no walk can promise.
  std::vector<Scored> scan(const freshet_hnsw_starts &starts, size_t most) const {
    std::vector<Scored> best;
    best.reserve(most + 1);
    for (size_t i = 0; i < starts.count; i++) {
      if (i + rows_ahead < starts.count) prefetch(starts.rows[i + rows_ahead]);
      const uint32_t row = starts.rows[i];
      if (row >= rows_.count) continue;
      const Scored one = {score(row), row};
      if (best.size() == most && !is_better(one, best.front())) continue;
      best.push_back(one);
      std::push_heap(best.begin(), best.end(), is_better);
      if (best.size() > most) {
        std::pop_heap(best.begin(), best.end(), is_better);
        best.pop_back();
      }
    }
    return best;
  }

  // Rows near the query on level 1, found by a beam on each level from the top: a walk of one row ends in the first
  // cluster that is nearer than all that its rows are linked to, and the ground does not lead out of a tight cluster.
  std::vector<Scored> descend(size_t breadth, size_t &visits) const {
    std::vector<Scored> best = {{score(graph_.shape.entry), graph_.shape.entry}};
    for (uint32_t level = graph_.shape.top_level; level > 0; level--) {
      const std::vector<Scored> starts = best;
      best.clear();
      std::unordered_set<uint32_t> visited;
      Beam beam(best, breadth);
      for (const Scored &start : starts) {
        visited.insert(start.row);
        beam.offer(start);
      }
      while (const Scored *current = beam.next()) {
        const uint32_t first = graph_.starts[current->row], end = graph_.starts[current->row + 1];
        const size_t list = static_cast<size_t>(first) + level - 1;
        if (list >= end || end > graph_.upper_lists) continue;
        const uint32_t *links = graph_.upper + list * (1 + graph_.shape.connections);
        const uint32_t length = std::min(links[0], graph_.shape.connections);
        for (uint32_t i = 1; i <= length; i++) {
          if (links[i] < rows_.count && visited.insert(links[i]).second) beam.offer({score(links[i]), links[i]});
        }
      }
      visits += visited.size();
    }
    return best;
  }

  // The beam on the ground; false when it would look at more rows than allowed.
  bool widen(
    const std::vector<Scored> &starts, size_t breadth, size_t max_visits, const uint64_t *mask,
    std::vector<Scored> &best, size_t &visits) const {
    const uint32_t most_links = 2 * graph_.shape.connections;
    std::vector<uint64_t> visited((rows_.count + 63) / 64);
    std::vector<uint32_t> fresh(most_links);
    Beam beam(best, breadth);
    auto is_hidden = [&](uint32_t row) { return mask && !(mask[row / 64] >> (row % 64) & 1); };
    auto is_new = [&](uint32_t row) {
      uint64_t &word = visited[row / 64];
      const uint64_t bit = uint64_t{1} << (row % 64);
      if (word & bit) return false;
      word |= bit;
      return true;
    };
    for (const Scored &start : starts) {
      if (is_new(start.row)) beam.offer(start, is_hidden(start.row));
    }
    while (const Scored *current = beam.next()) {
      const uint32_t *links = graph_.ground + current->row * (size_t{1} + most_links);
      const uint32_t length = std::min(links[0], most_links);
      size_t fresh_count = 0;
      for (uint32_t i = 1; i <= length; i++) {
        const uint32_t row = links[i];
        if (row >= rows_.count || !is_new(row)) continue;
        fresh[fresh_count++] = row;
        prefetch(row);
      }
      visits += fresh_count;
      if (visits > max_visits) return false;
      for (size_t i = 0; i < fresh_count; i++) beam.offer({score(fresh[i]), fresh[i]}, is_hidden(fresh[i]));
    }
    return true;
  }

 private:
  void prefetch(uint32_t row) const {
    const int8_t *codes = rows_.codes + row * rows_.stride;
    for (size_t line = 0; line < rows_.stride; line += 64) __builtin_prefetch(codes + line);
  }

  const freshet_hnsw_graph &graph_;
  const freshet_hnsw_rows &rows_;
  const freshet_kernel kernel_;
  const int8_t *query_;
  const float query_scale_;
  const int32_t query_sum_;
};

}  // namespace

extern "C" {

size_t freshet_hnsw_upper_rows(
  const freshet_hnsw_graph *graph, size_t row_count, uint32_t step, uint32_t *found) {
  size_t seen = 0, count = 0;
  for (size_t row = 0; step > 0 && row < row_count; row++) {
    if (graph->starts[row + 1] <= graph->starts[row] || seen++ % step != 0) continue;
    if (found) found[count] = static_cast<uint32_t>(row);
    count++;
  }
  return count;
}

ptrdiff_t freshet_hnsw_search(
  const freshet_hnsw_graph *graph, const freshet_hnsw_rows *rows, const freshet_hnsw_starts *starts,
  freshet_kernel kernel, const int8_t *query, float query_scale, size_t breadth, size_t max_visits,
  const uint64_t *mask, size_t limit, uint32_t *found, float *scores, size_t *visits) {
  if (rows->count == 0 || limit == 0) return 0;
  if (graph->shape.entry >= rows->count) return -1;
  try {
    const Search search(*graph, *rows, kernel, query, query_scale);
    std::vector<Scored> best;
    best.reserve(std::max(breadth, limit) + 1);
    size_t looked_at = 0;
    const std::vector<Scored> near = starts->count > 0
      ? search.scan(*starts, std::max<size_t>(breadth / places_per_start, 1))
      : search.descend(std::max<size_t>(breadth / upper_share, 1), looked_at);
    const bool is_done = search.widen(near, std::max(breadth, limit), max_visits, mask, best, looked_at);
    if (visits) *visits = looked_at;
    if (!is_done) return -1;
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

}  // extern "C"
