/* The radio of a computer is the computer's own: what powersave.ts calls on Linux does nothing. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

void xs_powersave(xsMachine *the)
{
	(void)the;
}
