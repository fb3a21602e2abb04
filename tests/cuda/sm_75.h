/* For cards of compute capability 7.5, with CUDA 12.2 and later: NVCC_APPEND_FLAGS="-include $PWD/tests/cuda/sm_75.h".
 * dfdx 0.13.0 defines two functions for cards below 8.0 that cuda_fp16.h has by now; dfdx's get other names. */

#include <cuda_fp16.h>

#if __CUDA_ARCH__ < 800
#define __hmax_nan dfdx_hmax_nan
#define __hmin_nan dfdx_hmin_nan
#endif
