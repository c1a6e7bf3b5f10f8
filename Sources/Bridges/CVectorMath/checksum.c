// CRC-32C, by the processor's instruction where there is one.
#include "CVectorMath.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_X86 1
#endif

// Reflected polynomial 0x82F63B78, a nibble at a time: a table of 16 needs no initialisation.
static uint32_t crc_portable(uint32_t crc, const uint8_t *bytes, size_t count) {
  static const uint32_t table[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
  };
  for (size_t i = 0; i < count; i++) {
    crc ^= bytes[i];
    crc = crc >> 4 ^ table[crc & 15];
    crc = crc >> 4 ^ table[crc & 15];
  }
  return crc;
}

#ifdef HAS_X86

static inline uint64_t word_at(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t start, const uint8_t *bytes, size_t count) {
  uint64_t crc = start;
  for (; count >= 8; count -= 8, bytes += 8) crc = _mm_crc32_u64(crc, word_at(bytes));
  for (; count > 0; count--, bytes++) crc = _mm_crc32_u8((uint32_t)crc, *bytes);
  return (uint32_t)crc;
}

// Four blocks side by side: the instruction has a latency of three cycles but starts once a cycle.
__attribute__((target("sse4.2"))) static size_t crc_four_blocks_sse42(
  const uint8_t *bytes, size_t count, size_t size, uint32_t *checksums) {
  size_t block = 0;
  for (; (block + 4) * size <= count; block += 4) {
    const uint8_t *at = bytes + block * size;
    uint64_t a = UINT32_MAX, b = UINT32_MAX, c = UINT32_MAX, d = UINT32_MAX;
    for (size_t i = 0; i < size; i += 8) {
      a = _mm_crc32_u64(a, word_at(at + i));
      b = _mm_crc32_u64(b, word_at(at + size + i));
      c = _mm_crc32_u64(c, word_at(at + 2 * size + i));
      d = _mm_crc32_u64(d, word_at(at + 3 * size + i));
    }
    checksums[block] = ~(uint32_t)a;
    checksums[block + 1] = ~(uint32_t)b;
    checksums[block + 2] = ~(uint32_t)c;
    checksums[block + 3] = ~(uint32_t)d;
  }
  return block;
}

#endif

uint32_t freshet_crc32c(uint32_t crc, const void *bytes, size_t count) {
#ifdef HAS_X86
  if (__builtin_cpu_supports("sse4.2")) return ~crc_sse42(~crc, bytes, count);
#endif
  return ~crc_portable(~crc, bytes, count);
}

void freshet_crc32c_blocks(const void *bytes, size_t count, size_t block_size, uint32_t *checksums) {
  size_t block = 0;
  if (block_size == 0) return;
#ifdef HAS_X86
  if (block_size % 8 == 0 && __builtin_cpu_supports("sse4.2")) {
    block = crc_four_blocks_sse42(bytes, count, block_size, checksums);
  }
#endif
  for (; block * block_size < count; block++) {
    const size_t start = block * block_size;
    const size_t length = count - start < block_size ? count - start : block_size;
    checksums[block] = freshet_crc32c(0, (const uint8_t *)bytes + start, length);
  }
}
