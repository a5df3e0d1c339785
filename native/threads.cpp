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

/// A number of its own for every thread that ever worked.
int own_number() {
    static std::atomic<int> numbered{0};
    thread_local const int number = numbered.fetch_add(1, std::memory_order_relaxed);
    return number;
}

// Tasks lie in as many shares as there are threads. Each thread claims those of one share first, from call to call
// the same one, whose memory its caches may still hold; then what is left of the others'. So a helper that wakes
// late (or never, on a busy machine) delays nothing: the caller does its work and closes the job.
class Job {
public:
    Job(void (*task)(void*, int64_t), void* context, int64_t count, int threads)
        : task_(task), context_(context), caller_(own_number()) {
        shares_ = threads < kMost ? threads : kMost;
        shares_ = int64_t(shares_) < count ? shares_ : int(count);
        for (int s = 0; s < shares_; ++s) {
            share_[s].next.store(count * s / shares_, std::memory_order_relaxed);
            share_[s].end = count * (s + 1) / shares_;
        }
    }

    void work() {
        const int number = own_number();
        const int first = number == caller_ || shares_ == 1 ? 0 : 1 + number % (shares_ - 1);
        for (int k = 0; k < shares_; ++k) {
            Share& share = share_[(first + k) % shares_];
            for (int64_t i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) task_(context_, i);
        }
    }

private:
    static constexpr int kMost = 64;
    struct alignas(64) Share {
        std::atomic<int64_t> next;
        int64_t end;
    };

    void (*task_)(void*, int64_t);
    void* context_;
    int caller_, shares_;
    Share share_[kMost];
};

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
    if (threads <= 1 || count <= 1) {
        for (int64_t i = 0; i < count; ++i) task(context, i);
        return;
    }
    const int useful = int64_t(threads) < count ? threads : int(count);
    Job job(task, context, count, useful);
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
