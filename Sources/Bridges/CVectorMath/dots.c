// Integer dot products of 8-bit codes.
//
// `maddubs` is not used: it saturates its 16-bit sums, which full-range codes reach. The AVX2 and AVX-512 kernels widen
// to 16 bits and use `madd`; VNNI's `dpbusd` sums four products into 32 bits without saturation, takes one operand
// unsigned, and so gets the code with its sign bit flipped (code + 128), which the query's sum corrects.
#include "CVectorMath.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_X86 1
#endif

bool freshet_kernel_is_supported(freshet_kernel kernel) {
#ifdef HAS_X86
  switch (kernel) {
    case FRESHET_KERNEL_PORTABLE: return true;
    case FRESHET_KERNEL_AVX2: return __builtin_cpu_supports("avx2");
    case FRESHET_KERNEL_AVX512: return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
    case FRESHET_KERNEL_AVX512_VNNI:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vnni");
  }
  return false;
#else
  return kernel == FRESHET_KERNEL_PORTABLE;
#endif
}

freshet_kernel freshet_best_kernel(void) {
  for (int kernel = FRESHET_KERNEL_AVX512_VNNI; kernel > FRESHET_KERNEL_PORTABLE; kernel--) {
    if (freshet_kernel_is_supported((freshet_kernel)kernel)) return (freshet_kernel)kernel;
  }
  return FRESHET_KERNEL_PORTABLE;
}

size_t freshet_code_stride(size_t dimension) { return (dimension + 63) / 64 * 64; }

int32_t freshet_code_sum(const int8_t *codes, size_t stride) {
  int32_t sum = 0;
  for (size_t i = 0; i < stride; i++) sum += codes[i];
  return sum;
}

static void dots_portable(
  const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t *dots) {
  for (size_t row = 0; row < count; row++, codes += stride) {
    int32_t sum = 0;
    for (size_t i = 0; i < stride; i++) sum += (int32_t)codes[i] * query[i];
    dots[row] = sum;
  }
}

#ifdef HAS_X86

__attribute__((target("avx2"))) static int32_t sum_of_avx2(__m256i sums) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
  return _mm_cvtsi128_si32(half);
}

__attribute__((target("avx2"))) static void dots_avx2(
  const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t *dots) {
  for (size_t row = 0; row < count; row++, codes += stride) {
    __m256i first = _mm256_setzero_si256(), second = _mm256_setzero_si256();
    for (size_t i = 0; i < stride; i += 32) {
      __m256i a = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(codes + i)));
      __m256i b = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(query + i)));
      __m256i c = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(codes + i + 16)));
      __m256i d = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(query + i + 16)));
      first = _mm256_add_epi32(first, _mm256_madd_epi16(a, b));
      second = _mm256_add_epi32(second, _mm256_madd_epi16(c, d));
    }
    dots[row] = sum_of_avx2(_mm256_add_epi32(first, second));
  }
}

__attribute__((target("avx512f,avx512bw"))) static void dots_avx512(
  const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t *dots) {
  for (size_t row = 0; row < count; row++, codes += stride) {
    __m512i first = _mm512_setzero_si512(), second = _mm512_setzero_si512();
    for (size_t i = 0; i < stride; i += 64) {
      __m512i a = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(codes + i)));
      __m512i b = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(query + i)));
      __m512i c = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(codes + i + 32)));
      __m512i d = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(query + i + 32)));
      first = _mm512_add_epi32(first, _mm512_madd_epi16(a, b));
      second = _mm512_add_epi32(second, _mm512_madd_epi16(c, d));
    }
    dots[row] = _mm512_reduce_add_epi32(_mm512_add_epi32(first, second));
  }
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) static void dots_vnni(
  const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t query_sum, int32_t *dots) {
  const __m512i flip = _mm512_set1_epi8((char)0x80);
  const int32_t correction = 128 * query_sum;
  size_t row = 0;
  // Four rows at once hide the latency of the sums and load each part of the query once.
  for (; row + 4 <= count; row += 4, codes += 4 * stride) {
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t i = 0; i < stride; i += 64) {
      const __m512i q = _mm512_loadu_si512(query + i);
      s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(_mm512_loadu_si512(codes + i), flip), q);
      s1 = _mm512_dpbusd_epi32(s1, _mm512_xor_si512(_mm512_loadu_si512(codes + stride + i), flip), q);
      s2 = _mm512_dpbusd_epi32(s2, _mm512_xor_si512(_mm512_loadu_si512(codes + 2 * stride + i), flip), q);
      s3 = _mm512_dpbusd_epi32(s3, _mm512_xor_si512(_mm512_loadu_si512(codes + 3 * stride + i), flip), q);
    }
    dots[row] = _mm512_reduce_add_epi32(s0) - correction;
    dots[row + 1] = _mm512_reduce_add_epi32(s1) - correction;
    dots[row + 2] = _mm512_reduce_add_epi32(s2) - correction;
    dots[row + 3] = _mm512_reduce_add_epi32(s3) - correction;
  }
  for (; row < count; row++, codes += stride) {
    __m512i sums = _mm512_setzero_si512();
    for (size_t i = 0; i < stride; i += 64) {
      sums = _mm512_dpbusd_epi32(
        sums, _mm512_xor_si512(_mm512_loadu_si512(codes + i), flip), _mm512_loadu_si512(query + i));
    }
    dots[row] = _mm512_reduce_add_epi32(sums) - correction;
  }
}

#endif

void freshet_dots(
  freshet_kernel kernel, const int8_t *codes, size_t stride, size_t count, const int8_t *query, int32_t query_sum,
  int32_t *dots) {
#ifdef HAS_X86
  switch (kernel) {
    case FRESHET_KERNEL_AVX2: dots_avx2(codes, stride, count, query, dots); return;
    case FRESHET_KERNEL_AVX512: dots_avx512(codes, stride, count, query, dots); return;
    case FRESHET_KERNEL_AVX512_VNNI: dots_vnni(codes, stride, count, query, query_sum, dots); return;
    case FRESHET_KERNEL_PORTABLE: break;
  }
#else
  (void)kernel;
  (void)query_sum;
#endif
  dots_portable(codes, stride, count, query, dots);
}
