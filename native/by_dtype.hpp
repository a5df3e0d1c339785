// From a dtype's code to its type.
#pragma once

#include "half.hpp"
#include "kernels.hpp"

LEAKY_LEVEL_BEGIN

template <class Call> void by_dtype(Dtype dtype, const Call& call) {
    switch (dtype) {
        case Dtype::f32: return call(float());
        case Dtype::f64: return call(double());
        case Dtype::bf16: return call(bf16());
        case Dtype::f16: return call(f16());
    }
}

LEAKY_LEVEL_END
