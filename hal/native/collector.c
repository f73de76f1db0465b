/* Collects garbage: what collector.ts calls. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

void xs_collector_collect(xsMachine *the)
{
	xsCollectGarbage();
}
