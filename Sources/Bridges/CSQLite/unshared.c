#include "CSQLite.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

// The system's file layer with two changes: it offers no shared memory, and opens the log to read only. A lock is never
// more than the shared one; all other calls are the system's own, on its own structures.

static sqlite3_vfs *base;
static sqlite3_vfs unshared;
static const sqlite3_io_methods *base_methods;
static sqlite3_io_methods methods;

// In exclusive mode SQLite asks for the exclusive lock, which a file opened to read only cannot have. Writers are kept
// out by the caller; the shared lock still keeps away who would leave the log's mode.
static int lock(sqlite3_file *file, int level) {
  return base_methods->xLock(file, level > SQLITE_LOCK_SHARED ? SQLITE_LOCK_SHARED : level);
}

// Gives a database file our methods; they are the same for all, since the file layer is.
static bool adopt(sqlite3_file *file) {
  sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_VFS3);
  sqlite3_mutex_enter(mutex);
  if (!base_methods) {
    methods = *file->pMethods;
    methods.iVersion = 1;  // the methods of shared memory begin with version 2
    methods.xLock = lock;
    base_methods = file->pMethods;
  }
  bool is_same = base_methods == file->pMethods;
  sqlite3_mutex_leave(mutex);
  if (is_same) file->pMethods = &methods;
  return is_same;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *opened) {
  (void)vfs;
  if (flags & SQLITE_OPEN_WAL) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    struct stat status;
    // A log that is not there is an empty one. Any other failure is for the open call to find.
    if (stat(name, &status) < 0 && errno == ENOENT) name = "/dev/null";
  }
  int result = base->xOpen(base, name, file, flags, opened);
  if (result != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB) || adopt(file)) return result;
  file->pMethods->xClose(file);
  file->pMethods = NULL;
  return SQLITE_CANTOPEN;
}

int freshet_register_unshared_files(void) {
  base = sqlite3_vfs_find(NULL);
  if (!base) return SQLITE_ERROR;
  unshared = *base;
  unshared.zName = FRESHET_UNSHARED_FILES;
  unshared.pNext = NULL;
  unshared.xOpen = open_file;
  return sqlite3_vfs_register(&unshared, 0);
}
