// Which level serves: the widest this CPU and its operating system can run.
#include <cstring>

#include "kernels.hpp"

namespace leaky {

namespace baseline { extern const Kernels table; }
#ifdef LEAKY_X86_LEVELS
namespace avx2 { extern const Kernels table; }
namespace avx512 { extern const Kernels table; }
#endif

const Kernels* kernels_at(const char* level) {
    const bool any = level[0] == 0;
#ifdef LEAKY_X86_LEVELS
    __builtin_cpu_init();  // looks at the registers that the system saves, too
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("fma");
    const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_avx512 && (any || !std::strcmp(level, "avx512"))) return &avx512::table;
    if (has_avx2 && (any || !std::strcmp(level, "avx2"))) return &avx2::table;
#endif
    return any || !std::strcmp(level, "baseline") ? &baseline::table : nullptr;
}

}  // namespace leaky
