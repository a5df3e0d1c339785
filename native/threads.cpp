#include "threads.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace leaky {
namespace {

inline void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

struct Job {
    void (*task)(void*, int64_t);
    void* context;
    int64_t count;
    std::atomic<int64_t> next{0};

    void work() {
        for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) task(context, i);
    }
};

// Tasks are claimed one by one, by the caller too, so a helper that wakes late (or never, on a busy machine)
// delays nothing: the caller then does the work itself and closes the job.
class Pool {
public:
    void run(Job& job, int threads) {
        std::unique_lock<std::mutex> turn(turn_, std::try_to_lock);
        if (!turn.owns_lock()) return job.work();
        {
            std::lock_guard<std::mutex> lock(state_);
            grow(threads - 1);
            job_ = &job;
            places_ = threads - 1 < started_ ? threads - 1 : started_;
            generation_.fetch_add(1, std::memory_order_release);
        }
        if (sleeping_.load() > 0) wake_.notify_all();
        job.work();
        {
            std::lock_guard<std::mutex> lock(state_);
            job_ = nullptr;
        }
        for (int spins = 0; running_.load(std::memory_order_acquire) > 0; ++spins)
            spins < kSpins ? pause() : std::this_thread::yield();
    }

private:
    static constexpr int kSpins = 2000;  // about 30 us

    void grow(int wanted) {
        while (started_ < wanted && started_ < 255) {
            try {
                std::thread([this] { serve(); }).detach();  // never joined: they end with the process
            } catch (...) {
                return;  // the system gives no more threads: those there are do the work
            }
            ++started_;
        }
    }

    void serve() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are Python's main thread's
        uint64_t seen = 0;
        for (;;) {
            for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause();
            Job* job = nullptr;
            {
                std::unique_lock<std::mutex> lock(state_);
                if (generation_.load() == seen) {
                    sleeping_.fetch_add(1);
                    wake_.wait(lock, [&] { return generation_.load() != seen; });
                    sleeping_.fetch_sub(1);
                }
                seen = generation_.load();
                if (!job_ || places_ == 0) continue;
                --places_;
                job = job_;
                running_.fetch_add(1);
            }
            job->work();
            running_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex turn_, state_;
    std::condition_variable wake_;
    std::atomic<uint64_t> generation_{0};
    std::atomic<int> sleeping_{0}, running_{0};
    Job* job_ = nullptr;
    int started_ = 0, places_ = 0;
};

std::atomic<Pool*> pool{nullptr};
std::atomic<Team> team{nullptr};

Pool& the_pool() {
    Pool* there = pool.load(std::memory_order_acquire);
    if (there) return *there;
    Pool* made = new Pool;  // never deleted: its threads may outlive every static object
    if (pool.compare_exchange_strong(there, made)) return *made;
    delete made;
    return *there;
}

// A child of fork has none of the parent's threads, and its locks in any state: it forgets them. (GNU OpenMP does
// not, and would wait for them for ever.)
const int registered = pthread_atfork(nullptr, nullptr, [] {
    pool.store(nullptr);
    team.store(nullptr);
});

}  // namespace

void run_tasks(int64_t count, int threads, void (*task)(void*, int64_t), void* context) {
    Job job{task, context, count};
    if (threads <= 1 || count <= 1) return job.work();
    const int useful = int64_t(threads) < count ? threads : int(count);
    if (const Team parallel = team.load(std::memory_order_relaxed))
        return parallel([](void* whole) { static_cast<Job*>(whole)->work(); }, &job, unsigned(threads < 256 ? threads : 256), 0);
    the_pool().run(job, useful);
}

void borrow(Team parallel) { team.store(parallel); }

void large_pages(void* out, int64_t bytes) {
#ifdef MADV_HUGEPAGE
    constexpr int64_t least = int64_t(4) << 20;
    if (bytes < least) return;
    const uintptr_t page = 4096, start = (reinterpret_cast<uintptr_t>(out) + page - 1) / page * page;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(out) + uintptr_t(bytes)) / page * page;
    madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE);  // refused: nothing is lost
#else
    (void)out, (void)bytes;
#endif
}

int64_t half_last_cache() {
    static const int64_t bytes = [] {
        long size = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
        size = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
        return (size > (1 << 20) ? int64_t(size) : int64_t(32) << 20) / 2;
    }();
    return bytes;
}

}  // namespace leaky
