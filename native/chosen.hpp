// What the bindings share: the kernels of the level that serves, and checks of what Python passes.
#pragma once

#include "kernels.hpp"

namespace leaky {

/// The kernels of the level chosen when the module was imported.
const Kernels& chosen_kernels();

/// The dtype of a code, or an error that names the codes.
Dtype dtype_of(int code);

inline int64_t size_of(Dtype dtype) { return dtype == Dtype::f64 ? 8 : dtype == Dtype::f32 ? 4 : 2; }

}  // namespace leaky
