#pragma once
#include <stdint.h>

// Code points first…last: 1 a part of words, 2 a diacritic that is dropped, 3 CJK.
typedef struct {
  uint32_t first, last;
  uint8_t kind;
} freshet_class_range;

// Code points first, first + step, … (count of them) are folded by adding delta.
typedef struct {
  uint32_t first;
  uint16_t count;
  uint8_t step;
  int32_t delta;
} freshet_fold_range;

extern const freshet_class_range freshet_class_ranges[];
extern const int freshet_class_range_count;
extern const freshet_fold_range freshet_fold_ranges[];
extern const int freshet_fold_range_count;
