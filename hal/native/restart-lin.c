/* Starts the program anew: what restart.ts calls on Linux. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "host.h"

void xs_restart(xsMachine *the)
{
	(void)the;
	host_restart("by the abort hook");
}
