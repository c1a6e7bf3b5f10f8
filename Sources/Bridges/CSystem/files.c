#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

int freshet_open_at(int folder, const char *path, int flags, unsigned mode) {
  int descriptor;
  do {
    descriptor = openat(folder, path, flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor < 0 ? -errno : descriptor;
}

#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)

static int beneath(int folder, const char *path, int flags) {
  struct open_how how;
  memset(&how, 0, sizeof how);
  how.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long descriptor;
  do {
    descriptor = syscall(SYS_openat2, folder, path, &how, sizeof how);
  } while (descriptor < 0 && (errno == EINTR || errno == EAGAIN));
  return descriptor < 0 ? -errno : (int)descriptor;
}

int freshet_open_beneath(int folder, const char *path, int flags) {
  int result = beneath(folder, path, flags);
  if (result != -EPERM) return result;
  // A container's filter may answer EPERM for a call that it does not know: then the folder itself cannot be opened this
  // way either. Otherwise the file system meant it.
  int probe = beneath(folder, ".", O_PATH | O_DIRECTORY);
  if (probe == -EPERM) return -ENOSYS;
  if (probe >= 0) close(probe);
  return result;
}

#else

int freshet_open_beneath(int folder, const char *path, int flags) {
  (void)folder, (void)path, (void)flags;
  return -ENOSYS;
}

#endif

static int set_lock(int descriptor, short type) {
#ifdef F_OFD_SETLK
  struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
  int status;
  do {
    status = fcntl(descriptor, F_OFD_SETLK, &lock);
  } while (status < 0 && errno == EINTR);
  if (status == 0) return 0;
  return errno == EACCES ? -EAGAIN : -errno;
#else
  (void)descriptor, (void)type;
  return -ENOSYS;
#endif
}

int freshet_lock(int descriptor) { return set_lock(descriptor, F_WRLCK); }

int freshet_lock_shared(int descriptor) { return set_lock(descriptor, F_RDLCK); }

int freshet_unlock(int descriptor) { return set_lock(descriptor, F_UNLCK); }

int freshet_exchange(const char *path, const char *other) {
#if defined(__APPLE__)
  return renamex_np(path, other, RENAME_SWAP) < 0 ? -errno : 0;
#else
  return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
#endif
}

int freshet_move_where_nothing_is(int folder, const char *name, int new_folder, const char *new_name) {
#if defined(__APPLE__)
  return renameatx_np(folder, name, new_folder, new_name, RENAME_EXCL) < 0 ? -errno : 0;
#else
  return renameat2(folder, name, new_folder, new_name, RENAME_NOREPLACE) < 0 ? -errno : 0;
#endif
}

int freshet_is_locked(int descriptor) {
#ifdef F_OFD_GETLK
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  if (fcntl(descriptor, F_OFD_GETLK, &lock) < 0) return -errno;
  return lock.l_type != F_UNLCK;
#else
  (void)descriptor;
  return -ENOSYS;
#endif
}

// Nanoseconds since the epoch; times that these cannot tell (before 1678, after 2262) are the nearest that they can.
static int64_t nanoseconds(struct timespec time) {
  int64_t product, sum;
  if (__builtin_mul_overflow((int64_t)time.tv_sec, (int64_t)1000000000, &product) ||
      __builtin_add_overflow(product, (int64_t)time.tv_nsec, &sum)) {
    return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
  }
  return sum;
}

int freshet_status_at(int folder, const char *path, bool follow, struct freshet_status *status) {
  struct stat found;
  int flags = (follow ? 0 : AT_SYMLINK_NOFOLLOW) | (*path ? 0 : AT_EMPTY_PATH);
  if (fstatat(folder, path, &found, flags) < 0) return -errno;
  status->device = found.st_dev;
  status->inode = found.st_ino;
  status->size = found.st_size;
  status->modified = nanoseconds(found.st_mtim);
  status->changed = nanoseconds(found.st_ctim);
  status->mode = found.st_mode;
  status->owner = found.st_uid;
  return 0;
}

ssize_t freshet_directory_records(int folder, void *buffer, size_t size) {
  long count = syscall(SYS_getdents64, folder, buffer, size);
  return count < 0 ? -errno : (ssize_t)count;
}

int freshet_volume(int descriptor, uint64_t *type, uint64_t *identity, uint64_t *available) {
  struct statfs volume;
  int status;
  do {
    status = fstatfs(descriptor, &volume);
  } while (status < 0 && errno == EINTR);
  if (status < 0) return -errno;
  *type = (uint64_t)(uint32_t)volume.f_type;
  int words[2];
  memcpy(words, &volume.f_fsid, sizeof words);
  *identity = (uint64_t)(uint32_t)words[0] | (uint64_t)(uint32_t)words[1] << 32;
  *available = (uint64_t)volume.f_bavail * (uint64_t)volume.f_bsize;
  return 0;
}

int freshet_memory_file(const char *name) {
  int descriptor = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return descriptor < 0 ? -errno : descriptor;
}

int freshet_seal(int descriptor) {
  int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  return fcntl(descriptor, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}
