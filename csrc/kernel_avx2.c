#define NBCY_RENDER_TILE nbcy_render_tile_avx2
#include "kernel_body.h"
