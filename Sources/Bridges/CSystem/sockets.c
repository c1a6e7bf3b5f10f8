#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// The address of a socket in an open folder: paths may be longer than an address has room for.
static int address(int folder, const char *name, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", folder, name);
  return length < 0 || (size_t)length >= sizeof address->sun_path ? -ENAMETOOLONG : 0;
}

int freshet_listen_local(int folder, const char *name, int backlog) {
  struct sockaddr_un own;
  int result = address(folder, name, &own);
  if (result < 0) return result;
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return -errno;
  // The mode of the file is that of the socket, less the mask.
  if (fchmod(listener, 0600) == 0 && bind(listener, (struct sockaddr *)&own, sizeof own) == 0 &&
      listen(listener, backlog) == 0) {
    return listener;
  }
  result = -errno;
  close(listener);
  return result;
}

int freshet_connect_local(int folder, const char *name) {
  struct sockaddr_un other;
  int result = address(folder, name, &other);
  if (result < 0) return result;
  int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -errno;
  if (connect(connection, (struct sockaddr *)&other, sizeof other) == 0) return connection;
  result = -errno;
  close(connection);
  return result;
}

int freshet_is_trusted_peer(int connection) {
  struct ucred other;
  socklen_t size = sizeof other;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &other, &size) == 0 &&
         (other.uid == geteuid() || other.uid == 0);
}

int freshet_accept_local(int listener) {
  while (true) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return -errno;
    }
    if (freshet_is_trusted_peer(connection)) return connection;
    close(connection);
  }
}

int freshet_send_text(const char *path, const char *text) {
  struct sockaddr_un other = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof other.sun_path) return -ENAMETOOLONG;
  memcpy(other.sun_path, path, length);
  if (path[0] == '@') other.sun_path[0] = 0;
  int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sender < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  ssize_t sent = sendto(sender, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&other, size);
  int result = sent < 0 ? -errno : 0;
  close(sender);
  return result;
}
