#include "CFaiss.h"

#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

struct freshet_faiss_index {
  std::unique_ptr<faiss::Index> index;
};

namespace {

// Runs a body whose exceptions become a sentence: none may leave through C.
template <typename Result, typename Body>
Result guarded(Result failure, char *error, size_t error_size, Body body) {
  try {
    return body();
  } catch (const std::exception &problem) {
    if (error_size > 0) std::snprintf(error, error_size, "%s", problem.what());
  } catch (...) {
    if (error_size > 0) std::snprintf(error, error_size, "unknown failure");
  }
  return failure;
}

class MemoryReader : public faiss::IOReader {
 public:
  MemoryReader(const uint8_t *bytes, size_t count) : bytes_(bytes), left_(count) {}

  size_t operator()(void *target, size_t size, size_t items) override {
    if (size == 0) return items;
    const size_t whole = std::min(items, left_ / size);
    std::memcpy(target, bytes_, whole * size);
    bytes_ += whole * size;
    left_ -= whole * size;
    return whole;
  }

 private:
  const uint8_t *bytes_;
  size_t left_;
};

bool hand_over(const faiss::VectorIOWriter &writer, uint8_t **bytes, size_t *count) {
  auto *copy = static_cast<uint8_t *>(std::malloc(writer.data.size() + 1));
  if (!copy) throw std::bad_alloc();
  std::memcpy(copy, writer.data.data(), writer.data.size());
  *bytes = copy;
  *count = writer.data.size();
  return true;
}

freshet_faiss_index *build(
  const float *vectors, size_t count, size_t dimension, size_t lists, char *error, size_t error_size) {
  return guarded<freshet_faiss_index *>(nullptr, error, error_size, [&]() -> freshet_faiss_index * {
    const auto d = static_cast<int>(dimension);
    std::unique_ptr<faiss::Index> index;
    if (lists == 0) {
      index = std::make_unique<faiss::IndexFlatIP>(d);
    } else {
      auto quantizer = std::make_unique<faiss::IndexFlatIP>(d);
      auto inverted = std::make_unique<faiss::IndexIVFFlat>(quantizer.get(), dimension, lists, faiss::METRIC_INNER_PRODUCT);
      quantizer.release();
      inverted->own_fields = true;
      inverted->train(static_cast<faiss::Index::idx_t>(count), vectors);
      index = std::move(inverted);
    }
    index->add(static_cast<faiss::Index::idx_t>(count), vectors);
    return new freshet_faiss_index{std::move(index)};
  });
}

bool serialize(const freshet_faiss_index *index, uint8_t **bytes, size_t *count, char *error, size_t error_size) {
  return guarded(false, error, error_size, [&] {
    faiss::VectorIOWriter writer;
    faiss::write_index(index->index.get(), &writer);
    return hand_over(writer, bytes, count);
  });
}

freshet_faiss_index *deserialize(
  const uint8_t *bytes, size_t count, size_t vectors, size_t dimension, char *error, size_t error_size) {
  return guarded<freshet_faiss_index *>(nullptr, error, error_size, [&]() -> freshet_faiss_index * {
    MemoryReader reader(bytes, count);
    std::unique_ptr<faiss::Index> index(faiss::read_index(&reader));
    const bool is_known = dynamic_cast<faiss::IndexFlat *>(index.get()) || dynamic_cast<faiss::IndexIVFFlat *>(index.get());
    if (!is_known || index->d != static_cast<int>(dimension) ||
        index->ntotal != static_cast<faiss::Index::idx_t>(vectors)) {
      throw std::runtime_error("the stored FAISS index does not fit its vectors");
    }
    return new freshet_faiss_index{std::move(index)};
  });
}

ptrdiff_t search(
  const freshet_faiss_index *index, const float *query, size_t limit, size_t probes, const uint64_t *mask,
  uint32_t *rows, float *scores, char *error, size_t error_size) {
  return guarded<ptrdiff_t>(-1, error, error_size, [&]() -> ptrdiff_t {
    const faiss::Index &found_in = *index->index;
    // Bit `i % 8` of byte `i / 8` is bit `i % 64` of word `i / 64` on a little-endian machine.
    faiss::IDSelectorBitmap selector(
      static_cast<size_t>((found_in.ntotal + 63) / 64 * 8), reinterpret_cast<const uint8_t *>(mask));
    std::vector<faiss::Index::idx_t> labels(limit);
    const auto k = static_cast<faiss::Index::idx_t>(limit);
    if (dynamic_cast<const faiss::IndexIVF *>(&found_in)) {
      faiss::SearchParametersIVF parameters;
      parameters.nprobe = probes;
      if (mask) parameters.sel = &selector;
      found_in.search(1, query, k, scores, labels.data(), &parameters);
    } else {
      faiss::SearchParameters parameters;
      if (mask) parameters.sel = &selector;
      found_in.search(1, query, k, scores, labels.data(), &parameters);
    }
    size_t count = 0;
    for (size_t i = 0; i < limit; i++) {
      if (labels[i] < 0 || labels[i] >= found_in.ntotal) continue;
      rows[count] = static_cast<uint32_t>(labels[i]);
      scores[count++] = scores[i];
    }
    return static_cast<ptrdiff_t>(count);
  });
}

bool copy_vectors(const freshet_faiss_index *index, float *vectors, char *error, size_t error_size) {
  return guarded(false, error, error_size, [&] {
    const faiss::Index &from = *index->index;
    const auto *inverted = dynamic_cast<const faiss::IndexIVFFlat *>(&from);
    if (!inverted) {
      from.reconstruct_n(0, from.ntotal, vectors);
      return true;
    }
    for (size_t list = 0; list < inverted->nlist; list++) {
      const size_t size = inverted->invlists->list_size(list);
      faiss::InvertedLists::ScopedIds ids(inverted->invlists, list);
      faiss::InvertedLists::ScopedCodes codes(inverted->invlists, list);
      for (size_t i = 0; i < size; i++) {
        if (ids[i] < 0 || ids[i] >= from.ntotal) throw std::runtime_error("a stored number is out of range");
        std::memcpy(vectors + ids[i] * from.d, codes.get() + i * inverted->code_size, inverted->code_size);
      }
    }
    return true;
  });
}

void free_index(freshet_faiss_index *index) { delete index; }

void release(uint8_t *bytes) { std::free(bytes); }

const freshet_faiss_functions functions = {
  FRESHET_FAISS_VERSION, build, serialize, deserialize, search, copy_vectors, free_index, release,
};

}  // namespace

const freshet_faiss_functions *freshet_faiss_table(void) { return &functions; }
