#define NBCY_SCALAR
#define NBCY_RENDER_TILE nbcy_render_tile_scalar
#include "kernel_body.h"
