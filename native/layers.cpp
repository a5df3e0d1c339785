// Bindings of the layers' kernels: addresses and sizes, as module.cpp has them.
#include "layers.hpp"

#include <nanobind/nanobind.h>

#include <new>

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

void draws(uint64_t seed, uint64_t first, int64_t packs, Address out) {
    check_count(packs);
    chosen_kernels().layers->draws(seed, first, packs, reinterpret_cast<uint32_t*>(out));
}

/// The seed is read where it lies: on a GPU it never leaves the device.
void rrelu(Address in, Address out, Address mask, Address seed, int64_t count, int dtype, double low, double high, bool divide,
           bool back, int threads) {
    check_count(count);
    if (back && count && !mask) throw nb::value_error("mask: must be given");
    const RandomCall call{reinterpret_cast<const void*>(in), reinterpret_cast<void*>(out), reinterpret_cast<uint8_t*>(mask), count,
                          *reinterpret_cast<const uint64_t*>(seed), low, high, divide, back, dtype_of(dtype), threads};
    nb::gil_scoped_release release;
    if (mask && in != out) large_pages(call.out, count * size_of(call.dtype));
    chosen_kernels().layers->rrelu(call);
}

PreluShape prelu_shape(int64_t n, int64_t c, int64_t s, bool channels_last, Address slopes, int dtype, int threads) {
    if (n < 0 || c < 0 || s < 0) throw nb::value_error("n, c, s: must not be negative");
    return {n, c, s, channels_last, reinterpret_cast<const void*>(slopes), dtype_of(dtype), threads};
}

void prelu_forward(Address x, Address out, Address slopes, int64_t n, int64_t c, int64_t s, bool channels_last, bool learns,
                   int dtype, int threads) {
    PreluForward p{};
    static_cast<PreluShape&>(p) = prelu_shape(n, c, s, channels_last, slopes, dtype, threads);
    p.x = reinterpret_cast<const void*>(x);
    p.out = reinterpret_cast<void*>(out);
    if (!n || !c || !s) return;
    nb::gil_scoped_release release;
    if (learns && x != out) large_pages(p.out, n * c * s * size_of(p.dtype));
    chosen_kernels().layers->prelu_forward(p);
}

void prelu_backward(Address grad, Address y, Address kept, Address kept_index, int64_t kept_count, Address grad_x, Address grad_slopes,
                    Address slopes, int64_t n, int64_t c, int64_t s, bool channels_last, int dtype, int threads) {
    PreluBackward p{};
    static_cast<PreluShape&>(p) = prelu_shape(n, c, s, channels_last, slopes, dtype, threads);
    p.grad = reinterpret_cast<const void*>(grad);
    p.y = reinterpret_cast<const void*>(y);
    p.kept = reinterpret_cast<const void*>(kept);
    p.kept_index = reinterpret_cast<const int32_t*>(kept_index);
    p.kept_count = kept_count;
    p.grad_x = reinterpret_cast<void*>(grad_x);
    p.grad_slopes = reinterpret_cast<double*>(grad_slopes);
    if (!n || !c || !s) return;
    if (!y && (!kept || kept_index)) throw nb::value_error("y: must be given where not every channel is kept");
    bool done;
    {
        nb::gil_scoped_release release;
        if (grad_x != grad) large_pages(p.grad_x, n * c * s * size_of(p.dtype));
        done = chosen_kernels().layers->prelu_backward(p);
    }
    if (!done) throw std::bad_alloc();
}

}  // namespace

void bind_layers(nb::module_& m) {
    m.def("clamp", &clamp);
    m.def("softplus_backward", &softplus_backward);
    m.def("draws", &draws);
    m.def("rrelu", &rrelu);
    m.def("prelu_forward", &prelu_forward);
    m.def("prelu_backward", &prelu_backward);
}
