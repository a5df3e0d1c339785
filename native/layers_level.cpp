// The layers' kernels of one instruction-set level: compiled once per level, as level.cpp is.
#include "by_dtype.hpp"
#include "clamp.hpp"

LEAKY_LEVEL_BEGIN

void clamp(const ClampCall& call) {
    by_dtype(call.dtype, [&](auto t) { clamp_of<decltype(t)>(call); });
}

LEAKY_LEVEL_END

namespace leaky {
namespace LEAKY_LEVEL {
extern const LayerKernels layers;
const LayerKernels layers = {clamp};
}  // namespace LEAKY_LEVEL
}  // namespace leaky
