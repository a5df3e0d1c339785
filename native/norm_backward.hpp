// Normalisation + activation, backward, on (n, c, s): two sums per unit, then one pass that writes, both reading
// xhat from the output y, or from the input where the channel's was kept.
#pragma once

#include "norm_forward.hpp"

LEAKY_LEVEL_BEGIN

/// A unit's constants for the way back.
template <class C> struct Back {
    Affine<C> affine;
    C slope, inverse_slope, inverse_weight;
    C offset, product;  // grad_x = (gz * scale - offset) - xhat * product

    /// Of a channel with its group's statistics; `inverse` is inverse_std of its variance.
    Back(const NormBackward& p, int64_t channel, C mean, double inverse)
        : affine(p, p.weight, p.bias, mean, inverse, channel), slope(C(p.slope)), inverse_slope(C(1 / p.slope)),
          inverse_weight(C(1 / double(affine.weight))), offset(0), product(0) {}
    Back(const NormBackward& p, int64_t unit)
        : Back(p, unit % p.c, static_cast<const C*>(p.mean)[p.group_of(unit / p.c, unit % p.c)],
               inverse_std(p, static_cast<const C*>(p.var)[p.group_of(unit / p.c, unit % p.c)])) {}
};

/// Constants as packs, and the two values that both passes need.
template <class T, Act A, bool Kept> struct Reader {
    using C = Compute<T>;
    Same<C> slope, shift, scale, bias, inverse_slope;

    explicit LEAKY_INLINE Reader(const Back<C>& b) {
        slope = splat(b.slope);
        inverse_slope = splat(b.inverse_slope);
        shift = splat(Kept ? b.affine.mean : b.affine.bias);
        scale = splat(Kept ? b.affine.invstd : b.inverse_weight);
        bias = splat(b.affine.bias);
        if constexpr (Kept) inverse_slope = splat(b.affine.scale);
    }
    /// `source` is x where Kept, else y; z decides the sign exactly as forward did.
    LEAKY_INLINE void read(const Pack<C>& source, const Pack<C>& grad, Pack<C>& gz, Pack<C>& xhat) const {
        if constexpr (Kept) {
            const Pack<C> centred = source - shift;
            gz = pass_back<A>(centred * inverse_slope + bias, grad, slope);
            xhat = centred * scale;
        } else {
            gz = pass_back<A>(source, grad, slope);  // with slope > 0, y has the sign of z
            xhat = (undo<A>(source, inverse_slope) - shift) * scale;
        }
    }
};

struct Sums {
    double grad, product;  // of gz, and of gz * xhat

    void add(const Sums& other) {
        grad += other.grad;
        product += other.product;
    }
};

/// What the statistics' own dependence on x takes from the gradients of a group's channels, from `first` on: the
/// averages of scale * gz and scale * gz * xhat, from their `sums` over `count` elements. `scale` is rounded as where
/// it multiplies gz, so that a constant gradient cancels.
template <class C> Sums averages(const NormBackward& p, int64_t group, int64_t first, const Sums* sums, double count) {
    const double inverse = inverse_std(p, static_cast<const C*>(p.var)[group]);
    const auto scale = [&](int64_t channel) { return double(C(inverse * number_at(p.weight, p.weight_dtype, channel, 1))); };
    if (p.mean_grad)  // a group is one channel
        return {scale(first) * double(static_cast<const C*>(p.mean_grad)[first]),
                scale(first) * double(static_cast<const C*>(p.mean_product)[first])};
    Sums all{0, 0};
    for (int64_t i = 0; !p.given && i < p.share(); ++i)
        all.add({scale(first + i) * (sums[i].grad / count), scale(first + i) * (sums[i].product / count)});
    return all;
}

/// `r` says where grad has the elements; source has them from `offset` on, in runs `stride` apart.
template <class T, Act A, bool Kept>
Sums block_sums(const T* grad, const T* source, const Runs& r, int64_t offset, int64_t stride,
                const Back<Compute<T>>& back, int64_t next) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Reader<T, A, Kept> reader(back);
    Pack<C> sum{}, product{};
    for (int64_t run = 0; run < r.runs; ++run) {
        const T *g = grad + r.offset + run * r.stride, *p = source + offset + run * stride;
        each_pack<lanes>({0, 1, 0, r.length}, [&](int64_t i, int count) __attribute__((always_inline)) {
            fetch<lanes>(g + i + next);
            fetch<lanes>(p + i + next);
            Pack<C> gz, xhat;  // beyond an end grad is 0 and adds nothing
            reader.read(load_up_to(p + i, count, C(0)), load_up_to(g + i, count, C(0)), gz, xhat);
            sum = sum + gz;
            product = product + gz * xhat;
        });
    }
    return {total(sum), total(product)};
}

template <class T, Act A, bool Kept, bool Stream>
void block_grad(const T* grad, const T* source, T* grad_x, const Runs& r, int64_t offset, int64_t stride,
                const Back<Compute<T>>& back, int64_t next) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Reader<T, A, Kept> reader(back);
    const Same<C> scale = splat(back.affine.scale), less = splat(back.offset), product = splat(back.product);
    for (int64_t run = 0; run < r.runs; ++run) {
        const T *g = grad + r.offset + run * r.stride, *p = source + offset + run * stride;
        T* out = grad_x + r.offset + run * r.stride;
        each_pack<lanes>({0, 1, 0, r.length}, [&](int64_t i, int count) __attribute__((always_inline)) {
            fetch_far<lanes>(g + i + next);
            fetch_far<lanes>(p + i + (Kept ? 0 : next));
            Pack<C> gz, xhat;
            reader.read(load_up_to(p + i, count, C(0)), load_up_to(g + i, count, C(0)), gz, xhat);
            store_up_to<Stream>(out + i, count, (gz * scale - less) - xhat * product);
        });
    }
}

template <class T> struct BackRuns {
    Sums (*sums)(const T*, const T*, const Runs&, int64_t, int64_t, const Back<Compute<T>>&, int64_t);
    void (*grad)(const T*, const T*, T*, const Runs&, int64_t, int64_t, const Back<Compute<T>>&, int64_t);
};

template <class T, Act A, bool Kept> BackRuns<T> back_runs(bool stream) {
    return {block_sums<T, A, Kept>, stream ? block_grad<T, A, Kept, true> : block_grad<T, A, Kept, false>};
}
template <class T> BackRuns<T> choose_back(const NormBackward& p, bool kept) {
    const bool stream = norm_streams<T>(p, p.grad, p.grad_x) && p.y != p.grad_x && p.kept != p.grad_x;
    switch (act_of(p.slope)) {
        case Act::none: return kept ? back_runs<T, Act::none, true>(stream) : back_runs<T, Act::none, false>(stream);
        case Act::relu: return kept ? back_runs<T, Act::relu, true>(stream) : back_runs<T, Act::relu, false>(stream);
        default: return kept ? back_runs<T, Act::leaky, true>(stream) : back_runs<T, Act::leaky, false>(stream);
    }
}

/// Where channel's input stands in `kept`, -1 where it is not kept.
inline int64_t place_of(const NormBackward& p, int64_t channel) {
    if (!p.kept) return -1;
    if (!p.kept_index) return channel;
    return p.kept_index_wide ? static_cast<const int64_t*>(p.kept_index)[channel]
                             : int64_t(static_cast<const int32_t*>(p.kept_index)[channel]);
}

template <class T> bool norm_backward_rows(const NormBackward& p) {
    using C = Compute<T>;
    const Groups groups(p);
    const Cut cut(groups.first, kPiece);
    const int64_t share = groups.share, runs_apart = p.kept_count * p.s;
    const T *grad = static_cast<const T*>(p.grad), *y = static_cast<const T*>(p.y), *kept = static_cast<const T*>(p.kept);
    T* grad_x = static_cast<T*>(p.grad_x);
    const BackRuns<T> from_y = choose_back<T>(p, false), from_x = choose_back<T>(p, true);
    const Scratch<Sums> sums(groups.units), parts(groups.shared ? groups.units * cut.count : 0);
    if (!sums.data || !parts.data) return false;
    const bool wanted = (!p.given && !p.mean_grad) || p.grad_weight || p.grad_bias;
    const double count = double(groups.first.runs * groups.first.length * share);

    // The same element's place in grad (and y) and in kept differs by the unit's start and the runs' stride.
    const auto kept_at = [&](int64_t unit, int64_t place, const Runs& r) {
        const int64_t start = unit * groups.step, sample = p.groups ? unit / p.c : 0;
        return (sample + (r.offset - start) / r.stride) * runs_apart + place * p.s + (r.offset - start) % r.stride;
    };
    const auto sum_piece = [&](int64_t unit, const Runs& piece, const Back<C>& back) {
        const int64_t place = place_of(p, unit % p.c);
        const Cut blocks(piece, kBlock);
        Sums all{0, 0};
        for (int64_t i = 0; i < blocks.count; ++i) {
            const Runs r = blocks.at(i);
            all.add(place < 0 ? from_y.sums(grad, y, r, r.offset, r.stride, back, ahead(blocks, i))
                              : from_x.sums(grad, kept, r, kept_at(unit, place, r), runs_apart, back, 0));
        }
        return all;
    };
    const auto grad_piece = [&](int64_t unit, const Runs& r, Back<C> back, const Sums& average, int64_t next) {
        const int64_t place = place_of(p, unit % p.c);
        back.offset = C(average.grad);
        back.product = C(average.product);
        if (place < 0) from_y.grad(grad, y, grad_x, r, r.offset, r.stride, back, next);
        else from_x.grad(grad, kept, grad_x, r, kept_at(unit, place, r), runs_apart, back, next);
    };
    const auto averages_of = [&](int64_t group) {
        return averages<C>(p, group, group * share % p.c, sums.data + group * share, count);
    };

    if (!groups.shared) {
        groups.each_group(p.threads, kPiece / 8, [&](int64_t group, int64_t next) {
            const int64_t first = group * share, end = first + share;
            for (int64_t unit = first; wanted && unit < end; ++unit) {
                const Back<C> back(p, unit);
                const Cut pieces(groups.unit(unit), kPiece);
                Sums all{0, 0};
                for (int64_t i = 0; i < pieces.count; ++i) all.add(sum_piece(unit, pieces.at(i), back));
                sums[unit] = all;
            }
            if (!grad_x) return;
            const Sums average = averages_of(group);
            for (int64_t unit = first; unit < end; ++unit) grad_piece(unit, groups.unit(unit), Back<C>(p, unit), average, wanted ? next : 0);
        });
    } else {
        if (wanted) groups.each_piece(p.threads, cut, [&](int64_t unit, const Runs& piece, int64_t i) {
            parts[unit * cut.count + i] = sum_piece(unit, piece, Back<C>(p, unit));
        });
        for (int64_t unit = 0; wanted && unit < groups.units; ++unit) {
            Sums all{0, 0};
            for (int64_t i = 0; i < cut.count; ++i) all.add(parts[unit * cut.count + i]);
            sums[unit] = all;
        }
        const Scratch<Sums> average(groups.count);
        if (!average.data) return false;
        for (int64_t group = 0; group < groups.count; ++group) average[group] = averages_of(group);
        if (grad_x) groups.each_piece(p.threads, cut, [&](int64_t unit, const Runs& piece, int64_t) {
            grad_piece(unit, piece, Back<C>(p, unit), average[unit / share], 0);
        });
    }
    for (int64_t channel = 0; wanted && channel < p.c; ++channel) {
        Sums all{0, 0};
        for (int64_t unit = channel; unit < groups.units; unit += p.c) all.add(sums[unit]);
        if (p.grad_weight) static_cast<C*>(p.grad_weight)[channel] = C(all.product);
        if (p.grad_bias) static_cast<C*>(p.grad_bias)[channel] = C(all.grad);
    }
    return true;
}

LEAKY_LEVEL_END
