// Kernels of the vector index: scans of 8-bit codes, half precision, checksums. Every function is pure and thread-safe.
//
// A vector of `dimension` components is stored as `stride` signed bytes in -127…127 and one scale; the bytes beyond the
// dimension are zero. The dot product of two vectors is about (integer dot of the codes) × scale × scale.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The instruction sets that the scans are written for; all give the same integers.
typedef enum {
  FRESHET_KERNEL_PORTABLE = 0,
  FRESHET_KERNEL_AVX2 = 1,
  FRESHET_KERNEL_AVX512 = 2,
  FRESHET_KERNEL_AVX512_VNNI = 3,
} freshet_kernel;

// Whether this processor has what the kernel needs.
bool freshet_kernel_is_supported(freshet_kernel kernel);

// The fastest kernel that this processor supports.
freshet_kernel freshet_best_kernel(void);

// Bytes of a stored code: the dimension rounded up to a multiple of 64.
size_t freshet_code_stride(size_t dimension);

// Rounds a vector to `stride` codes; answers the scale, zero for the zero vector. Components must be finite.
float freshet_quantize(const float *vector, size_t dimension, size_t stride, int8_t *codes);

// The sum of the codes: what `freshet_dots` needs of its query.
int32_t freshet_code_sum(const int8_t *codes, size_t stride);

// The integer dot products of `count` codes, one after the other, with one query.
void freshet_dots(
  freshet_kernel kernel, const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t query_sum,
  int32_t *dots);

// The best of a set of stored vectors.
//
// Scans the rows whose bit in `mask` is set (all rows without a mask; bit `row % 64` of word `row / 64`) and writes the
// at most `limit` rows with the highest scores, best first, the lower row first among equals. Answers how many.
size_t freshet_scan(
  freshet_kernel kernel, const int8_t *codes, const float *scales, size_t stride, size_t count, const uint64_t *mask,
  const int8_t *query, float query_scale, size_t limit, uint32_t *rows, float *scores);

// IEEE 754 half precision to single.
void freshet_halves_to_floats(const uint16_t *halves, float *floats, size_t count);

// Single precision to half, rounded to nearest even.
void freshet_floats_to_halves(const float *floats, uint16_t *halves, size_t count);

// The dot product in single precision.
float freshet_dot(const float *left, const float *right, size_t count);

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) of bytes that follow those of `crc`; start with 0.
uint32_t freshet_crc32c(uint32_t crc, const void *bytes, size_t count);

// The CRC-32C of each block of `block_size` bytes; the last may be shorter.
void freshet_crc32c_blocks(const void *bytes, size_t count, size_t block_size, uint32_t *checksums);

#ifdef __cplusplus
}
#endif
