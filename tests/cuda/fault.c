// Preloaded, it lets a card fail: FAULT_LAUNCH=N lets the launch after N good ones fail, and every call of the driver
// from then on, as a real card does; FAULT_MEMORY=N the allocation after N good ones, and no more; FAULT_COMPILE lets
// no kernel be compiled at run time; FAULT_LOAD=N answers with error N when a kernel is put on the card.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

typedef long Word;
typedef int Call(Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word);

static int failed, launches, allocations;

static int reached(const char *name, int *count) {
    const char *good = getenv(name);
    return good && __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST) >= atoi(good);
}

// (the emulated driver knows only the errors that it gives itself)
int cuGetErrorString(int error, const char **text) {
    *text = error == 2 ? "out of memory" : "an illegal memory access was encountered";
    return 0;
}

// (every argument of these calls is a whole number or a pointer)
#define PASS_ON(name, when, error)                                                                                     \
    int name(Word a, Word b, Word c, Word d, Word e, Word f, Word g, Word h, Word i, Word j, Word k) {                 \
        if (when) return error;                                                                                        \
        return ((Call *)dlsym(RTLD_NEXT, #name))(a, b, c, d, e, f, g, h, i, j, k);                                     \
    }

#define AFTER(name) PASS_ON(name, failed, 700)

PASS_ON(cuLaunchKernel, failed || (failed = reached("FAULT_LAUNCH", &launches)), 700)
PASS_ON(cuMemAllocAsync, failed || reached("FAULT_MEMORY", &allocations), failed ? 700 : 2)
PASS_ON(cuModuleLoadData, failed || getenv("FAULT_LOAD"), failed ? 700 : atoi(getenv("FAULT_LOAD")))
PASS_ON(nvrtcCompileProgram, getenv("FAULT_COMPILE") != NULL, 6)
AFTER(cuMemFreeAsync)
AFTER(cuMemFree_v2)
PASS_ON(cuMemAlloc_v2, failed || reached("FAULT_MEMORY", &allocations), failed ? 700 : 2)
AFTER(cuMemsetD8Async)
AFTER(cuMemcpyHtoDAsync_v2)
AFTER(cuMemcpyDtoHAsync_v2)
AFTER(cuMemcpyDtoDAsync_v2)
AFTER(cuStreamSynchronize)
AFTER(cuStreamWaitEvent)
AFTER(cuStreamDestroy_v2)
AFTER(cuEventRecord)
AFTER(cuEventDestroy_v2)
AFTER(cuCtxSynchronize)
AFTER(cuCtxSetCurrent)
AFTER(cuModuleUnload)
