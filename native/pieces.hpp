// How one channel of (n, c, s) is walked: in pieces of fixed size, each in blocks that stay in L1. The cut depends
// on the shape alone and sums are combined in its order, so results do not depend on the number of threads.
#pragma once

#include <cstdlib>

#include "memory.hpp"

LEAKY_LEVEL_BEGIN

constexpr int64_t kBlock = 2048, kPiece = 16 * kBlock;

/// `runs` runs of `length` elements, `stride` apart, the first at `offset`.
struct Runs {
    int64_t offset, runs, stride, length;
};

/// `size`-element parts of `whole`: several runs together where they are short, parts of a run where it is long.
struct Cut {
    Runs whole;
    int64_t size, per_run, together, count;

    Cut(Runs whole_, int64_t size_) : whole(whole_), size(size_) {
        const bool shorter = whole.length < size;
        per_run = shorter ? 1 : (whole.length + size - 1) / size;
        together = shorter ? (whole.length ? size / whole.length : size) : 1;
        count = shorter ? (whole.runs + together - 1) / together : whole.runs * per_run;
    }
    Runs at(int64_t i) const {
        const int64_t run = i / per_run * together, start = i % per_run * size;
        const int64_t runs = whole.runs - run < together ? whole.runs - run : together;
        const int64_t length = per_run == 1 ? whole.length : (whole.length - start < size ? whole.length - start : size);
        return {whole.offset + run * whole.stride + start, runs, whole.stride, length};
    }
};

/// body(offset, count) over all elements of the runs: count = lanes, or fewer at a run's end.
template <int lanes, class Body> LEAKY_INLINE void each_pack(const Runs& r, const Body& body) {
    for (int64_t run = 0; run < r.runs; ++run) {
        const int64_t start = r.offset + run * r.stride;
        int64_t i = 0;
        for (; i + lanes <= r.length; i += lanes) body(start + i, lanes);
        if (i < r.length) body(start + i, int(r.length - i));
    }
}

template <class T> LEAKY_INLINE Pack<Compute<T>> load_up_to(const T* p, int count, Compute<T> fill) {
    return count == Pack<Compute<T>>::lanes ? load(p) : load_part(p, count, fill);
}
template <bool Stream, class T> LEAKY_INLINE void store_up_to(T* p, int count, const Pack<Compute<T>>& value) {
    if (count == Pack<Compute<T>>::lanes) store<Stream>(p, value);
    else store_part(p, count, value);
}

/// Count, mean and summed squared distance from it.
struct Moments {
    double count, mean, squares;

    void add(const Moments& other) {  // Chan, Golub, LeVeque 1979
        if (other.count == 0) return;
        const double both = count + other.count, apart = other.mean - mean;
        mean += apart * (other.count / both);
        squares += other.squares + apart * apart * (count * other.count / both);
        count = both;
    }
};

/// Ask for the `count` elements from `p` on: hardware does not look ahead past a page, and blocks are apart.
template <int count, class T> LEAKY_INLINE void fetch(const T* p) {
    for (size_t byte = 0; byte < count * sizeof(T); byte += 64) __builtin_prefetch(reinterpret_cast<const char*>(p) + byte);
}

/// The same into L2, for what follows after more than L1 holds.
template <int count, class T> LEAKY_INLINE void fetch_far(const T* p) {
    for (size_t byte = 0; byte < count * sizeof(T); byte += 64) __builtin_prefetch(reinterpret_cast<const char*>(p) + byte, 0, 2);
}

/// From one block to the next; 0 at the end, where what is there is asked for again.
inline int64_t ahead(const Cut& blocks, int64_t i) {
    return i + 1 < blocks.count ? blocks.at(i + 1).offset - blocks.at(i).offset : 0;
}

/// Of one block by distances from `about`, read once.
template <class T> Moments moments_about(Compute<T> about, const T* x, const Runs& r, int64_t next) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const double count = double(r.runs * r.length);
    const Same<C> centre = splat(about);
    Pack<C> rest{}, squares{};
    each_pack<lanes>(r, [&](int64_t at, int n) __attribute__((always_inline)) {
        fetch<lanes>(x + at + next);
        const Pack<C> apart = load_up_to(x + at, n, about) - centre;
        rest = rest + apart;
        squares = squares + apart * apart;
    });
    const double off = total(rest) / count;
    return {count, double(about) + off, total(squares) - off * off * count};
}

/// Of one block: its mean first, then distances from that; the second reading is from L1.
template <class T> Moments block_moments(const T* x, const Runs& r, int64_t next) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    Pack<C> sum{};
    each_pack<lanes>(r, [&](int64_t at, int n) __attribute__((always_inline)) {
        fetch<lanes>(x + at + next);
        sum = sum + load_up_to(x + at, n, C(0));
    });
    return moments_about<T>(C(total(sum) / double(r.runs * r.length)), x, r, 0);
}

/// A block's neighbours mostly have its mean: distances from that of the block before lose little, and tell where
/// they do (a mean as far away as the numbers are apart), to read the block again.
template <class T> Moments piece_moments(const T* x, const Runs& piece) {
    using C = Compute<T>;
    const Cut blocks(piece, kBlock);
    Moments all{0, 0, 0}, last{0, 0, 0};
    for (int64_t i = 0; i < blocks.count; ++i) {
        const Runs r = blocks.at(i);
        const double about = double(C(last.mean));
        bool near = i > 0;
        if (near) {
            last = moments_about<T>(C(about), x, r, ahead(blocks, i));
            near = (last.mean - about) * (last.mean - about) * last.count <= last.squares;
        }
        if (!near) last = block_moments(x, r, i > 0 ? 0 : ahead(blocks, i));
        all.add(last);
    }
    return all;
}

/// Scratch memory: left uninitialised, freed at the end, null where there is none.
template <class E> struct Scratch {
    E* data;
    explicit Scratch(int64_t count) : data(static_cast<E*>(std::aligned_alloc(64, size_t((count * int64_t(sizeof(E)) / 64 + 1) * 64)))) {}
    ~Scratch() { std::free(data); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    E& operator[](int64_t i) const { return data[i]; }
};

LEAKY_LEVEL_END
