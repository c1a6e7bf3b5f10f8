#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { descriptors_max = 16 };

int freshet_spawn(
    const char *path, char *const *arguments, char *const *environment, const int *sources, const int *targets,
    int count, bool detached, pid_t *child) {
  if (count > descriptors_max) return -EINVAL;
  int copies[descriptors_max];
  int copied = 0, status = 0, last = -1;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if ((status = posix_spawn_file_actions_init(&actions))) return -status;
  if ((status = posix_spawnattr_init(&attributes))) {
    posix_spawn_file_actions_destroy(&actions);
    return -status;
  }
  // Copies above every target, so that no dup2 overwrites the source of a later one.
  for (; copied < count; copied++) {
    copies[copied] = fcntl(sources[copied], F_DUPFD_CLOEXEC, 64);
    if (copies[copied] < 0) {
      status = errno;
      goto end;
    }
  }
  for (int index = 0; index < count; index++) {
    if ((status = posix_spawn_file_actions_adddup2(&actions, copies[index], targets[index]))) goto end;
    if (targets[index] > last) last = targets[index];
  }
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
  if ((status = posix_spawn_file_actions_addclosefrom_np(&actions, last + 1))) goto end;
#endif
  sigset_t none, every;
  sigemptyset(&none);
  sigfillset(&every);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &every);
  posix_spawnattr_setpgroup(&attributes, 0);
  // A session has a process group of its own, and no terminal.
  posix_spawnattr_setflags(
      &attributes,
      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (detached ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP));
  status = posix_spawn(child, path, &actions, &attributes, arguments, environment);
end:
  while (copied > 0) close(copies[--copied]);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return -status;
}

int freshet_process_descriptor(pid_t child) {
#ifdef SYS_pidfd_open
  long descriptor = syscall(SYS_pidfd_open, child, 0);
  return descriptor < 0 ? -errno : (int)descriptor;
#else
  (void)child;
  return -ENOSYS;
#endif
}

ssize_t freshet_send(int socket, const void *bytes, size_t count, int descriptor) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  union {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

ssize_t freshet_receive(int socket, void *bytes, size_t size, int *descriptor) {
  struct iovec part = {.iov_base = bytes, .iov_len = size};
  union {
    struct cmsghdr alignment;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *descriptor = -1;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS && header->cmsg_len >= CMSG_LEN(sizeof(int)))
      memcpy(descriptor, CMSG_DATA(header), sizeof(int));
  }
  return received;
}
