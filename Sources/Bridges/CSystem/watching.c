#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/inotify.h>
#include <sys/syscall.h>

int freshet_watch_queue(void) {
  int queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  return queue < 0 ? -errno : queue;
}

int freshet_watch_add(int queue, int folder, uint32_t mask) {
  // The open folder itself and not what its path names by now.
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
  int watch = inotify_add_watch(queue, path, mask | IN_ONLYDIR | IN_EXCL_UNLINK);
  return watch < 0 ? -errno : watch;
}

int freshet_watch_remove(int queue, int watch) {
  return inotify_rm_watch(queue, watch) < 0 ? -errno : 0;
}

int freshet_has_writer(int descriptor) {
  // Without an owner of its own the lease would send its signal to the process, on whatever thread takes it.
  struct f_owner_ex owner = {F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
  if (fcntl(descriptor, F_SETOWN_EX, &owner) < 0) return -errno;
  if (fcntl(descriptor, F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN ? 1 : -errno;
  fcntl(descriptor, F_SETLEASE, F_UNLCK);
  // A signal that came meanwhile waits for this thread; it is taken, since nobody else will.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGIO);
  const struct timespec now = {0, 0};
  while (sigtimedwait(&signals, NULL, &now) == SIGIO) {}
  return 0;
}
#else
int freshet_watch_queue(void) { return -ENOSYS; }
int freshet_watch_add(int queue, int folder, uint32_t mask) {
  (void)queue, (void)folder, (void)mask;
  return -ENOSYS;
}
int freshet_watch_remove(int queue, int watch) {
  (void)queue, (void)watch;
  return -ENOSYS;
}
int freshet_has_writer(int descriptor) {
  (void)descriptor;
  return -ENOSYS;
}
#endif

int freshet_bell(int *ring) {
  int ends[2];
  if (pipe(ends) < 0) return -errno;
  for (int end = 0; end < 2; end++) {
    fcntl(ends[end], F_SETFD, FD_CLOEXEC);
    fcntl(ends[end], F_SETFL, O_NONBLOCK);
  }
  *ring = ends[1];
  return ends[0];
}

void freshet_bell_ring(int ring) {
  // A full pipe wakes as well.
  ssize_t written = write(ring, "", 1);
  (void)written;
}

void freshet_bell_silence(int bell) {
  char bytes[256];
  while (read(bell, bytes, sizeof bytes) == sizeof bytes) {}
}

int freshet_block_lease_signal(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGIO);
  return -pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int freshet_wait(int first, int second, int64_t nanoseconds) {
  struct pollfd waited[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  // Rounded up: a wait that ends just before its time would be begun again at once.
  int64_t milliseconds = nanoseconds < 0 ? -1 : (nanoseconds + 999999) / 1000000;
  if (milliseconds > INT32_MAX) milliseconds = INT32_MAX;
#ifdef __linux__
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int count = ppoll(waited, 2, nanoseconds < 0 ? NULL : &limit, NULL);
#else
  int count = poll(waited, 2, (int)milliseconds);
#endif
  (void)milliseconds;
  if (count < 0) return errno == EINTR ? 0 : -errno;
  return (waited[0].revents ? 1 : 0) | (waited[1].revents ? 2 : 0);
}

int64_t freshet_monotonic(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
