// Python's door to dropout: addresses and sizes.
#include <nanobind/nanobind.h>

#include "chosen.hpp"
#include "layers.hpp"
#include "threads.hpp"

namespace nb = nanobind;
using namespace leaky;

namespace {

using Address = uintptr_t;

void dropout(Address in, Address out, Address drawn, Address mask, int64_t count, int dtype, double scale, int threads) {
    if (count < 0) throw nb::value_error("count: must not be negative");
    if (count && !mask) throw nb::value_error("mask: must be given");
    const DropoutCall call{reinterpret_cast<const void*>(in), reinterpret_cast<void*>(out), reinterpret_cast<const uint8_t*>(drawn),
                           reinterpret_cast<uint8_t*>(mask), count, scale, dtype_of(dtype), threads};
    nb::gil_scoped_release release;
    if (in != out) large_pages(call.out, count * size_of(call.dtype));
    chosen_kernels().layers->dropout(call);
}

}  // namespace

void bind_dropout(nb::module_& m) { m.def("dropout", &dropout); }
