// Teaches the thread sanitizer the slow path of Swift's `Mutex` on Linux.
//
// The fast path is compiled into the program and instrumented; under contention the lock is taken in the Synchronization
// library, which is not, so that every contended `Mutex` is reported as a race. Preload this into a program that was built
// with --sanitize=thread:
//
//   clang -O1 -fPIC -shared scripts/tsan-mutex.c -o tsan-mutex.so      # the clang beside swiftc; `scripts/sanitize` does it
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *
extern void __tsan_acquire(void *);
extern void __tsan_release(void *);
typedef SWIFT void Lock(uint32_t, SELF);
typedef SWIFT void Unlock(SELF);
SWIFT void lock_slow(uint32_t id, SELF handle) __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");
SWIFT void unlock_slow(SELF handle) __asm__("$s15Synchronization12_MutexHandleV11_unlockSlowyyF");
SWIFT void lock_slow(uint32_t id, SELF handle) {
  ((Lock *)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"))(id, handle);
  __tsan_acquire(handle);
}
SWIFT void unlock_slow(SELF handle) {
  __tsan_release(handle);
  ((Unlock *)dlsym(RTLD_NEXT, "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"))(handle);
}
