#define NBCY_BUILD avx512
#include "kernel_body.h"
