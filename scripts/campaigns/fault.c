// Fails, shortens or dies at the N-th file call below a folder. Loaded into the command with LD_PRELOAD.
//
//   FRESHET_FAULT_FOLDER   the folder (resolved path); calls on anything else pass
//   FRESHET_FAULT_STATE    a file of two 64-bit counters, shared by all processes: calls seen, faults injected
//   FRESHET_FAULT_AT       the call that fails, from 1; 0 only counts
//   FRESHET_FAULT_ACTION   ENOSPC, EIO, short (half of the bytes, for calls that move bytes; else EIO), kill (SIGKILL)
//   FRESHET_FAULT_LASTING  set: every call from there on fails; unset: that one only
//   FRESHET_FAULT_CALLS    write (writing, syncing, making and renaming files), or read (reading files and folders)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct counters {
  _Atomic uint64_t seen, injected;
};

static struct counters *counters;
static char folder[PATH_MAX];
static size_t folder_length;
static uint64_t fail_at;
static bool lasting, reads, is_short, is_kill;
static int failure = EIO;

enum verdict { PASS, FAIL, SHORTEN };

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void) {
  const char *where = getenv("FRESHET_FAULT_FOLDER"), *state = getenv("FRESHET_FAULT_STATE");
  if (!where || !state) return;
  snprintf(folder, sizeof folder, "%s", where);
  const char *at = getenv("FRESHET_FAULT_AT"), *action = getenv("FRESHET_FAULT_ACTION");
  const char *calls = getenv("FRESHET_FAULT_CALLS");
  fail_at = at ? strtoull(at, NULL, 10) : 0;
  lasting = getenv("FRESHET_FAULT_LASTING") != NULL;
  reads = calls && !strcmp(calls, "read");
  is_short = action && !strcmp(action, "short");
  is_kill = action && !strcmp(action, "kill");
  if (action && !strcmp(action, "ENOSPC")) failure = ENOSPC;
  int file = (int)syscall(SYS_openat, AT_FDCWD, state, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *memory = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  syscall(SYS_close, file);
  if (memory == MAP_FAILED) return;
  counters = memory;
  folder_length = strlen(folder);
}

static bool is_below(const char *path) {
  return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || path[folder_length] == 0);
}

static bool is_watched(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length < 0) return false;
  path[length] = 0;
  return is_below(path);
}

static bool is_path_watched(int base, const char *path) {
  char whole[PATH_MAX * 2], link[64], start[PATH_MAX];
  if (path[0] == '/') return is_below(path);
  if (base == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", base);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, start, sizeof start - 1);
  if (length < 0) return false;
  start[length] = 0;
  snprintf(whole, sizeof whole, "%s/%s", start, path);
  return is_below(whole);
}

static enum verdict judge(bool moves_bytes) {
  uint64_t number = atomic_fetch_add(&counters->seen, 1) + 1;
  if (!fail_at || number < fail_at || (number > fail_at && !lasting)) return PASS;
  atomic_fetch_add(&counters->injected, 1);
  if (is_kill) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  if (is_short && moves_bytes) return SHORTEN;
  errno = failure;
  return FAIL;
}

#define JUDGE_FILE(file, is_read, moves) \
  (counters && reads == (is_read) && is_watched(file) ? judge(moves) : PASS)
#define JUDGE_PATH(base, path) \
  (counters && !reads && is_path_watched(base, path) ? judge(false) : PASS)

// Half of the bytes, one at least.
static size_t half(size_t count) { return count > 1 ? count / 2 : count; }

#define MOVING(result, name, parameters, is_read, ...)                       \
  result name parameters {                                                   \
    enum verdict verdict = JUDGE_FILE(file, is_read, true);                  \
    if (verdict == FAIL) return -1;                                          \
    if (verdict == SHORTEN) count = half(count);                             \
    return REAL(name)(__VA_ARGS__);                                          \
  }

MOVING(ssize_t, write, (int file, const void *bytes, size_t count), false, file, bytes, count)
MOVING(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at), false, file, bytes, count, at)
MOVING(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), false, file, bytes, count, at)
MOVING(ssize_t, read, (int file, void *bytes, size_t count), true, file, bytes, count)
MOVING(ssize_t, pread, (int file, void *bytes, size_t count, off_t at), true, file, bytes, count, at)
MOVING(ssize_t, pread64, (int file, void *bytes, size_t count, off64_t at), true, file, bytes, count, at)

// A short vector write is its first part alone.
#define MOVING_PARTS(name, parameters, is_read, first, ...)                          \
  ssize_t name parameters {                                                          \
    enum verdict verdict = JUDGE_FILE(file, is_read, true);                          \
    if (verdict == FAIL) return -1;                                                  \
    if (verdict == SHORTEN && count > 0) return first;                               \
    return REAL(name)(__VA_ARGS__);                                                  \
  }

MOVING_PARTS(writev, (int file, const struct iovec *parts, int count), false,
             REAL(write)(file, parts->iov_base, half(parts->iov_len)), file, parts, count)
MOVING_PARTS(pwritev, (int file, const struct iovec *parts, int count, off_t at), false,
             REAL(pwrite)(file, parts->iov_base, half(parts->iov_len), at), file, parts, count, at)
MOVING_PARTS(pwritev64, (int file, const struct iovec *parts, int count, off64_t at), false,
             REAL(pwrite64)(file, parts->iov_base, half(parts->iov_len), at), file, parts, count, at)

#define ON_FILE(name, parameters, ...)                          \
  int name parameters {                                         \
    if (JUDGE_FILE(file, false, false) == FAIL) return -1;      \
    return REAL(name)(__VA_ARGS__);                             \
  }

ON_FILE(fsync, (int file), file)
ON_FILE(fdatasync, (int file), file)
ON_FILE(ftruncate, (int file, off_t size), file, size)
ON_FILE(ftruncate64, (int file, off64_t size), file, size)
ON_FILE(fallocate, (int file, int mode, off_t at, off_t size), file, mode, at, size)

int posix_fallocate(int file, off_t at, off_t size) {
  if (JUDGE_FILE(file, false, false) == FAIL) return failure;
  return REAL(posix_fallocate)(file, at, size);
}

int rename(const char *from, const char *to) {
  if (JUDGE_PATH(AT_FDCWD, to) == FAIL) return -1;
  return REAL(rename)(from, to);
}

int renameat(int from_base, const char *from, int base, const char *to) {
  if (JUDGE_PATH(base, to) == FAIL) return -1;
  return REAL(renameat)(from_base, from, base, to);
}

int renameat2(int from_base, const char *from, int base, const char *to, unsigned flags) {
  if (JUDGE_PATH(base, to) == FAIL) return -1;
  return REAL(renameat2)(from_base, from, base, to, flags);
}

int mkdir(const char *path, mode_t mode) {
  if (JUDGE_PATH(AT_FDCWD, path) == FAIL) return -1;
  return REAL(mkdir)(path, mode);
}

#define MODE_OF(flags, mode)                        \
  mode_t mode = 0;                                  \
  if ((flags) & (O_CREAT | O_TMPFILE)) {            \
    va_list rest;                                   \
    va_start(rest, flags);                          \
    mode = va_arg(rest, mode_t);                    \
    va_end(rest);                                   \
  }

#define OPENING(name)                                                                            \
  int name(const char *path, int flags, ...) {                                                   \
    MODE_OF(flags, mode)                                                                         \
    if ((flags & O_CREAT) && JUDGE_PATH(AT_FDCWD, path) == FAIL) return -1;                      \
    return REAL(name)(path, flags, mode);                                                        \
  }

#define OPENING_AT(name)                                                                         \
  int name(int base, const char *path, int flags, ...) {                                         \
    MODE_OF(flags, mode)                                                                         \
    if ((flags & O_CREAT) && JUDGE_PATH(base, path) == FAIL) return -1;                          \
    return REAL(name)(base, path, flags, mode);                                                  \
  }

OPENING(open)
OPENING(open64)
OPENING_AT(openat)
OPENING_AT(openat64)

// Folders are listed with the plain system call.
long syscall(long number, ...) {
  long argument[6];
  va_list rest;
  va_start(rest, number);
  for (int index = 0; index < 6; index++) argument[index] = va_arg(rest, long);
  va_end(rest);
  static __typeof__(&syscall) next;
  if (!next) next = REAL(syscall);
  if (number == SYS_getdents64 && counters && reads && folder_length && is_watched((int)argument[0]) &&
      judge(false) == FAIL)
    return -1;
  return next(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}
