/**
 * The connection of a link to its server, by TCP or by TLS, one at a time. A link hears of its current connection only,
 * between `enter` and `leave`. Not here: the messages of a link (syslog.ts, hook.ts, mqtt.ts), the place of a server
 * (server.ts), the handshake of TLS (the device).
 */
import type { TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { trustOf } from "../settings/useragent.js";
import type { LinkParts } from "./parts.js";
import type { LinkServer } from "./server.js";

export interface StreamUser {
  onOpen(): void;
  /** Octets came; they are lent for the call. */
  onData(bytes: Uint8Array, start: number, end: number): void;
  /** The connection is over. @param problem one line of the device, "" if it has none */
  onClose(problem: string): void;
}

/** It is the options of its sockets itself, since functions made for them take memory. */
export class LinkStream implements TcpOptions {
  private readonly parts: LinkParts;
  readonly setting: string;
  private readonly isSecure: boolean;
  private readonly user: StreamUser;
  private tcp: TcpStack | null = null;
  private connection: TcpConnection | null = null;
  /** The reason why the current connection cannot be had, as the device told it; "" if it told none. */
  private problem = "";
  readonly port = 0;
  readonly isCaller = true;
  /** Ours. */
  address = 0;

  /** @param setting the setting that names the server @param isSecure the connections are by TLS */
  constructor(parts: LinkParts, setting: string, isSecure: boolean, user: StreamUser) {
    this.parts = parts;
    this.setting = setting;
    this.isSecure = isSecure;
    this.user = user;
  }

  /** @param address ours */
  async start(address: number): Promise<void> {
    this.address = address;
    this.tcp = await this.parts.device.tcp(this);
  }

  onError(message: string): void {
    this.problem = message;
  }

  onOpen(connection: TcpConnection): void {
    if (!this.owns(connection)) return;
    this.parts.station.enter();
    this.user.onOpen();
    this.parts.station.leave();
  }

  onData(connection: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
    if (!this.owns(connection)) return;
    this.parts.station.enter();
    this.user.onData(bytes, start, end);
    this.parts.station.leave();
  }

  onClose(connection: TcpConnection): void {
    if (!this.owns(connection)) return;
    this.connection = null;
    this.parts.station.enter();
    this.user.onClose(this.problem);
    this.parts.station.leave();
  }

  /** The sockets can be opened. */
  get isReady(): boolean {
    return this.tcp !== null;
  }

  /** There is a connection, or an attempt. */
  get isBusy(): boolean {
    return this.connection !== null;
  }

  /** The connection opened, and is not over. */
  get isOpen(): boolean {
    return this.connection?.isOpen === true;
  }

  /** Begins to connect; `onOpen` or `onClose` follows. @returns "" or why not */
  connect(server: LinkServer): string {
    const { tcp } = this;
    if (tcp === null) return "no socket";
    if (this.isSecure && tcp.connectSecure === undefined)
      return "this device has no TLS, which " + this.setting + " asks for";
    const { ip, port, secureName } = server;
    this.problem = "";
    this.connection = this.isSecure
      ? (tcp.connectSecure?.(ip, port, secureName, trustOf(this.parts.settings, this.parts.device)) ?? null)
      : tcp.connect(ip, port);
    if (this.connection !== null) return "";
    return this.problem === "" ? "no room for a connection" : this.problem;
  }

  /** Copies `bytes[start, end)`. @returns false if they cannot be sent now */
  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.connection?.write(bytes, start, end) === true;
  }

  /** Sends what was written, then closes. `onClose` does not follow. */
  end(): void {
    const { connection } = this;
    this.connection = null;
    connection?.close();
  }

  /** Closes at once. `onClose` does not follow. */
  drop(): void {
    const { connection } = this;
    this.connection = null;
    connection?.drop();
  }

  /** Closes the connection and the sockets. */
  close(): void {
    this.end();
    this.tcp?.close();
    this.tcp = null;
  }

  private owns(connection: TcpConnection): boolean {
    return this.connection !== null && this.connection.id === connection.id;
  }
}
