/** Whether the radio sleeps between beacons, over powersave-esp32.c; where there is no radio, nothing. Not here: whether it is to (`wifi.powerSave`). */
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** To be called once the radio runs. While it sleeps, what is sent to it waits for up to 100 ms and more. */
export function savePower(this: unknown, isOn: boolean): void {
  native("xs_powersave").call(this, isOn);
}
