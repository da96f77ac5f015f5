#define NBCY_RENDER_TILE nbcy_render_tile_generic
#include "kernel_body.h"
