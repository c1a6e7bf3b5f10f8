// System calls that Swift cannot import: variadic ones, those that need a feature macro, and those without a wrapper in
// the C library. Every function that answers `int` gives 0 or a positive result, or a negated errno.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Names the calling thread for debuggers and profilers; longer names are cut to 15 bytes.
void freshet_set_thread_name(const char *name);

// Writes the system's words for an error number, cut to `size - 1` bytes.
void freshet_error_text(int number, char *text, size_t size);

// Has malloc give blocks of at least `large` bytes back to the system as soon as they are freed, and keep at most `kept`
// free bytes at the end of an arena. Does nothing with another C library than glibc.
void freshet_tune_allocator(int large, int kept);

// Has malloc give every free page back to the system. Does nothing with another C library than glibc.
void freshet_trim_allocator(void);

// --- Files -----------------------------------------------------------------------------------------------------------

struct freshet_status {
  uint64_t device;
  uint64_t inode;
  int64_t size;
  int64_t modified;  // nanoseconds since the epoch
  int64_t changed;   // nanoseconds since the epoch
  uint32_t mode;
  uint32_t owner;
};

// O_PATH of Linux, which the headers show only with a feature macro.
static const int freshet_path_only = 010000000;

// A descriptor, always close-on-exec; retries EINTR.
int freshet_open_at(int folder, const char *path, int flags, unsigned mode);

// Opens `path` below `folder` and never outside of it, whatever links say on the way; -ENOSYS where the kernel cannot.
int freshet_open_beneath(int folder, const char *path, int flags);

// Takes the exclusive lock of an open file's description (F_OFD_SETLK), which goes with its last descriptor; -EAGAIN when
// another holds it. Unlike flock(2) it can be asked about without being taken.
int freshet_lock(int descriptor);

// Takes the lock together with others who share it, which keeps out whoever wants it alone; -EAGAIN when one has it so.
int freshet_lock_shared(int descriptor);

// Gives the lock back, also while a process that is just being started still has a copy of the descriptor.
int freshet_unlock(int descriptor);

// 1 while another description of the file holds its lock alone, 0 otherwise. Takes nothing.
int freshet_is_locked(int descriptor);

// Lets two paths of one file system change places in the same instant (renameat2 with RENAME_EXCHANGE); -ENOSYS or
// -EINVAL where the system or the file system cannot.
int freshet_exchange(const char *path, const char *other);

// Moves a file within its file system to a name that nothing has (renameat2 with RENAME_NOREPLACE): -EEXIST when something
// is there, -EXDEV on another file system, -EINVAL or -ENOSYS where that cannot be done in one step.
int freshet_move_where_nothing_is(int folder, const char *name, int new_folder, const char *new_name);

// What `path` is, below `folder`; an empty path means the descriptor itself.
int freshet_status_at(int folder, const char *path, bool follow, struct freshet_status *status);

// The next raw directory records (`linux_dirent64`): bytes, 0 at the end.
ssize_t freshet_directory_records(int folder, void *buffer, size_t size);

// The file system's magic number (`f_type` of statfs), its own identity (`f_fsid`; 0 when it has none) and the bytes that an
// unprivileged user may still write.
int freshet_volume(int descriptor, uint64_t *type, uint64_t *identity, uint64_t *available);

// An anonymous file in memory, close-on-exec, that can be sealed.
int freshet_memory_file(const char *name);

// Forbids every later change of an anonymous file.
int freshet_seal(int descriptor);

// Listens on a socket with a name in an open folder, for this user alone, without blocking.
int freshet_listen_local(int folder, const char *name, int backlog);

// Connects to the socket of that name in an open folder.
int freshet_connect_local(int folder, const char *name);

// Sends a text to a datagram socket; a name that begins with `@` is an abstract one.
int freshet_send_text(const char *path, const char *text);

// Whether the process at the other end of a connection is this user's, or root's: 1 or 0.
int freshet_is_trusted_peer(int connection);

// The next connection of a process of this user, or of root; -EAGAIN while there is none, or -EINVAL once the listener was
// shut down.
int freshet_accept_local(int listener);

// --- Watching --------------------------------------------------------------------------------------------------------

// The bits of an event of inotify(7), as the kernel defines them for all machines.
static const uint32_t freshet_watch_modified = 0x002;
static const uint32_t freshet_watch_attributes = 0x004;
static const uint32_t freshet_watch_closed = 0x008;  // after writing
static const uint32_t freshet_watch_moved_from = 0x040;
static const uint32_t freshet_watch_moved_to = 0x080;
static const uint32_t freshet_watch_created = 0x100;
static const uint32_t freshet_watch_deleted = 0x200;
static const uint32_t freshet_watch_self_deleted = 0x400;
static const uint32_t freshet_watch_self_moved = 0x800;
static const uint32_t freshet_watch_unmounted = 0x2000;
static const uint32_t freshet_watch_overflow = 0x4000;
static const uint32_t freshet_watch_ended = 0x8000;
static const uint32_t freshet_watch_is_folder = 0x40000000;

// A queue of events (inotify), close-on-exec, whose reading never waits; -ENOSYS where the system has none, -EMFILE when
// this user has too many.
int freshet_watch_queue(void);

// Watches an open folder: the watch's number, the same for the same folder; -ENOSPC when this user has too many.
int freshet_watch_add(int queue, int folder, uint32_t mask);
int freshet_watch_remove(int queue, int watch);

// A descriptor that one thread makes readable to wake another, through the one written to `ring`.
int freshet_bell(int *ring);
void freshet_bell_ring(int ring);
void freshet_bell_silence(int bell);

// Waits until one of two descriptors is readable (bits 1 and 2; a negative one never is), at most so long; for ever when
// that is negative. 0 when the time is over or a signal came.
int freshet_wait(int first, int second, int64_t nanoseconds);

// Nanoseconds of a clock that never jumps.
int64_t freshet_monotonic(void);

// Whether somebody has the file open for writing: 1, 0, or a negated errno when the system does not tell (-EACCES for
// another user's file, -EINVAL on file systems without leases). The descriptor must be open for reading alone, and the
// calling thread must have called `freshet_block_lease_signal`.
//
// It takes a read lease (fcntl(2), F_SETLEASE), which the kernel refuses exactly then, and gives it back at once. Whoever
// opens the file for writing in between waits that long, and this thread is sent SIGIO, whose default is to end the
// process: hence the blocked signal, and an owner that is this thread and nobody else.
int freshet_has_writer(int descriptor);
int freshet_block_lease_signal(void);

// --- Processes -------------------------------------------------------------------------------------------------------

// Starts `path` with exactly the given descriptors: sources[i] becomes targets[i] in the child, everything else is
// closed. It works in the folder, or in ours without one; the path is resolved there. The child has its own process group
// (its own session, without a terminal, when it is detached), no blocked signals, and default handlers.
int freshet_spawn(
    const char *path, char *const *arguments, char *const *environment, const char *folder, const int *sources,
    const int *targets, int count, bool detached, pid_t *child);

// A descriptor that becomes readable when the child has ended; -ENOSYS where the kernel has none.
int freshet_process_descriptor(pid_t child);

// Descriptors that go with a message at most.
#define FRESHET_DESCRIPTORS_MAX 4

// Sends bytes with descriptors (none: a count of 0); never raises SIGPIPE, never waits.
ssize_t freshet_send(int socket, const void *bytes, size_t count, const int *descriptors, int descriptor_count);

// Receives bytes and at most FRESHET_DESCRIPTORS_MAX descriptors (close-on-exec); never waits.
ssize_t freshet_receive(int socket, void *bytes, size_t size, int *descriptors, int *descriptor_count);

// From now on each of the signals writes its number, one byte, to a pipe whose reading end is the answer. One call a
// process; a full pipe drops further signals. SIGHUP stays ignored where it was.
int freshet_signal_pipe(const int *signals, int count);

// --- The helper's cage -----------------------------------------------------------------------------------------------

struct freshet_sandbox_limits {
  uint64_t data_bytes;     // RLIMIT_DATA; 0: no limit
  uint64_t descriptors;    // RLIMIT_NOFILE; 0: no limit
  bool dies_with_parent;   // SIGKILL when the thread that spawned this process ends
  bool filters_calls;      // seccomp: no new sockets, no opening of files, no programs
};

// Limits this process for good. Call it when everything that must be opened is open, and before untrusted bytes are
// read. `filtered` tells whether the system call filter holds (it needs Linux on x86-64 or AArch64).
int freshet_sandbox_enter(const struct freshet_sandbox_limits *limits, bool *filtered);

// Ends this process by SIGXCPU once it has used that many more seconds of CPU time.
int freshet_limit_cpu(uint64_t seconds);
