// Tasks from a callable: the level's side of threads.hpp.
#pragma once

#include "level.hpp"
#include "threads.hpp"

LEAKY_LEVEL_BEGIN

/// body(i) for i in 0..count-1 on up to `threads` threads. Inner loops take their constants as arguments of
/// functions, not from the closure: closures' members would be read again after every store.
template <class Body> void parallel(int64_t count, int threads, const Body& body) {
    run_tasks(count, threads, [](void* context, int64_t i) { (*static_cast<const Body*>(context))(i); },
              const_cast<Body*>(&body));
}

LEAKY_LEVEL_END
