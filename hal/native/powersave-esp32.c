/*
 * The C side of powersave.ts on the ESP32: sets whether the radio sleeps between beacons. At start it does. A wired
 * board has no radio (MODDEF_WIRED_ENABLED, hal/moddable/wired/manifest.json) and links none of its code.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"
#include "mc.defines.h"

#if !MODDEF_WIRED_ENABLED
	#include "esp_wifi.h"
#endif

/* (isOn) */
void xs_powersave(xsMachine *the)
{
#if MODDEF_WIRED_ENABLED
	(void)the;
#else
	esp_wifi_set_ps(xsmcToBoolean(xsArg(0)) ? WIFI_PS_MIN_MODEM : WIFI_PS_NONE);
#endif
}
