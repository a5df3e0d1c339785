// Bindings of the layers' kernels: addresses and sizes, as module.cpp has them.
#include "layers.hpp"

#include <nanobind/nanobind.h>

#include "chosen.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace leaky;

namespace {

using Address = uintptr_t;

void check_count(int64_t count) {
    if (count < 0) throw nb::value_error("count: must not be negative");
}

void clamp(Address x, Address out, Address mask, int64_t count, int dtype, double low, double high, int threads) {
    check_count(count);
    const ClampCall call{reinterpret_cast<const void*>(x), reinterpret_cast<void*>(out), reinterpret_cast<uint8_t*>(mask),
                         count, low, high, dtype_of(dtype), threads};
    nb::gil_scoped_release release;
    if (mask && x != out) large_pages(call.out, count * size_of(call.dtype));  // without a mask nobody trains
    chosen_kernels().layers->clamp(call);
}

void softplus_backward(Address grad, Address y, Address out, int64_t count, int dtype, double beta, double threshold, int threads) {
    check_count(count);
    const SoftplusBackward call{reinterpret_cast<const void*>(grad), reinterpret_cast<const void*>(y),
                                reinterpret_cast<void*>(out), count, beta, threshold, dtype_of(dtype), threads};
    if (call.dtype == Dtype::f64) throw nb::value_error("dtype: must not be float64 here");
    nb::gil_scoped_release release;
    if (grad != out) large_pages(call.out, count * size_of(call.dtype));
    chosen_kernels().layers->softplus_backward(call);
}

}  // namespace

void bind_layers(nb::module_& m) {
    m.def("clamp", &clamp);
    m.def("softplus_backward", &softplus_backward);
}
