#define NBCY_BUILD avx2
#include "kernel_body.h"
