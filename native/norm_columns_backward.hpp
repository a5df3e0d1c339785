// The way back on (n, s, c). Channels whose input was kept and channels read from y stand side by side in a pack:
// both are computed and the lanes chosen, unless all are of one kind.
#pragma once

#include "norm_columns.hpp"

LEAKY_LEVEL_BEGIN

/// Constants per channel, one padded array after the other; as masks, 1 and 0.
enum Column { kShiftY, kScaleY, kShiftX, kScaleX, kAffine, kBias, kOffset, kProduct, kFromX, kColumns };

/// Where a band's elements are: y and grad (rows of c), and the kept inputs (rows of kept_count).
template <class T> struct Band {
    const T *grad, *y, *kept;
    T* grad_x;
    int64_t rows, c, padded, kept_count;
    const int32_t* place;           // of each channel in a row of kept, < 0: not there; null: all, in order
    const Compute<T>* constants;
    Compute<T>* sums;               // of gz, then of gz * xhat
    Compute<T> slope, inverse_slope;
};

template <class T, Act A> struct ColumnReader {
    using C = Compute<T>;
    const Band<T>& band;
    int64_t column;
    int count;
    bool any_y, any_x;
    Pack<C> shift_y, scale_y, shift_x, scale_x, affine, bias, from_x;
    Same<C> slope, inverse_slope;

    LEAKY_INLINE ColumnReader(const Band<T>& b, int64_t column_, int count_)
        : band(b), column(column_), count(count_), any_y(false), any_x(false) {
        const C* constant = b.constants + column;
        for (int i = 0; i < count; ++i) (constant[kFromX * b.padded + i] > 0 ? any_x : any_y) = true;
        shift_y = load(constant + kShiftY * b.padded);
        scale_y = load(constant + kScaleY * b.padded);
        shift_x = load(constant + kShiftX * b.padded);
        scale_x = load(constant + kScaleX * b.padded);
        affine = load(constant + kAffine * b.padded);
        bias = load(constant + kBias * b.padded);
        from_x = load(constant + kFromX * b.padded);
        slope = splat(b.slope);
        inverse_slope = splat(b.inverse_slope);
    }
    LEAKY_INLINE Pack<C> kept_at(int64_t row) const {
        const T* p = band.kept + row * band.kept_count;
        if (!band.place) return load_up_to(p + column, count, C(0));
        C lanes[Pack<C>::lanes];
        for (int i = 0; i < Pack<C>::lanes; ++i) {
            const int32_t place = i < count ? band.place[column + i] : -1;
            lanes[i] = place < 0 ? C(0) : widen(p[place]);
        }
        return load(lanes);
    }
    LEAKY_INLINE void read(int64_t row, Pack<C>& gz, Pack<C>& xhat) const {
        const Pack<C> grad = load_up_to(band.grad + row * band.c + column, count, C(0));
        if (any_y) {
            const Pack<C> y = load_up_to(band.y + row * band.c + column, count, C(0));
            gz = pass_back<A>(y, grad, slope);
            xhat = (undo<A>(y, inverse_slope) - shift_y) * scale_y;
        }
        if (any_x) {
            const Pack<C> centred = kept_at(row) - shift_x;
            const Pack<C> other_gz = pass_back<A>(centred * affine + bias, grad, slope), other = centred * scale_x;
            gz = any_y ? where_positive(from_x, other_gz, gz) : other_gz;
            xhat = any_y ? where_positive(from_x, other, xhat) : other;
        }
    }
};

template <class T, Act A> void band_sums(const Band<T>& band) {
    using C = Compute<T>;
    each_column<Pack<C>::lanes>(band.c, [&](int64_t column, int count) __attribute__((always_inline)) {
        const ColumnReader<T, A> reader(band, column, count);
        Pack<C> sum{}, product{}, gz{}, xhat{};
        for (int64_t row = 0; row < band.rows; ++row) {
            reader.read(row, gz, xhat);
            sum = sum + gz;
            product = product + gz * xhat;
        }
        store(band.sums + column, sum);
        store(band.sums + band.padded + column, product);
    });
}

template <class T, Act A, bool Stream> void band_grad(const Band<T>& band) {
    using C = Compute<T>;
    each_column<Pack<C>::lanes>(band.c, [&](int64_t column, int count) __attribute__((always_inline)) {
        const ColumnReader<T, A> reader(band, column, count);
        const C* constant = band.constants + column;
        const Pack<C> scale = load(constant + kAffine * band.padded);
        const Pack<C> less = load(constant + kOffset * band.padded);
        const Pack<C> product = load(constant + kProduct * band.padded);
        T* out = band.grad_x + column;
        const int64_t rows = band.rows, c = band.c;
        Pack<C> gz{}, xhat{};
        for (int64_t row = 0; row < rows; ++row) {
            reader.read(row, gz, xhat);
            store_up_to<Stream>(out + row * c, count, (gz * scale - less) - xhat * product);
        }
    });
    if constexpr (Stream) stream_end();
}

template <class T> struct BandRuns {
    void (*sums)(const Band<T>&);
    void (*grad)(const Band<T>&);
};
template <class T> BandRuns<T> choose_bands(const NormBackward& p) {
    const bool stream = norm_streams<T>(p, p.grad, p.grad_x) && p.y != p.grad_x && p.kept != p.grad_x;
    switch (act_of(p.slope)) {
        case Act::none: return {band_sums<T, Act::none>, stream ? band_grad<T, Act::none, true> : band_grad<T, Act::none, false>};
        case Act::relu: return {band_sums<T, Act::relu>, stream ? band_grad<T, Act::relu, true> : band_grad<T, Act::relu, false>};
        default: return {band_sums<T, Act::leaky>, stream ? band_grad<T, Act::leaky, true> : band_grad<T, Act::leaky, false>};
    }
}

template <class T> bool norm_backward_columns(const NormBackward& p) {
    using C = Compute<T>;
    const Bands bands = Bands::of<C>(p);
    const int64_t c = p.c, padded = bands.padded, constant_size = kColumns * padded;
    const int64_t share = p.share(), tile = Bands::groups_at_once(share), tiles = (c / share + tile - 1) / tile;
    const bool wanted = (!p.given && !p.mean_grad) || p.grad_weight || p.grad_bias;
    const Scratch<C> parts(wanted ? bands.count * 2 * padded : 0), constants(bands.segments * constant_size);
    const Scratch<Sums> sums(bands.segments * c);
    const Scratch<int32_t> places(c);
    if (!parts.data || !constants.data || !sums.data || !places.data) return false;
    for (int64_t channel = 0; channel < c; ++channel) places[channel] = int32_t(place_of(p, channel));
    for (int64_t segment = 0; segment < bands.segments; ++segment) {
        double inverse = 0;
        for (int64_t channel = 0; channel < padded; ++channel) {
            C* constant = constants.data + segment * constant_size + channel;
            if (channel >= c) {
                for (int i = 0; i < kColumns; ++i) constant[i * padded] = 0;
                continue;
            }
            const int64_t group = p.group_of(segment, channel);
            if (channel % share == 0) inverse = inverse_std(p, static_cast<const C*>(p.var)[group]);
            const Back<C> back(p, channel, static_cast<const C*>(p.mean)[group], inverse);
            constant[kShiftY * padded] = constant[kBias * padded] = back.affine.bias;
            constant[kScaleY * padded] = back.inverse_weight;
            constant[kShiftX * padded] = back.affine.mean;
            constant[kScaleX * padded] = back.affine.invstd;
            constant[kAffine * padded] = back.affine.scale;
            constant[kOffset * padded] = constant[kProduct * padded] = 0;
            constant[kFromX * padded] = places[channel] >= 0 ? C(1) : C(0);
        }
    }
    const BandRuns<T> runs = choose_bands<T>(p);
    const auto band_of = [&](int64_t band) {
        const int64_t row = bands.first_row(band);
        return Band<T>{static_cast<const T*>(p.grad) + row * c,
                       p.y ? static_cast<const T*>(p.y) + row * c : nullptr,
                       p.kept ? static_cast<const T*>(p.kept) + row * p.kept_count : nullptr,
                       p.grad_x ? static_cast<T*>(p.grad_x) + row * c : nullptr,
                       bands.length(band), c, padded, p.kept_count, p.kept_index ? places.data : nullptr,
                       constants.data + bands.segment(band) * constant_size, parts.data + band * 2 * padded,
                       C(p.slope), C(1 / p.slope)};
    };
    if (wanted) bands.run(p.threads, [&](int64_t band) { runs.sums(band_of(band)); });
    parallel(bands.segments * tiles, p.count_small() ? 1 : p.threads, [&](int64_t task) {
        const int64_t segment = task / tiles, start = task % tiles * tile * share, end = start + tile * share;
        for (int64_t first = start; first < end && first < c; first += share) {
            for (int64_t channel = first; wanted && channel < first + share; ++channel) {
                Sums all{0, 0};
                for (int64_t i = 0; i < bands.per_segment; ++i) {
                    const C* part = parts.data + (segment * bands.per_segment + i) * 2 * padded + channel;
                    all.add({double(part[0]), double(part[padded])});
                }
                sums[segment * c + channel] = all;
            }
            const Sums average = averages<C>(p, p.group_of(segment, first), first, sums.data + segment * c + first, double(bands.rows * share));
            for (int64_t channel = first; channel < first + share; ++channel) {
                C* constant = constants.data + segment * constant_size + channel;
                constant[kOffset * padded] = C(average.grad);
                constant[kProduct * padded] = C(average.product);
            }
        }
    });
    if (p.grad_x) bands.run(p.threads, [&](int64_t band) { runs.grad(band_of(band)); });
    for (int64_t channel = 0; wanted && channel < c; ++channel) {
        Sums all{0, 0};
        for (int64_t segment = 0; segment < bands.segments; ++segment) all.add(sums[segment * c + channel]);
        if (p.grad_weight) static_cast<C*>(p.grad_weight)[channel] = C(all.product);
        if (p.grad_bias) static_cast<C*>(p.grad_bias)[channel] = C(all.grad);
    }
    return true;
}

LEAKY_LEVEL_END
