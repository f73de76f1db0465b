/**
 * The parts of the Moddable SDK that the device code uses, for checks without the SDK; in a build the SDK's own typings
 * count. Not here: the rest of the SDK.
 */
declare module "embedded:io/digital" {
  export default class Digital {
    static readonly Input: number;
    static readonly InputPullUp: number;
    static readonly Output: number;
    static readonly OutputOpenDrain: number;
    static readonly Rising: number;
    static readonly Falling: number;
    constructor(options: {
      pin: number;
      mode: number;
      activeLow?: boolean;
      initialValue?: 0 | 1;
      edge?: number;
      onReadable?: () => void;
    });
    read(): 0 | 1;
    write(value: 0 | 1): void;
    close(): void;
  }
}
declare module "crypt" {
  export class Digest {
    constructor(name: "MD5" | "SHA256");
    write(bytes: ArrayBuffer): void;
    close(): ArrayBuffer;
    reset(): void;
  }
}
declare module "embedded:io/smbus" {
  export default class SMBus {
    constructor(options: { data: number; clock: number; address: number; hz: number });
    readUint8(register: number): number;
    writeUint8(register: number, value: number): void;
  }
}
declare module "embedded:io/serial" {
  export default class Serial {
    constructor(options: {
      receive: number;
      transmit: number;
      baud: number;
      port: number;
      format?: "number" | "buffer";
      onReadable?: (bytes: number) => void;
      onWritable?: (bytes: number) => void;
      onError?: () => void;
    });
    read(): number | ArrayBuffer | undefined;
    write(value: number | ArrayBuffer): void;
  }
}
declare module "embedded:io/socket/tcp" {
  export default class TCP {
    constructor(options: {
      address?: string;
      port?: number;
      from?: TCP;
      format?: "number" | "buffer";
      nodelay?: boolean;
      target?: unknown;
      onReadable?: (bytes: number) => void;
      onWritable?: (bytes: number) => void;
      onError?: () => void;
    });
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
    read(): number | ArrayBuffer;
    write(value: number | ArrayBuffer): void;
    close(): void;
  }
}
declare module "embedded:io/socket/listener" {
  import TCP from "embedded:io/socket/tcp";
  export default class Listener {
    constructor(options: { port: number; onReadable?: (requests: number) => void });
    read(): TCP | undefined;
    readonly port: number;
  }
}
declare module "embedded:network/interface/wifi" {
  export default class WiFi {
    constructor(options: { onChanged?: (property: string) => void });
    connect(options: { SSID: string; password?: string }): void;
    configure(options: { static: false | { address: string; mask: string; gateway: string } }): void;
    disconnect(): void;
    scan(options: {
      onFound?: (network: { SSID: string; RSSI: number; channel: number }) => void;
      onComplete?: () => void;
    }): void;
    readonly connection: number;
    readonly address: string | undefined;
    readonly SSID: string | undefined;
    readonly RSSI: number | undefined;
  }
}
declare module "embedded:network/interface/ethernet" {
  export default class Ethernet {
    constructor(options: { onChanged?: (property: string) => void });
    configure(options: { static: false | { address: string; mask: string; gateway: string } }): void;
    readonly connection: number;
    readonly address: string | undefined;
  }
}
declare module "embedded:storage/key-value" {
  interface Storage {
    read(key: string): unknown;
    write(key: string, value: string): void;
  }
  const KeyValue: { open(options: { path: string; format: "string" }): Storage };
  export default KeyValue;
}
declare module "timer" {
  export default class Timer {
    private brand: boolean;
    static set(callback: () => void, interval?: number, repeat?: number): Timer;
    static repeat(callback: () => void, interval: number): Timer;
    static schedule(timer: Timer, interval?: number, repeat?: number): void;
    static clear(timer: Timer): void;
    static delay(ms: number): void;
  }
}
declare module "time" {
  const Time: { readonly ticks: number; delta(start: number, end?: number): number; set(seconds: number): void };
  export default Time;
}
declare module "net" {
  const Net: { get(property: "DNS"): string[] | undefined; get(property: "MAC"): string | undefined };
  export default Net;
}
declare module "mc/config" {
  /** The `config` of the manifest. */
  const config: {
    pins: Record<string, number>;
    active: { relays: "high" | "low"; led: "high" | "low"; amplifier: "high" | "low"; alarm: "high" | "low" };
  };
  export default config;
}
