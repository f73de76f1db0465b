/* The C side of restart.ts on Linux: starts the program anew. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "host.h"

void xs_restart(xsMachine *the)
{
	(void)the;
	host_restart("by the abort hook");
}
