/* Tells ThreadSanitizer what a contended Synchronization.Mutex orders.
 *
 * The fast path of a Mutex is compiled into the code that uses it, where the sanitizer sees its atomics. The slow path
 * is in libswiftSynchronization.so, which is not instrumented: it locks and unlocks by a futex of the kernel, and the
 * sanitizer misses that whoever was waiting comes after whoever unlocked. It then reports a race on whatever the Mutex
 * protects. Suppressing such reports would hide real races of the same functions; so the functions of the slow path are
 * replaced by these, which call the real ones and say what they did. Preloaded by `scripts/test --sanitize thread`.
 *
 * The calling convention is Swift's, `self` is the address of the Mutex' handle. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) void *self

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);
SWIFT bool try_lock_slow(SELF) __asm__(TRY_LOCK);

/* Absent in processes that are not instrumented, such as redis-server. */
__attribute__((weak)) void __tsan_acquire(void *);
__attribute__((weak)) void __tsan_release(void *);

static void *real(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        fprintf(stderr, "mutex_slow_path: %s is not in this Swift's libswiftSynchronization\n", name);
        abort();
    }
    return function;
}

SWIFT void lock_slow(uint32_t thread, SELF) {
    ((SWIFT void (*)(uint32_t, SELF))real(LOCK))(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT void unlock_slow(SELF) {
    if (__tsan_release) __tsan_release(self);
    ((SWIFT void (*)(SELF))real(UNLOCK))(self);
}

SWIFT bool try_lock_slow(SELF) {
    bool locked = ((SWIFT bool (*)(SELF))real(TRY_LOCK))(self);
    if (locked && __tsan_acquire) __tsan_acquire(self);
    return locked;
}
