/* A driver's library that answers from its environment:
 *   STUB_CARDS  how many cards there are
 *   STUB_LOST   the card that gives no handle
 *   STUB_FAILS  the calls that fail, with commas between them
 *   STUB_ERROR  the number that they return
 * Built with -DOLD it lacks the calls that tell of a card. `i` is the number of the card that is asked for. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned int u32;
typedef unsigned long long u64;
typedef struct { u32 gpu, memory; } rates;
typedef struct { u32 version; u64 total, reserved, free, used; } memory;
typedef struct { u32 pid; u64 used; u32 gpu_instance, compute_instance; } process;

enum { SUCCESS = 0, INSUFFICIENT_SIZE = 7, GPU_IS_LOST = 15 };
enum { CLOCK_SM = 1 };
enum { IDLE = 1, POWER_CAP = 4, HW_THERMAL = 64 };

static const u64 GB = 1000000000;

static int number(const char *name) {
    const char *text = getenv(name);
    return text ? atoi(text) : -1;
}

static int result(const char *call) {
    const char *failing = getenv("STUB_FAILS");
    return failing && strstr(failing, call) ? number("STUB_ERROR") : SUCCESS;
}

/* A call that does its work, or fails when it is told to. */
#define CALL(name, parameters, ...)        \
    int name parameters {                  \
        int r = result(#name);             \
        if (r == SUCCESS) { __VA_ARGS__; } \
        return r;                          \
    }

int nvmlShutdown(void) { return SUCCESS; }
CALL(nvmlInit_v2, (void), )
CALL(nvmlDeviceGetCount_v2, (u32 *count), *count = number("STUB_CARDS"))
CALL(nvmlDeviceGetHandleByIndex_v2, (u32 i, size_t *handle),
     *handle = i; if ((int)i == number("STUB_LOST")) r = GPU_IS_LOST)

#ifndef OLD
CALL(nvmlDeviceGetName, (size_t i, char *name, u32 room), strncpy(name, "NVIDIA Stub A", room); name[12] += i)
CALL(nvmlDeviceGetUtilizationRates, (size_t i, rates *busy), busy->gpu = 50 + i; busy->memory = 99)
CALL(nvmlDeviceGetMemoryInfo_v2, (size_t i, memory *memory), memory->total = 80 * GB; memory->used = (10 + i) * GB)
CALL(nvmlDeviceGetTemperature, (size_t i, int sensor, u32 *celsius), *celsius = 60 + i + sensor)
CALL(nvmlDeviceGetPowerUsage, (size_t i, u32 *milliwatts), *milliwatts = 300500 + 1000 * i)
CALL(nvmlDeviceGetEnforcedPowerLimit, (size_t i, u32 *milliwatts), *milliwatts = 700000 + 1000 * i)
CALL(nvmlDeviceGetClockInfo, (size_t i, int clock, u32 *mhz), *mhz = i + (clock == CLOCK_SM ? 1700 : 2600))

/* Every second card is held back; the others are but idle. */
CALL(nvmlDeviceGetCurrentClocksThrottleReasons, (size_t i, u64 *reasons),
     *reasons = i % 2 ? IDLE | POWER_CAP | HW_THERMAL : IDLE)

/* One process of unknown memory, one of much, and the process that asks. */
CALL(nvmlDeviceGetComputeRunningProcesses_v3, (size_t i, u32 *count, process *list),
     const process all[] = { { .pid = 7, .used = -1 }, { .pid = 8, .used = (9 + i) * GB }, { .pid = getpid(), .used = GB } };
     if (*count < 3) r = INSUFFICIENT_SIZE; else memcpy(list, all, sizeof all);
     *count = 3)
#endif
