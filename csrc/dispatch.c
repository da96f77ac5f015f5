/* Which builds of the kernel this processor can run. */
#include <stddef.h>

#include "nbcy.h"

const nbcy_isa *nbcy_available_isas(void)
{
    static nbcy_isa isas[5];
    int n = 0;
    isas[n++] = (nbcy_isa){"scalar", nbcy_render_tile_scalar};
    isas[n++] = (nbcy_isa){"generic", nbcy_render_tile_generic};
#ifdef NBCY_X86_64
    /* exactly the features that setup.py names in the flags of each build */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isas[n++] = (nbcy_isa){"avx2", nbcy_render_tile_avx2};
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            isas[n++] = (nbcy_isa){"avx512", nbcy_render_tile_avx512};
    }
#endif
    isas[n] = (nbcy_isa){NULL, NULL};
    return isas;
}
