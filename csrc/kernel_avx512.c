#define NBCY_RENDER_TILE nbcy_render_tile_avx512
#include "kernel_body.h"
