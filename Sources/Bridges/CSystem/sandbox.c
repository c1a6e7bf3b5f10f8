#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static int limit(int resource, uint64_t value) {
  struct rlimit now, wanted;
  if (getrlimit(resource, &now) < 0) return -errno;
  wanted.rlim_max = now.rlim_max == RLIM_INFINITY || value < now.rlim_max ? value : now.rlim_max;
  wanted.rlim_cur = wanted.rlim_max;
  return setrlimit(resource, &wanted) < 0 ? -errno : 0;
}

int freshet_limit_cpu(uint64_t seconds) {
  struct rusage used;
  struct rlimit now;
  if (getrusage(RUSAGE_SELF, &used) < 0 || getrlimit(RLIMIT_CPU, &now) < 0) return -errno;
  uint64_t spent = (uint64_t)used.ru_utime.tv_sec + (uint64_t)used.ru_stime.tv_sec + 1;
  uint64_t wanted = spent + seconds;
  now.rlim_cur = now.rlim_max != RLIM_INFINITY && wanted > now.rlim_max ? now.rlim_max : wanted;
  return setrlimit(RLIMIT_CPU, &now) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCHITECTURE

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSE(code) ANSWER(SECCOMP_RET_ERRNO | (code))
// Skips `count` instructions unless the loaded word equals the value.
#define UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define ALLOW(name) UNLESS(SYS_##name, 1), ANSWER(SECCOMP_RET_ALLOW)

// Computing, memory, threads and traffic on descriptors that are open already; everything else is refused with EPERM,
// which libraries survive where a kill would hide the cause.
static struct sock_filter instructions[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
#ifdef __x86_64__
    // The x32 form of a call has this bit set.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1),
    REFUSE(EPERM),
    ALLOW(poll),
    ALLOW(epoll_wait),
    ALLOW(getrlimit),
#endif
    ALLOW(read),
    ALLOW(write),
    ALLOW(readv),
    ALLOW(writev),
    ALLOW(pread64),
    ALLOW(lseek),
    ALLOW(recvmsg),
    ALLOW(recvfrom),
    ALLOW(sendmsg),
    ALLOW(sendto),
    ALLOW(ppoll),
    ALLOW(epoll_pwait),
    ALLOW(epoll_ctl),
    ALLOW(epoll_create1),
    ALLOW(eventfd2),
    ALLOW(timerfd_create),
    ALLOW(timerfd_settime),
    ALLOW(close),
    ALLOW(dup),
    ALLOW(fcntl),
    ALLOW(fstat),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mprotect),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(futex),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(membarrier),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(clock_gettime),
    ALLOW(clock_getres),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getrusage),
    ALLOW(uname),
    ALLOW(sysinfo),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW(restart_syscall),
    ALLOW(exit),
    ALLOW(exit_group),
    // Threads, but no processes. The flags of clone3 stand in memory, where a filter cannot look: the C library falls
    // back to clone when it is told that clone3 does not exist.
    UNLESS(SYS_clone3, 1),
    REFUSE(ENOSYS),
    UNLESS(SYS_clone, 4),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM),
    // The status of a descriptor (an empty path), not of a path.
    UNLESS(SYS_newfstatat, 4),
    LOAD(args[3]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1000 /* AT_EMPTY_PATH */, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM),
    // Its own limits only: the limit of CPU time moves with each document.
    UNLESS(SYS_prlimit64, 4),
    LOAD(args[0]),
    UNLESS(0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM),
    UNLESS(SYS_prctl, 4),
    LOAD(args[0]),
    UNLESS(PR_SET_NAME, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(EPERM),
    REFUSE(EPERM),
};

static int filter_calls(void) {
  struct sock_fprog program = {
      .len = sizeof instructions / sizeof *instructions,
      .filter = instructions,
  };
  // TSYNC: threads that exist already are filtered too.
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) return -errno;
  return 0;
}

#else

static int filter_calls(void) { return -ENOSYS; }

#endif

int freshet_sandbox_enter(const struct freshet_sandbox_limits *limits, bool *filtered) {
  int status;
  *filtered = false;
  if (limits->dies_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
  if (limits->data_bytes && (status = limit(RLIMIT_DATA, limits->data_bytes))) return status;
  if (limits->descriptors && (status = limit(RLIMIT_NOFILE, limits->descriptors))) return status;
  if ((status = limit(RLIMIT_CORE, 0))) return status;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
  if (limits->filters_calls) {
    status = filter_calls();
    // A kernel without seccomp leaves the other limits.
    if (status && status != -ENOSYS && status != -EINVAL) return status;
    *filtered = status == 0;
  }
  return 0;
}
