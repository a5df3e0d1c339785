// The library's own threads: started once, kept, and shared by all calls.
#pragma once

#include <cstdint>

namespace leaky {

/// Run task(context, i) for i in 0..count-1 on up to `threads` threads, the caller among them; return when all
/// are done. A second caller at the same time runs its tasks alone. Safe after fork (the child starts anew).
void run_tasks(int64_t count, int threads, void (*task)(void*, int64_t), void* context);

/// Bytes beyond which an output is taken to be far out of every cache (the last cache's size).
int64_t last_cache();

}  // namespace leaky
