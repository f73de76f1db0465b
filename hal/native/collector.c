/* The C side of collector.ts: collects garbage. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

void xs_collector_collect(xsMachine *the)
{
	xsCollectGarbage();
}
