// How a dense tensor is walked in memory order, in chunks that stay in L1, with a vector along one dimension beside it.
// The cut depends on the shape alone and sums are combined in its order, whatever the number of threads.
#pragma once

#include "parallel.hpp"
#include "pieces.hpp"

LEAKY_LEVEL_BEGIN

constexpr int64_t kChunk = 2048;  // elements, at most

/// (n, c, s) in memory. Long runs of one channel are taken as they are; else channels come in a period of elements.
/// Chunks start at multiples of `chunk` elements, of whole bytes of bits and whole lines of memory.
struct Walk {
    int64_t count, c, s, period, width, chunk, task, tasks;
    bool runs;

    /// `width`: of the sums of a task where there are no runs, a multiple of the period.
    template <class C> static Walk of(int64_t n, int64_t c, int64_t s) {
        constexpr int64_t lanes = Pack<C>::lanes;
        Walk w{};
        w.count = n * c * s;
        w.c = c;
        w.s = c == 1 ? 1 : s;
        w.period = c == 1 ? 1 : c * s;
        w.runs = c > 1 && s >= 64 && (s >= 512 || w.period > 8192);
        w.width = w.period;
        w.chunk = kChunk;
        if (!w.runs && w.period <= 64) {
            while (w.width % lanes) w.width += w.period;
            while (w.width < 8 * lanes) w.width *= 2;  // sums apart, that none waits for the one before
            w.chunk = w.width * (kChunk / w.width);
        }
        const int64_t least = w.runs || w.width < 512 ? 8 * kChunk : 32 * w.width;
        w.task = (least + w.chunk - 1) / w.chunk * w.chunk;
        w.tasks = (w.count + w.task - 1) / w.task;
        return w;
    }
    int64_t rest(int64_t start, int64_t size) const { return count - start < size ? count - start : size; }

    /// body(start, count) for the chunks of a task.
    template <class Body> LEAKY_INLINE void each_chunk(int64_t number, const Body& body) const {
        const int64_t end = number * task + rest(number * task, task);
        for (int64_t start = number * task; start < end; start += chunk) body(start, rest(start, chunk));
    }
    /// body(run, place in the chunk, length) for the parts of runs that a chunk has.
    template <class Body> LEAKY_INLINE void each_run(int64_t start, int64_t size, const Body& body) const {
        int64_t run = start / s, left = s - start % s;
        for (int64_t at = 0; at < size; ++run, left = s) {
            const int64_t length = left < size - at ? left : size - at;
            body(run, at, length);
            at += length;
        }
    }
};

/// The vector beside each chunk: written out once for a period and a chunk more, or run by run.
template <class C> struct Beside {
    const Walk& walk;
    Scratch<C> row;
    const C* vector;

    Beside(const Walk& w, const C* values) : walk(w), row(w.runs ? 0 : w.period + w.chunk), vector(values) {
        if (w.runs || !row.data) return;
        for (int64_t i = 0; i < w.period; ++i) row[i] = values[i / w.s];
        for (int64_t i = w.period; i < w.period + w.chunk; ++i) row[i] = row[i - w.period];
    }
    bool failed() const { return !row.data; }

    /// `own`, of kChunk entries, is the task's; `filled` the run that all of it is of, -1 none.
    LEAKY_INLINE const C* at(int64_t start, int64_t size, C* own, int64_t& filled) const {
        if (!walk.runs) return row.data + start % walk.period;
        const int64_t first = start / walk.s;
        if (first == filled && (start + size - 1) / walk.s == first) return own;
        walk.each_run(start, size, [&](int64_t run, int64_t at, int64_t length) __attribute__((always_inline)) {
            const Same<C> same = splat(vector[run % walk.c]);
            const Pack<C> pack = Pack<C>{} + same;
            const C value = vector[run % walk.c];
            int64_t i = at;
            for (; i + Pack<C>::lanes <= at + length; i += Pack<C>::lanes) store(own + i, pack);
            for (; i < at + length; ++i) own[i] = value;
        });
        filled = size == kChunk && (start + size - 1) / walk.s == first ? first : -1;
        return own;
    }
};

/// Sums along the vector's dimension, of chunks given in order; a part for each task, added up at the end.
template <class C> struct SumsBeside {
    static constexpr int lanes = Pack<C>::lanes;
    const Walk& walk;
    Scratch<double> of_runs;  // of run r in task t at r + t: both only go up
    Scratch<C> of_period;
    const int64_t entries;

    explicit SumsBeside(const Walk& w)
        : walk(w), of_runs(w.runs ? w.count / w.s + w.tasks : 0), of_period(w.runs ? 0 : w.tasks * w.width),
          entries(w.runs ? w.count / w.s + w.tasks : 0) {
        if (failed()) return;
        for (int64_t i = 0; i < entries; ++i) of_runs[i] = 0;
    }
    bool failed() const { return !of_runs.data || !of_period.data; }

    void begin(int64_t task) const {
        if (walk.runs) return;
        for (int64_t i = 0; i < walk.width; ++i) of_period[task * walk.width + i] = 0;
    }
    void add(int64_t task, int64_t start, int64_t size, const C* values) const {
        if (walk.runs) {
            walk.each_run(start, size, [&](int64_t run, int64_t at, int64_t length) __attribute__((always_inline)) {
                Pack<C> sum0{}, sum1{};
                int64_t i = at;
                for (; i + 2 * lanes <= at + length; i += 2 * lanes) {
                    sum0 = sum0 + load(values + i);
                    sum1 = sum1 + load(values + i + lanes);
                }
                for (; i < at + length; i += lanes) {
                    const int64_t left = at + length - i;
                    sum0 = sum0 + load_up_to(values + i, int(left < lanes ? left : lanes), C(0));
                }
                of_runs[run + task] += total(sum0 + sum1);
            });
        } else {
            add_period(of_period.data + task * walk.width, start % walk.width, size, values);
        }
    }
    /// The sums of every channel, in double; false: no memory for scratch.
    bool finish(double* sums, int threads) const {
        for (int64_t i = 0; i < walk.c; ++i) sums[i] = 0;
        if (walk.runs) {
            for (int64_t run = 0; run < walk.count / walk.s; ++run)
                for (int64_t t = run * walk.s / walk.task; t <= ((run + 1) * walk.s - 1) / walk.task; ++t)
                    sums[run % walk.c] += of_runs[run + t];
            return true;
        }
        constexpr int64_t block = 256;
        const Walk& w = walk;
        const Scratch<double> all(w.width);
        if (!all.data) return false;
        parallel((w.width + block - 1) / block, w.tasks > 64 ? threads : 1, [&](int64_t number) {
            const int64_t first = number * block, last = first + block < w.width ? first + block : w.width;
            for (int64_t i = first; i < last; ++i) all[i] = 0;
            for (int64_t task = 0; task < w.tasks; ++task)
                for (int64_t i = first; i < last; ++i) all[i] += double(of_period[task * w.width + i]);
        });
        for (int64_t i = 0; i < w.width; ++i) sums[i % w.period / w.s] += all[i];
        return true;
    }

private:
    void add_period(C* sums, int64_t place, int64_t size, const C* values) const {
        for (int64_t at = 0; at < size;) {
            const int64_t left = walk.width - place < size - at ? walk.width - place : size - at;
            each_pack<lanes>({0, 1, 0, left}, [&](int64_t i, int n) __attribute__((always_inline)) {
                const Pack<C> sum = load_up_to(sums + place + i, n, C(0)) + load_up_to(values + at + i, n, C(0));
                store_up_to<false>(sums + place + i, n, sum);
            });
            at += left;
            place = 0;
        }
    }
};

LEAKY_LEVEL_END
