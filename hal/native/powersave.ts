/**
 * Sets whether the radio sleeps between beacons, over powersave-esp32.c; without a radio it does nothing. Not here:
 * whether it is to sleep (`wifi.powerSave`).
 */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Is called once the radio runs. While the radio sleeps, packets for it wait 100 ms and more. */
export function savePower(this: unknown, isOn: boolean): void {
  native("xs_powersave").call(this, isOn);
}
