// Half precision and single-precision dot products.
#include "CVectorMath.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_X86 1
#endif

static float float_of_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 31;
  uint32_t fraction = half & 1023;
  uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7F800000 | fraction << 13;
  } else if (exponent > 0) {
    bits = sign | (exponent + 112) << 23 | fraction << 13;
  } else if (fraction == 0) {
    bits = sign;
  } else {
    exponent = 113;
    while (!(fraction & 1024)) {
      fraction <<= 1;
      exponent--;
    }
    bits = sign | exponent << 23 | (fraction & 1023) << 13;
  }
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

static uint16_t half_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00 | (uint16_t)(magnitude >> 13 & 0x3FF);
  if (magnitude >= 0x477FF000) return sign | 0x7C00;  // 65,520 and above round to infinity
  if (magnitude >= 0x38800000) {
    const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
    return sign | (uint16_t)((rounded - 0x38000000) >> 13);
  }
  if (magnitude <= 0x33000000) return sign;  // 2^-25 and below round to zero
  const uint32_t shift = 126 - (magnitude >> 23);
  const uint32_t fraction = (magnitude & 0x7FFFFF) | 0x800000;
  const uint32_t kept = fraction >> shift;
  const uint32_t rest = fraction & ((UINT32_C(1) << shift) - 1);
  const uint32_t half = UINT32_C(1) << (shift - 1);
  return sign | (uint16_t)(kept + (rest > half || (rest == half && (kept & 1))));
}

#ifdef HAS_X86

__attribute__((target("avx,f16c"))) static size_t halves_to_floats_f16c(
  const uint16_t *halves, float *floats, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(floats + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + i))));
  }
  return i;
}

__attribute__((target("avx,f16c"))) static size_t floats_to_halves_f16c(
  const float *floats, uint16_t *halves, size_t count) {
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm_storeu_si128((__m128i *)(halves + i), _mm256_cvtps_ph(_mm256_loadu_ps(floats + i), _MM_FROUND_TO_NEAREST_INT));
  }
  return i;
}

__attribute__((target("avx2,fma"))) static float dot_fma(const float *left, const float *right, size_t count) {
  __m256 first = _mm256_setzero_ps(), second = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    first = _mm256_fmadd_ps(_mm256_loadu_ps(left + i), _mm256_loadu_ps(right + i), first);
    second = _mm256_fmadd_ps(_mm256_loadu_ps(left + i + 8), _mm256_loadu_ps(right + i + 8), second);
  }
  float lanes[8];
  _mm256_storeu_ps(lanes, _mm256_add_ps(first, second));
  float sum = 0;
  for (int lane = 0; lane < 8; lane++) sum += lanes[lane];
  for (; i < count; i++) sum += left[i] * right[i];
  return sum;
}

#endif

void freshet_halves_to_floats(const uint16_t *halves, float *floats, size_t count) {
  size_t i = 0;
#ifdef HAS_X86
  if (__builtin_cpu_supports("f16c")) i = halves_to_floats_f16c(halves, floats, count);
#endif
  for (; i < count; i++) floats[i] = float_of_half(halves[i]);
}

void freshet_floats_to_halves(const float *floats, uint16_t *halves, size_t count) {
  size_t i = 0;
#ifdef HAS_X86
  if (__builtin_cpu_supports("f16c")) i = floats_to_halves_f16c(floats, halves, count);
#endif
  for (; i < count; i++) halves[i] = half_of_float(floats[i]);
}

float freshet_dot(const float *left, const float *right, size_t count) {
#ifdef HAS_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return dot_fma(left, right, count);
#endif
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += left[i] * right[i];
  return sum;
}
