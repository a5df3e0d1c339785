// A known shape over a range of memory: one loop, in which the steps are unrolled and nothing is stored between them.
#pragma once

#include <utility>

#include "shapes.hpp"
#include "steps.hpp"

LEAKY_LEVEL_BEGIN

template <class V, int32_t Code> LEAKY_INLINE V value_of(V x, const V* registers, const V* constants) {
    if constexpr (Code >= 0) return registers[Code];
    else if constexpr (Code == -1) return x;
    else return constants[-2 - Code];
}

/// Steps I and after of shape S; lines in float16 are rounded after each operation, as the formula is.
template <int S, int I, class T, class V> LEAKY_INLINE void advance(V x, V* registers, const V* constants) {
    if constexpr (I < shapes::kAll[S].count) {
        constexpr Step step = shapes::kAll[S].steps[I];
        constexpr int count = operands_of(step.kind);
        constexpr int32_t second = count < 2 ? -1 : step.b, third = count < 4 ? -1 : step.c, fourth = count < 4 ? -1 : step.d;
        V r = stepped<step.kind, Compute<T>>(value_of<V, step.a>(x, registers, constants), value_of<V, second>(x, registers, constants),
                                             value_of<V, third>(x, registers, constants), value_of<V, fourth>(x, registers, constants));
        if constexpr (sizeof(T) == 2 && !shapes::kAll[S].curved && is_arithmetic(step.kind)) r = halved(r);
        registers[step.out] = r;
        advance<S, I + 1, T>(x, registers, constants);
    }
}

template <int S, class T, bool Stream> void shape_range(const ProgramCall& call, const T* in, T* out, int64_t count) {
    using C = Compute<T>;
    using V = typename Register<C>::V;
    V constants[shapes::kConstants];
    for (int k = 0; k < shapes::kConstants; ++k) constants[k] = splat(C(call.shape_constants[k])).v;
    map_range<T, Stream>(in, out, count, [&constants](Pack<C> p) {
        LEAKY_EACH {
            V registers[shapes::kRegisters] = {};
            advance<S, 0, T>(p.v[k], registers, constants);
            p.v[k] = registers[shapes::kAll[S].steps[shapes::kAll[S].count - 1].out];
        }
        return p;
    });
}

template <class T> using ProgramRange = void (*)(const ProgramCall&, const T*, T*, int64_t);

template <int S, class T, bool Stream> constexpr ProgramRange<T> shape_range_of() {
    if constexpr (sizeof(T) != 4 && shapes::kAll[S].curved) return nullptr;
    else return shape_range<S, T, Stream>;
}
template <class T, bool Stream, class Numbers> struct ShapeRanges;
template <class T, bool Stream, int... S> struct ShapeRanges<T, Stream, std::integer_sequence<int, S...>> {
    static constexpr ProgramRange<T> all[] = {shape_range_of<S, T, Stream>()...};
};
template <class T, bool Stream>
constexpr auto& shape_ranges = ShapeRanges<T, Stream, std::make_integer_sequence<int, shapes::kCount>>::all;

LEAKY_LEVEL_END
