// Normalisation + activation on (n, s, c), channels next to each other: rows are cut into bands, a band is walked a
// pack of channels at a time. Every pack of channels keeps its own sums, so nothing is added across lanes.
#pragma once

#include "norm_backward.hpp"

LEAKY_LEVEL_BEGIN

/// Bands of rows: of one sample each where statistics are per sample, else of all rows.
struct Bands {
    int64_t c, padded, segments, rows, height, per_segment, count;

    template <class C> static Bands of(const NormShape& p) {
        constexpr int64_t lanes = Pack<C>::lanes;
        Bands b;
        b.c = p.c;
        b.padded = (p.c + lanes - 1) / lanes * lanes;
        b.segments = p.groups ? p.n : 1;
        b.rows = p.groups ? p.s : p.n * p.s;
        b.height = 16384 / p.c < 32 ? 32 : 16384 / p.c > 128 ? 128 : 16384 / p.c;
        b.per_segment = (b.rows + b.height - 1) / b.height;
        b.count = b.segments * b.per_segment;
        return b;
    }
    /// Groups of `share` channels whose sums of bands one task adds up.
    static int64_t groups_at_once(int64_t share) { return share < 32 ? 32 / share : 1; }
    int64_t segment(int64_t band) const { return band / per_segment; }
    int64_t first_row(int64_t band) const { return segment(band) * rows + band % per_segment * height; }
    int64_t length(int64_t band) const {
        const int64_t rest = rows - band % per_segment * height;
        return rest < height ? rest : height;
    }
    /// Bands are taken several at a time where they are small.
    template <class Body> void run(int threads, const Body& body) const {
        const int64_t size = height * c, at_once = size >= kPiece ? 1 : (kPiece + size - 1) / size;
        const int64_t all = count;
        parallel((all + at_once - 1) / at_once, threads, [&body, at_once, all](int64_t task) {
            for (int64_t band = task * at_once; band < (task + 1) * at_once && band < all; ++band) body(band);
        });
    }
};

/// body(column, count) for every pack of channels.
template <int lanes, class Body> LEAKY_INLINE void each_column(int64_t c, const Body& body) {
    int64_t column = 0;
    for (; column + lanes <= c; column += lanes) body(column, lanes);
    if (column < c) body(column, int(c - column));
}

/// Of the band's rows, per channel: a mean about which, the distances' sum and their squares' sum.
template <class T> void band_moments(const T* x, int64_t rows, int64_t c, int64_t padded, Compute<T>* about) {
    using C = Compute<T>;
    each_column<Pack<C>::lanes>(c, [=](int64_t column, int count) __attribute__((always_inline)) {
        Pack<C> sum0{}, sum1{};
        int64_t row = 0;
        for (; row + 2 <= rows; row += 2) {
            sum0 = sum0 + load_up_to(x + row * c + column, count, C(0));
            sum1 = sum1 + load_up_to(x + (row + 1) * c + column, count, C(0));
        }
        if (row < rows) sum0 = sum0 + load_up_to(x + row * c + column, count, C(0));
        const Pack<C> centre = (sum0 + sum1) * splat(C(1.0 / double(rows)));
        Pack<C> rest0{}, rest1{}, squares0{}, squares1{};
        for (row = 0; row + 2 <= rows; row += 2) {
            const Pack<C> a = load_up_to(x + row * c + column, count, C(0)) - centre;
            const Pack<C> b = load_up_to(x + (row + 1) * c + column, count, C(0)) - centre;
            rest0 = rest0 + a;
            rest1 = rest1 + b;
            squares0 = squares0 + a * a;
            squares1 = squares1 + b * b;
        }
        if (row < rows) {
            const Pack<C> a = load_up_to(x + row * c + column, count, C(0)) - centre;
            rest0 = rest0 + a;
            squares0 = squares0 + a * a;
        }
        store(about + column, centre);
        store(about + padded + column, rest0 + rest1);
        store(about + 2 * padded + column, squares0 + squares1);
    });
}

template <class T, Act A, bool Stream>
void band_apply(const T* x, T* out, int64_t rows, int64_t c, int64_t padded, const Compute<T>* constants,
                Compute<T> slope_) {
    using C = Compute<T>;
    const Same<C> slope = splat(slope_);
    each_column<Pack<C>::lanes>(c, [=](int64_t column, int count) __attribute__((always_inline)) {
        const Pack<C> mean = load(constants + column), scale = load(constants + padded + column);
        const Pack<C> bias = load(constants + 2 * padded + column);
        for (int64_t row = 0; row < rows; ++row) {
            const int64_t at = row * c + column;
            const Pack<C> z = (load_up_to(x + at, count, C(0)) - mean) * scale + bias;
            store_up_to<Stream>(out + at, count, activate<A>(z, slope));
        }
    });
    if constexpr (Stream) stream_end();
}

template <class T> using ApplyBand = void (*)(const T*, T*, int64_t, int64_t, int64_t, const Compute<T>*, Compute<T>);

template <class T> ApplyBand<T> choose_band(const NormForward& p) {
    const bool stream = norm_streams<T>(p, p.x, p.out);
    switch (act_of(p.slope)) {
        case Act::none: return stream ? band_apply<T, Act::none, true> : band_apply<T, Act::none, false>;
        case Act::relu: return stream ? band_apply<T, Act::relu, true> : band_apply<T, Act::relu, false>;
        default: return stream ? band_apply<T, Act::leaky, true> : band_apply<T, Act::leaky, false>;
    }
}

template <class T> bool norm_forward_columns(const NormForward& p) {
    using C = Compute<T>;
    const Bands bands = Bands::of<C>(p);
    const int64_t c = p.c, padded = bands.padded;
    const T* x = static_cast<const T*>(p.x);
    T* out = static_cast<T*>(p.out);
    C *mean = static_cast<C*>(p.mean), *var = static_cast<C*>(p.var);
    const int64_t share = p.share(), tile = Bands::groups_at_once(share), tiles = (c / share + tile - 1) / tile;
    const Scratch<C> parts(p.given ? 0 : bands.count * 3 * padded), constants(bands.segments * 3 * padded);
    if (!parts.data || !constants.data) return false;
    if (!p.given)
        bands.run(p.threads, [&](int64_t band) {
            band_moments(x + bands.first_row(band) * c, bands.length(band), c, padded, parts.data + band * 3 * padded);
        });
    const auto add_channel = [&](Moments& all, int64_t segment, int64_t channel) {
        for (int64_t i = 0; i < bands.per_segment; ++i) {
            const int64_t band = segment * bands.per_segment + i;
            const C* part = parts.data + band * 3 * padded + channel;
            const double rows = double(bands.length(band)), rest = double(part[padded]) / rows;
            all.add({rows, double(part[0]) + rest, double(part[2 * padded]) - rest * rest * rows});
        }
    };
    parallel(bands.segments * tiles, p.count_small() ? 1 : p.threads, [&](int64_t task) {
        const int64_t segment = task / tiles, start = task % tiles * tile * share, end = start + tile * share;
        for (int64_t first = start; first < end && first < c; first += share) {
            const int64_t group = p.group_of(segment, first);
            if (!p.given) {
                Moments all{0, 0, 0};
                for (int64_t channel = first; channel < first + share; ++channel) add_channel(all, segment, channel);
                mean[group] = C(all.mean);
                var[group] = C(all.squares / all.count);
            }
            const double inverse = inverse_std(p, var[group]);
            for (int64_t channel = first; channel < first + share; ++channel) {
                const Affine<C> affine(p, p.weight, p.bias, mean[group], inverse, channel);
                C* constant = constants.data + segment * 3 * padded + channel;
                constant[0] = affine.mean;
                constant[padded] = affine.scale;
                constant[2 * padded] = affine.bias;
            }
        }
    });
    if (!out) return true;
    const ApplyBand<T> apply_band = choose_band<T>(p);
    bands.run(p.threads, [&](int64_t band) {
        const int64_t start = bands.first_row(band) * c;
        apply_band(x + start, out + start, bands.length(band), c, padded,
                   constants.data + bands.segment(band) * 3 * padded, C(p.slope));
    });
    return true;
}

LEAKY_LEVEL_END
