#define _GNU_SOURCE
#include "CSystem.h"
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <pthread.h>
#include <string.h>

void freshet_set_thread_name(const char *name) {
  char cut[16];
  strncpy(cut, name, sizeof cut - 1);
  cut[sizeof cut - 1] = 0;
#ifdef __APPLE__
  pthread_setname_np(cut);
#else
  pthread_setname_np(pthread_self(), cut);
#endif
}

void freshet_error_text(int number, char *text, size_t size) {
#ifdef __GLIBC__
  // With _GNU_SOURCE glibc has the form that answers the text.
  char own[256];
  const char *words = strerror_r(number, own, sizeof own);
  strncpy(text, words, size - 1);
  text[size - 1] = 0;
#else
  if (strerror_r(number, text, size) != 0) text[0] = 0;
#endif
}

void freshet_tune_allocator(int large, int kept) {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_TRIM_THRESHOLD, kept);
#else
  (void)large;
  (void)kept;
#endif
}

void freshet_trim_allocator(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
