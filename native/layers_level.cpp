// The layers' kernels of one instruction-set level: compiled once per level, as level.cpp is.
#include "by_dtype.hpp"
#include "clamp.hpp"
#include "softplus.hpp"

LEAKY_LEVEL_BEGIN

void clamp(const ClampCall& call) {
    by_dtype(call.dtype, [&](auto t) { clamp_of<decltype(t)>(call); });
}

void softplus_backward(const SoftplusBackward& call) {
    if (call.dtype == Dtype::f32) softplus_backward_of<float>(call);
    else if (call.dtype == Dtype::bf16) softplus_backward_of<bf16>(call);
    else softplus_backward_of<f16>(call);
}

LEAKY_LEVEL_END

namespace leaky {
namespace LEAKY_LEVEL {
extern const LayerKernels layers;
const LayerKernels layers = {clamp, softplus_backward};
}  // namespace LEAKY_LEVEL
}  // namespace leaky
