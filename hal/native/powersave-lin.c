/* The C side of powersave.ts on Linux. It does nothing: the computer looks after its own radio. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

void xs_powersave(xsMachine *the)
{
	(void)the;
}
