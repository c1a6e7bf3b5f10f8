/* A library for LD_PRELOAD that moves the time of day by FRESHET_CLOCK_SECONDS: campaigns make a history of months. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  static long long offset;
  if (!real) {
    const char *text = getenv("FRESHET_CLOCK_SECONDS");
    offset = text ? atoll(text) : 0;
    real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  }
  int status = real(clock, time);
  if (status == 0 && clock == CLOCK_REALTIME) time->tv_sec += offset;
  return status;
}
