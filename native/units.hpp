// What the doctor counts of each unit, in one reading: how many are above and below 0, and of either side the sum and
// the sum of squares. NaN and infinities show in the sums.
#pragma once

#include "kernels.hpp"
#include "norm_columns.hpp"
#include "pieces.hpp"

LEAKY_LEVEL_BEGIN

constexpr int kUnitRows = 6;  // above, below, sum above, sum below, squares above, squares below

/// One unit of one sample: `length` elements next to each other.
template <class T> void unit_row(const T* x, int64_t length, double* out, int64_t step) {
    using C = Compute<T>;
    const Cut blocks({0, 1, length, length}, kBlock);
    int64_t above = 0, below = 0;
    double sums[4] = {0, 0, 0, 0};
    for (int64_t i = 0; i < blocks.count; ++i) {
        Pack<C> up{}, down{}, up2{}, down2{};
        int64_t positive = 0, negative = 0;
        each_pack<Pack<C>::lanes>(blocks.at(i), [&](int64_t at, int count) __attribute__((always_inline)) {
            const Pack<C> v = load_up_to(x + at, count, C(0));
            const Pack<C> high = where_positive(v, v, Pack<C>{}), low = v - high;
            positive += __builtin_popcount(positive_bits<false>(v));
            negative += __builtin_popcount(positive_bits<false>(Pack<C>{} - v));
            up = up + high;
            down = down + low;
            up2 = up2 + high * high;
            down2 = down2 + low * low;
        });
        above += positive;
        below += negative;
        sums[0] += total(up);
        sums[1] += total(down);
        sums[2] += total(up2);
        sums[3] += total(down2);
    }
    out[0] = double(above);
    out[step] = double(below);
    for (int k = 0; k < 4; ++k) out[(2 + k) * step] = sums[k];
}

/// `count` units next to each other (at most a pack), over rows `stride` apart.
template <class T> void unit_columns(const T* x, int64_t rows, int64_t stride, int count, double* out, int64_t step) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    constexpr int64_t most = 32;  // rows added up in the precision of C: what cancels in the end is large before
    for (int k = 0; k < kUnitRows; ++k)
        for (int lane = 0; lane < count; ++lane) out[k * step + lane] = 0;
    for (int64_t start = 0; start < rows; start += most) {
        const int64_t end = start + most < rows ? start + most : rows;
        Pack<C> sums[kUnitRows] = {};
        const Same<C> one = splat(C(1));
        for (int64_t row = start; row < end; ++row) {
            const Pack<C> v = load_up_to(x + row * stride, count, C(0));
            const Pack<C> high = where_positive(v, v, Pack<C>{}), low = v - high;
            sums[0] = sums[0] + where_positive(v, Pack<C>{} + one, Pack<C>{});
            sums[1] = sums[1] + where_positive(Pack<C>{} - v, Pack<C>{} + one, Pack<C>{});
            sums[2] = sums[2] + high;
            sums[3] = sums[3] + low;
            sums[4] = sums[4] + high * high;
            sums[5] = sums[5] + low * low;
        }
        for (int k = 0; k < kUnitRows; ++k) {
            C lane_sums[lanes];
            store(lane_sums, sums[k]);
            for (int lane = 0; lane < count; ++lane) out[k * step + lane] += double(lane_sums[lane]);
        }
    }
}

template <class T> void unit_sums_of(const UnitSums& p) {
    constexpr int64_t lanes = Pack<Compute<T>>::lanes;
    const T* x = static_cast<const T*>(p.x);
    const int64_t units = p.n * p.c;
    if (!units || !p.s) {
        for (int64_t i = 0; i < kUnitRows * units; ++i) p.out[i] = 0;
        return;
    }
    if (!p.columns) {
        const int64_t at_once = p.s >= kPiece ? 1 : kPiece / (p.s + 64) + 1;
        parallel((units + at_once - 1) / at_once, p.threads, [&](int64_t task) {
            for (int64_t unit = task * at_once; unit < (task + 1) * at_once && unit < units; ++unit)
                unit_row(x + unit * p.s, p.s, p.out + unit, units);
        });
        return;
    }
    const int64_t packs = (p.c + lanes - 1) / lanes, size = p.s * lanes, at_once = size >= kPiece ? 1 : kPiece / size + 1;
    parallel((p.n * packs + at_once - 1) / at_once, p.threads, [&](int64_t task) {
        for (int64_t i = task * at_once; i < (task + 1) * at_once && i < p.n * packs; ++i) {
            const int64_t sample = i / packs, column = i % packs * lanes, rest = p.c - column;
            unit_columns(x + sample * p.s * p.c + column, p.s, p.c, int(rest < lanes ? rest : lanes),
                         p.out + sample * p.c + column, units);
        }
    });
}

LEAKY_LEVEL_END
