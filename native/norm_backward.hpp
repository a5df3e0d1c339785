// Normalisation + activation, backward, on (n, c, s): two sums per group, then one pass that writes, both reading
// xhat from the output y, or from the input where the channel's was kept.
#pragma once

#include "norm_forward.hpp"

LEAKY_LEVEL_BEGIN

/// A channel's constants for the way back.
template <class C> struct Back {
    Affine<C> affine;
    C slope, inverse_slope, inverse_weight;
    C factor, mean_grad, mean_product;  // grad_x = factor * (gz - mean_grad - xhat * mean_product)

    Back(const NormBackward& p, int64_t group)
        : affine(p, p.weight, p.bias, static_cast<const C*>(p.mean)[group], static_cast<const C*>(p.var)[group],
                 group % p.c),
          slope(C(p.slope)), inverse_slope(C(1 / p.slope)), inverse_weight(C(1 / double(affine.weight))),
          factor(affine.scale), mean_grad(0), mean_product(0) {}
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
};

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
                const Back<Compute<T>>& back) {
    using C = Compute<T>;
    constexpr int lanes = Pack<C>::lanes;
    const Reader<T, A, Kept> reader(back);
    const Same<C> factor = splat(back.factor), mean_grad = splat(back.mean_grad), mean_product = splat(back.mean_product);
    for (int64_t run = 0; run < r.runs; ++run) {
        const T *g = grad + r.offset + run * r.stride, *p = source + offset + run * stride;
        T* out = grad_x + r.offset + run * r.stride;
        each_pack<lanes>({0, 1, 0, r.length}, [&](int64_t i, int count) __attribute__((always_inline)) {
            Pack<C> gz, xhat;
            reader.read(load_up_to(p + i, count, C(0)), load_up_to(g + i, count, C(0)), gz, xhat);
            store_up_to<Stream>(out + i, count, ((gz - mean_grad) - xhat * mean_product) * factor);
        });
    }
    if constexpr (Stream) stream_end();
}

template <class T> struct BackRuns {
    Sums (*sums)(const T*, const T*, const Runs&, int64_t, int64_t, const Back<Compute<T>>&, int64_t);
    void (*grad)(const T*, const T*, T*, const Runs&, int64_t, int64_t, const Back<Compute<T>>&);
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
    const T *grad = static_cast<const T*>(p.grad), *y = static_cast<const T*>(p.y), *kept = static_cast<const T*>(p.kept);
    T* grad_x = static_cast<T*>(p.grad_x);
    const BackRuns<T> from_y = choose_back<T>(p, false), from_x = choose_back<T>(p, true);
    const Scratch<Sums> sums(groups.count), parts(groups.shared ? groups.count * cut.count : 0);
    if (!sums.data || !parts.data) return false;
    const bool wanted = !p.given || p.grad_weight || p.grad_bias;

    // The same element's place in grad (and y) and in kept differs by the group's start and the runs' stride.
    const auto sum_piece = [&](int64_t group, const Runs& piece, const Back<C>& back) {
        const int64_t sample = p.per_instance ? group / p.c : 0, place = place_of(p, group % p.c);
        const int64_t start = group * groups.step;
        const Cut blocks(piece, kBlock);
        Sums all{0, 0};
        for (int64_t i = 0; i < blocks.count; ++i) {
            const Runs r = blocks.at(i);
            Sums one;
            if (place < 0) {
                one = from_y.sums(grad, y, r, r.offset, r.stride, back, ahead(blocks, i));
            } else {
                const int64_t run = (r.offset - start) / r.stride, within = (r.offset - start) % r.stride;
                const int64_t stride = p.kept_count * p.s;
                one = from_x.sums(grad, kept, r, (sample + run) * stride + place * p.s + within, stride, back, 0);
            }
            all.grad += one.grad;
            all.product += one.product;
        }
        return all;
    };
    const auto grad_piece = [&](int64_t group, const Runs& r, Back<C> back) {
        const int64_t sample = p.per_instance ? group / p.c : 0, place = place_of(p, group % p.c);
        const int64_t start = group * groups.step;
        if (!p.given) {
            const double count = double(groups.first.runs * groups.first.length);
            back.mean_grad = C(sums[group].grad / count);
            back.mean_product = C(sums[group].product / count);
        }
        if (place < 0) {
            from_y.grad(grad, y, grad_x, r, r.offset, r.stride, back);
        } else {
            const int64_t run = (r.offset - start) / r.stride, within = (r.offset - start) % r.stride;
            const int64_t stride = p.kept_count * p.s;
            from_x.grad(grad, kept, grad_x, r, (sample + run) * stride + place * p.s + within, stride, back);
        }
    };

    if (!groups.shared) {
        parallel((groups.count + groups.at_once - 1) / groups.at_once, p.threads, [&](int64_t task) {
            const int64_t begin = task * groups.at_once, end = begin + groups.at_once;
            for (int64_t group = begin; group < end && group < groups.count; ++group) {
                const Back<C> back(p, group);
                const Cut pieces(groups.at(group), kPiece);
                Sums all{0, 0};
                for (int64_t i = 0; wanted && i < pieces.count; ++i) {
                    const Sums one = sum_piece(group, pieces.at(i), back);
                    all.grad += one.grad;
                    all.product += one.product;
                }
                sums[group] = all;
                if (grad_x) grad_piece(group, groups.at(group), back);
            }
        });
    } else {
        const int64_t tasks = groups.count * cut.count;
        if (wanted) parallel(tasks, p.threads, [&](int64_t task) {
            const int64_t group = task / cut.count;
            parts[task] = sum_piece(group, Cut(groups.at(group), kPiece).at(task % cut.count), Back<C>(p, group));
        });
        for (int64_t group = 0; group < groups.count; ++group) {
            Sums all{0, 0};
            for (int64_t i = 0; wanted && i < cut.count; ++i) {
                all.grad += parts[group * cut.count + i].grad;
                all.product += parts[group * cut.count + i].product;
            }
            sums[group] = all;
        }
        if (grad_x) parallel(tasks, p.threads, [&](int64_t task) {
            const int64_t group = task / cut.count;
            grad_piece(group, Cut(groups.at(group), kPiece).at(task % cut.count), Back<C>(p, group));
        });
    }
    for (int64_t channel = 0; channel < p.c; ++channel) {
        double of_weight = 0, of_bias = 0;
        for (int64_t group = channel; group < groups.count; group += p.c) {
            of_weight += sums[group].product;
            of_bias += sums[group].grad;
        }
        if (p.grad_weight) static_cast<C*>(p.grad_weight)[channel] = C(of_weight);
        if (p.grad_bias) static_cast<C*>(p.grad_bias)[channel] = C(of_bias);
    }
    return true;
}

LEAKY_LEVEL_END
