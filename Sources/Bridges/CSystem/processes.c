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
    const char *path, char *const *arguments, char *const *environment, const char *folder, const int *sources,
    const int *targets, int count, bool detached, pid_t *child) {
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
  if (folder && (status = posix_spawn_file_actions_addchdir_np(&actions, folder))) goto end;
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

// Room for the descriptors of one message; both sides agree on the most.
union descriptors {
  struct cmsghdr alignment;
  char bytes[CMSG_SPACE(FRESHET_DESCRIPTORS_MAX * sizeof(int))];
};

ssize_t freshet_send(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
  union descriptors control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor_count > FRESHET_DESCRIPTORS_MAX) return -EINVAL;
  if (descriptor_count > 0) {
    size_t size = (size_t)descriptor_count * sizeof(int);
    memset(&control, 0, sizeof control);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), descriptors, size);
  }
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

ssize_t freshet_receive(int socket, void *bytes, size_t size, int *descriptors, int *descriptor_count) {
  struct iovec part = {.iov_base = bytes, .iov_len = size};
  union descriptors control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  *descriptor_count = 0;
  ssize_t received;
  do {
    received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -errno;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < came; index++) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
      // What nobody takes would stay open for ever.
      if (*descriptor_count == FRESHET_DESCRIPTORS_MAX)
        close(descriptor);
      else
        descriptors[(*descriptor_count)++] = descriptor;
    }
  }
  return received;
}
