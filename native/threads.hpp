// Threads: the library's own, started once, kept and shared by all calls; or those of the framework that calls.
#pragma once

#include <cstdint>

namespace leaky {

/// Run task(context, i) for i in 0..count-1 on up to `threads` threads, the caller among them; return when all
/// are done. A second caller at the same time runs its tasks alone. Safe after fork (the child starts anew).
void run_tasks(int64_t count, int threads, void (*task)(void*, int64_t), void* context);

/// GOMP_parallel of the OpenMP runtime that a framework brought along.
using Team = void (*)(void (*)(void*), void*, unsigned, unsigned);

/// From now on borrow that runtime's threads: they spin for milliseconds after each of the framework's operations,
/// on the very cores that threads of our own would need. Null: our own again, as after fork.
void borrow(Team team);

/// Ask for huge pages under a large output that is about to be written for the first time, as NumPy does for its
/// arrays: fresh memory then costs one page fault in 2 MiB instead of one in 4 KiB.
void large_pages(void* out, int64_t bytes);

/// Bytes from which an output and its input fill the last cache: then it is best written past the caches.
int64_t half_last_cache();

}  // namespace leaky
