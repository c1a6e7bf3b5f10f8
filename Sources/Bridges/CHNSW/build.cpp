// Builds a graph with hnswlib. Nothing but the links is kept of it: the codes stay where they are stored.
#include "CHNSW.h"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace {

// What hnswlib stores for a row.
struct Item {
  float scale;
  int32_t sum;
  const int8_t *codes() const { return reinterpret_cast<const int8_t *>(this + 1); }
};

struct Measure {
  size_t stride;
  freshet_kernel kernel;
};

float distance(const void *left, const void *right, const void *context) {
  const auto *measure = static_cast<const Measure *>(context);
  const auto *a = static_cast<const Item *>(left);
  const auto *b = static_cast<const Item *>(right);
  int32_t dot;
  freshet_dots(measure->kernel, a->codes(), measure->stride, 1, b->codes(), b->sum, &dot);
  return 1 - static_cast<float>(dot) * (a->scale * b->scale);
}

class CodeSpace : public hnswlib::SpaceInterface<float> {
 public:
  explicit CodeSpace(size_t stride) : measure_{stride, freshet_best_kernel()} {}
  size_t get_data_size() override { return sizeof(Item) + measure_.stride; }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return &measure_; }

 private:
  Measure measure_;
};

// Rows of upper levels that are scanned for where to insert another: so many at most, as a scan of them should cost much
// less than what follows it.
constexpr size_t most_signposts = 1 << 15;

// So many of them, the best, a row starts from: the best alone may be of another cluster, which the beam does not leave.
constexpr size_t starts_per_row = 12;

// So many rows look for their signposts at once, so that a part of the codes serves all of them before the next is read.
constexpr size_t rows_at_once = 64;

// What `freshet_dots` answers in one call, while its codes stay in the fastest cache.
constexpr size_t signposts_at_once = 64;

// The level of each row: one of `connections` is on the first, of those one of `connections` on the second, and so on. A
// fixed seed: the same rows inserted by one thread give the same graph.
std::vector<uint8_t> random_levels(size_t count, uint32_t connections) {
  std::mt19937_64 random(100);
  std::vector<uint8_t> levels(count);
  for (auto &level : levels) {
    while (level < 31 && random() % connections == 0) level++;
  }
  return levels;
}

void report(char *error, size_t error_size, const char *sentence) {
  if (error_size > 0) std::snprintf(error, error_size, "%s", sentence);
}

}  // namespace

// Inserts rows into a graph, each from the signposts that are nearest to it.
//
// hnswlib walks down from one entry instead. Among thousands of clusters that are equally far from each other such a walk
// ends in a wrong one, and the row is linked to rows that are not near: then no later search finds it, however it starts.
struct freshet_hnsw_builder {
  using Node = hnswlib::tableint;

  struct Signpost {
    float score;
    Node node;
  };

  freshet_hnsw_rows rows;
  CodeSpace space;
  hnswlib::HierarchicalNSW<float> graph;
  const std::vector<uint8_t> levels;
  // Every so-manieth inserted row of upper levels is a signpost.
  const size_t signpost_step;
  size_t upper_rows = 0;
  std::vector<Node> signposts;
  // Their codes and scales, one after the other.
  std::vector<int8_t> signpost_codes;
  std::vector<float> signpost_scales;

  freshet_hnsw_builder(const freshet_hnsw_rows &rows, uint32_t connections, uint32_t breadth)
      : rows(rows), space(rows.stride), graph(&space, rows.count > 0 ? rows.count : 1, connections, breadth, 100),
        levels(random_levels(rows.count, connections)),
        signpost_step(rows.count / connections / most_signposts + 1) {}

  // The best signposts of each of some rows, `starts_per_row` for each, best first; fewer when there are fewer.
  std::vector<std::vector<Signpost>> signposts_of(const uint32_t *order, size_t count) const {
    std::vector<std::vector<Signpost>> best(count);
    std::vector<int32_t> sums(count);
    for (size_t i = 0; i < count; i++) sums[i] = freshet_code_sum(codes(order[i]), rows.stride);
    const freshet_kernel kernel = freshet_best_kernel();
    int32_t dots[signposts_at_once];
    for (size_t start = 0; start < signposts.size(); start += signposts_at_once) {
      const size_t length = std::min(signposts_at_once, signposts.size() - start);
      for (size_t i = 0; i < count; i++) {
        freshet_dots(
          kernel, signpost_codes.data() + start * rows.stride, rows.stride, length, codes(order[i]), sums[i], dots);
        auto &mine = best[i];
        float bar = mine.size() < starts_per_row ? -std::numeric_limits<float>::infinity() : mine.back().score;
        for (size_t j = 0; j < length; j++) {
          const float score = static_cast<float>(dots[j]) * signpost_scales[start + j];
          if (score <= bar) continue;
          if (mine.size() == starts_per_row) mine.pop_back();
          const auto place = std::find_if(mine.begin(), mine.end(), [&](auto &one) { return one.score < score; });
          mine.insert(place, {score, signposts[start + j]});
          if (mine.size() == starts_per_row) bar = mine.back().score;
        }
      }
    }
    return best;
  }

  // Inserts a row that links to what is found from its signposts.
  void insert(uint32_t row, const std::vector<Signpost> &from, std::vector<char> &buffer) {
    auto *item = reinterpret_cast<Item *>(buffer.data());
    item->scale = rows.scales[row];
    item->sum = freshet_code_sum(codes(row), rows.stride);
    memcpy(buffer.data() + sizeof(Item), codes(row), rows.stride);
    // The first rows, and those of levels where no entry is known to be.
    if (from.empty() || levels[row] > 1) {
      graph.addPoint(buffer.data(), row, levels[row]);
      return;
    }
    Node node;
    {
      std::lock_guard<std::mutex> lock(graph.cur_element_count_guard_);
      if (graph.cur_element_count >= graph.max_elements_) throw std::runtime_error("more rows than expected");
      node = static_cast<Node>(graph.cur_element_count++);
      graph.label_lookup_[row] = node;
    }
    const int level = levels[row];
    graph.element_levels_[node] = level;
    memset(graph.get_linklist0(node), 0, graph.size_data_per_element_);
    graph.setExternalLabel(node, row);
    memcpy(graph.getDataByInternalId(node), buffer.data(), graph.data_size_);
    if (level > 0) {
      graph.linkLists_[node] = static_cast<char *>(calloc(static_cast<size_t>(level), graph.size_links_per_element_));
      if (!graph.linkLists_[node]) throw std::bad_alloc();
    }
    // hnswlib starts from one node. It is this one, which for as long as it has no links of its own on the ground points to
    // where it starts.
    auto *links = graph.get_linklist0(node);
    std::unique_lock<std::mutex> lock(graph.link_list_locks_[node]);
    if (level > 0) {
      auto near = graph.searchBaseLayer(from[0].node, buffer.data(), level);
      graph.mutuallyConnectNewElement(buffer.data(), node, near, level, false);
    }
    const size_t count = std::min<size_t>(from.size(), graph.maxM0_);
    for (size_t i = 0; i < count; i++) links[1 + i] = from[i].node;
    graph.setListCount(links, static_cast<unsigned short>(count));
    lock.unlock();
    auto found = graph.searchBaseLayer(node, buffer.data(), 0);
    decltype(found) near;
    for (; !found.empty(); found.pop()) {
      if (found.top().second != node) near.push(found.top());
    }
    // From here on a link may lead here: other threads wait for the links.
    lock.lock();
    memset(links, 0, graph.size_links_level0_);
    graph.mutuallyConnectNewElement(buffer.data(), node, near, 0, false);
  }

  // Makes signposts of those inserted rows that are of their level.
  void put_up(const uint32_t *order, size_t count) {
    for (size_t i = 0; i < count; i++) {
      const uint32_t row = order[i];
      if (levels[row] == 0 || upper_rows++ % signpost_step != 0) continue;
      signposts.push_back(graph.label_lookup_.at(row));
      signpost_codes.insert(signpost_codes.end(), codes(row), codes(row) + rows.stride);
      signpost_scales.push_back(rows.scales[row]);
    }
  }

 private:
  const int8_t *codes(uint32_t row) const { return rows.codes + row * rows.stride; }
};

extern "C" {

freshet_hnsw_builder *freshet_hnsw_builder_make(
  const freshet_hnsw_rows *rows, uint32_t connections, uint32_t breadth, char *error, size_t error_size) {
  try {
    return new freshet_hnsw_builder(*rows, connections, breadth);
  } catch (const std::exception &failure) {
    report(error, error_size, failure.what());
    return nullptr;
  }
}

bool freshet_hnsw_builder_insert(
  freshet_hnsw_builder *builder, const uint32_t *order, size_t count, uint32_t threads, char *error,
  size_t error_size) {
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex report_mutex;
  auto work = [&] {
    try {
      std::vector<char> buffer(sizeof(Item) + builder->rows.stride);
      for (size_t start = next.fetch_add(rows_at_once); start < count; start = next.fetch_add(rows_at_once)) {
        const size_t length = std::min(rows_at_once, count - start);
        const auto entries = builder->signposts_of(order + start, length);
        for (size_t i = 0; i < length && !failed; i++) builder->insert(order[start + i], entries[i], buffer);
      }
    } catch (const std::exception &failure) {
      std::lock_guard<std::mutex> lock(report_mutex);
      if (!failed.exchange(true)) report(error, error_size, failure.what());
    }
  };
  std::vector<std::thread> helpers;
  try {
    for (uint32_t helper = 1; helper < threads; helper++) helpers.emplace_back(work);
  } catch (const std::exception &) {
    // Fewer threads than asked for do the same work.
  }
  work();
  for (auto &helper : helpers) helper.join();
  if (failed) return false;
  try {
    builder->put_up(order, count);
  } catch (const std::exception &failure) {
    report(error, error_size, failure.what());
    return false;
  }
  return true;
}

void freshet_hnsw_builder_arrange(const freshet_hnsw_builder *builder, uint32_t *order, size_t count) {
  const auto &levels = builder->levels;
  std::sort(order, order + count, [&](uint32_t left, uint32_t right) {
    return levels[left] > levels[right] || (levels[left] == levels[right] && left < right);
  });
}

freshet_hnsw_shape freshet_hnsw_builder_shape(const freshet_hnsw_builder *builder, size_t *upper_lists) {
  const auto &graph = builder->graph;
  const size_t count = graph.cur_element_count;
  *upper_lists = 0;
  for (size_t node = 0; node < count; node++) *upper_lists += static_cast<size_t>(graph.element_levels_[node]);
  freshet_hnsw_shape shape = {};
  shape.connections = static_cast<uint32_t>(graph.M_);
  if (count > 0) {
    shape.entry = static_cast<uint32_t>(graph.getExternalLabel(graph.enterpoint_node_));
    shape.top_level = static_cast<uint32_t>(graph.maxlevel_);
  }
  return shape;
}

void freshet_hnsw_builder_flatten(
  const freshet_hnsw_builder *builder, uint32_t *ground, uint32_t *starts, uint32_t *upper) {
  const auto &graph = builder->graph;
  const size_t nodes = graph.cur_element_count, count = builder->rows.count;
  const size_t ground_words = 1 + 2 * graph.M_, upper_words = 1 + graph.M_;
  // hnswlib's own numbers are in the order of arrival: everything is renumbered by row.
  const uint32_t missing = UINT32_MAX;
  std::vector<uint32_t> node_of(count, missing);
  for (size_t node = 0; node < nodes; node++) {
    node_of[graph.getExternalLabel(static_cast<hnswlib::tableint>(node))] = static_cast<uint32_t>(node);
  }
  auto copy = [&](const uint32_t *list, uint32_t *out, size_t words) {
    const size_t length = std::min<size_t>(list[0] & 0xFFFF, words - 1);
    out[0] = static_cast<uint32_t>(length);
    for (size_t i = 1; i < words; i++) {
      out[i] = i <= length ? static_cast<uint32_t>(graph.getExternalLabel(list[i])) : 0;
    }
  };
  uint32_t lists = 0;
  for (size_t row = 0; row < count; row++) {
    const uint32_t node = node_of[row];
    starts[row] = lists;
    if (node == missing) {
      std::fill_n(ground + row * ground_words, ground_words, 0);
      continue;
    }
    copy(graph.get_linklist0(node), ground + row * ground_words, ground_words);
    for (int level = 1; level <= graph.element_levels_[node]; level++) {
      copy(graph.get_linklist(node, level), upper + static_cast<size_t>(lists++) * upper_words, upper_words);
    }
  }
  starts[count] = lists;
}

void freshet_hnsw_builder_free(freshet_hnsw_builder *builder) { delete builder; }
}
