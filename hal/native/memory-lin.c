/* The C side of memory.ts on Linux: the memory of the machine that is free. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <stdint.h>
#include <unistd.h>

void xs_memory_free(xsMachine *the)
{
	int64_t octets = (int64_t)sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE);
	xsmcSetInteger(xsResult, octets > INT32_MAX ? INT32_MAX : (xsIntegerValue)octets);
}
