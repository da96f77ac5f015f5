/* Which builds of the kernel this processor can run. */
#include <stddef.h>

#include "nbcy.h"

#define DECLARE(build) \
    int nbcy_render_tile_##build(const nbcy_scene *, const nbcy_tile *, const nbcy_image *, double *, const nbcy_watch *); \
    void nbcy_evaluate_##build(int, int64_t, const double *, double *);
#define BUILD(build) (nbcy_isa){#build, nbcy_render_tile_##build, nbcy_evaluate_##build}

DECLARE(scalar)
DECLARE(generic)
DECLARE(avx2)
DECLARE(avx512)

const nbcy_isa *nbcy_available_isas(void)
{
    static nbcy_isa isas[5];
    int n = 0;
    isas[n++] = BUILD(scalar);
    isas[n++] = BUILD(generic);
#ifdef NBCY_X86_64
    /* exactly the features that setup.py names in the flags of each build */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        isas[n++] = BUILD(avx2);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
            isas[n++] = BUILD(avx512);
    }
#endif
    isas[n] = (nbcy_isa){NULL, NULL, NULL};
    return isas;
}
