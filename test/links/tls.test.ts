/**
 * Tests links whose server takes connections but never ends the handshake of TLS, in a call, and a device without TLS.
 * The handshake is the device's: here it is one that waits for ever, or for so long as a device waits. Not here: real
 * handshakes (test/host-sim/io/links-tls.test.ts).
 */
import { describe, expect, it } from "vitest";
import type { TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { HOUSE, Home, Listener } from "./home.js";

const HANDSHAKE_MS = 5000;
const HOOK = [`hook.url=https://${HOUSE}/door`];
const MQTT = ["mqtt.enabled=on", `mqtt.server=${HOUSE}`, "mqtt.tls=on"];

/**
 * A home whose door has a TLS that connects, says hello, and hears nothing. @param endsMs when the device gives the
 * handshake up; Infinity for never
 */
function stalled(settings: readonly string[], endsMs: number): Home {
  const home: Home = new Home(settings, {
    hasTls: true,
    tcp: async (options: TcpOptions): Promise<TcpStack> => {
      const shaking = new Set<number>();
      const isKnown = ({ id }: TcpConnection): boolean => !shaking.has(id);
      const stack = await home.air.host(0x0a000001).tcp({
        ...options,
        onData: (connection, bytes, start, end) => options.onData(connection, bytes, start, end),
        onClose: (connection) => options.onClose(connection),
        onError: (message) => options.onError(message),
        onOpen: (connection, incoming) => isKnown(connection) && options.onOpen(connection, incoming),
      });
      stack.connectSecure = (address, port) => {
        const connection = stack.connect(address, port);
        if (connection === null) return null;
        shaking.add(connection.id);
        const { write, drop } = connection;
        write.call(connection, Uint8Array.of(22), 0, 1);
        connection.write = () => true;
        home.air.after(endsMs, () => {
          if (!shaking.delete(connection.id)) return;
          options.onError("TLS to (10.0.0.3:" + port + "): nothing came of the handshake in 5 s");
          drop.call(connection);
          options.onClose(connection);
        });
        connection.drop = () => {
          shaking.delete(connection.id);
          drop.call(connection);
        };
        return connection;
      };
      return stack;
    },
  });
  return home;
}

describe("a handshake of TLS that never ends", () => {
  it.each([
    ["hook", HOOK, 443],
    ["mqtt", MQTT, 8883],
  ])("costs a call nothing (%s): no packet is late, and one line says what was waited for", async (name, set, port) => {
    const home = stalled(set, HANDSHAKE_MS);
    const listener = await Listener.open(home, port);
    await home.start();
    home.door.line("press");
    await home.run(60_000);
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
    expect(home.links()).toEqual(["lost " + name]);
    expect(home.events.find(({ name }) => name === "link")?.fields.reason).toContain("nothing came of the handshake");
    expect(listener.connections.length).toBeGreaterThan(2);
    expect(listener.connections.length).toBeLessThan(8);
    // Neither an event nor a password left the door.
    for (const { text } of listener.connections) expect(text).toBe("\u0016");
  });

  it.each([
    ["hook", HOOK, 443, "no answer in 10 s"],
    ["mqtt", MQTT, 8883, "no answer in 10 s"],
  ])("is given up by the link itself if the device never does (%s)", async (_, set, port, reason) => {
    const home = stalled(set, 1e9);
    const listener = await Listener.open(home, port);
    await home.start();
    await home.run(30_000);
    expect(home.events.find(({ name }) => name === "link")?.fields.reason).toBe(reason);
    expect(listener.connections[0].isOver).toBe(true);
  });
});

describe("a device without TLS", () => {
  it("takes no setting that asks for it, and says what to do", async () => {
    const home = await new Home([]).start();
    for (const key of ["sip.transport", "account2.transport"])
      expect(home.door.line(`set ${key} TLS`)).toMatch(/^error: [a-z2]+\.transport: this device has no TLS/);
    expect(home.door.line("set mqtt.tls on")).toBe("error: mqtt.tls: this device has no TLS yet: leave it off\n");
    expect(home.door.line("set hook.url HTTPS://10.0.0.3/x")).toContain("this device has no TLS yet: use http://");
    expect(home.door.line("set mqtt.tls off")).toBe("ok\n");
    expect(home.door.line("set hook.url http://10.0.0.3/https:")).toBe("ok\n");
  });

  it.each([
    [HOOK, "hook.url"],
    [MQTT, "mqtt.server"],
  ])("sends nothing in clear if a kept setting asks for TLS, and says so", async (set, key) => {
    const home = new Home(set);
    const listeners = [await Listener.open(home, 443), await Listener.open(home, 8883)];
    await home.start();
    await home.run(30_000);
    const reasons = home.events.filter(({ name }) => name === "link").map(({ fields }) => fields.reason);
    expect(reasons).toEqual(["this device has no TLS, which " + key + " asks for"]);
    for (const { connections } of listeners) expect(connections).toEqual([]);
  });
});
