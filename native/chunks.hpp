// Long tensors in parts for the threads, cut where neither bytes of a mask nor packs are torn.
#pragma once

#include "kernels.hpp"
#include "memory.hpp"
#include "parallel.hpp"

LEAKY_LEVEL_BEGIN

/// range(start, size) over 0..count-1 on the threads; starts are multiples of 512.
template <class Range> void in_chunks(int64_t count, int threads, const Range& range) {
    constexpr int64_t least = 16 * 1024, most = 64 * 1024;
    const int64_t even = (count / (threads > 1 ? threads : 1) + 512) / 512 * 512;
    const int64_t size = even < least ? least : even > most ? most : even;
    parallel((count + size - 1) / size, threads, [&range, count, size](int64_t index) {
        const int64_t start = index * size, rest = count - start;
        range(start, rest < size ? rest : size);
    });
}

/// Whether what is written fills the last cache, and whole packs of it are aligned.
template <class T> bool past_caches(const void* in, const void* out, int64_t count) {
    return in != out && count * int64_t(sizeof(T)) >= half_last_cache() && reinterpret_cast<uintptr_t>(out) % 64 == 0;
}

/// The bits of a pack, as they stand in a mask: `count` of them, whole bytes but at an end.
template <int lanes> LEAKY_INLINE void put_bits(uint8_t* mask, uint32_t bits, int count) {
    if (count == lanes) std::memcpy(mask, &bits, lanes / 8);
    else for (int byte = 0; byte * 8 < count; ++byte) mask[byte] = uint8_t(bits >> (8 * byte));
}
template <int lanes> LEAKY_INLINE uint32_t get_bits(const uint8_t* mask, int count) {
    uint32_t bits = 0;
    if (count == lanes) std::memcpy(&bits, mask, lanes / 8);
    else for (int byte = 0; byte * 8 < count; ++byte) bits |= uint32_t(mask[byte]) << (8 * byte);
    return bits;
}

LEAKY_LEVEL_END
