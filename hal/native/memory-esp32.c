/* The C side of memory.ts on the ESP32. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "esp_system.h"

void xs_memory_free(xsMachine *the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)esp_get_free_heap_size());
}
