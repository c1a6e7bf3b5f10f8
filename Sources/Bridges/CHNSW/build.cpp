// Builds a graph with hnswlib. Nothing but the links is kept of it: the codes stay where they are stored.
#include "CHNSW.h"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <exception>
#include <mutex>
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

void report(char *error, size_t error_size, const char *sentence) {
  if (error_size > 0) std::snprintf(error, error_size, "%s", sentence);
}

}  // namespace

struct freshet_hnsw_builder {
  freshet_hnsw_rows rows;
  CodeSpace space;
  hnswlib::HierarchicalNSW<float> graph;

  // A fixed seed of the levels: the same rows inserted by one thread give the same graph.
  freshet_hnsw_builder(const freshet_hnsw_rows &rows, uint32_t connections, uint32_t breadth)
      : rows(rows), space(rows.stride), graph(&space, rows.count > 0 ? rows.count : 1, connections, breadth, 100) {}

  void insert(size_t row, std::vector<char> &buffer) {
    auto *item = reinterpret_cast<Item *>(buffer.data());
    const int8_t *codes = rows.codes + row * rows.stride;
    item->scale = rows.scales[row];
    item->sum = freshet_code_sum(codes, rows.stride);
    memcpy(buffer.data() + sizeof(Item), codes, rows.stride);
    graph.addPoint(buffer.data(), row);
  }
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
      for (size_t place = next++; place < count && !failed; place = next++) builder->insert(order[place], buffer);
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
  return !failed;
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
