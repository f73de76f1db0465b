/**
 * Tests the door in a house's systems: mosquitto as the broker, npm's mqtt in the place of Home Assistant, an HTTP
 * server and a syslog server of Node. All is done and seen through these, in one run: from a factory-new door to an
 * automation that opens, through the death of the broker in a call and a power cut.
 */
import { createHmac } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect as connectTcp, createServer as createSilentServer } from "node:net";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import { afterEach, expect, it } from "vitest";
import { Authority, type Issued } from "../certificates.js";
import { freePorts } from "../ports.js";
import { program as bundled } from "../programs.js";
import { Door } from "./door.js";
import { describeWith, HOST, makeFolder, Program, pause, until } from "./programs.js";

const SECRET = "a secret of the hook";
const WITHIN_MS = 40_000;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

/** mosquitto with one user for the door and one for Home Assistant, each with what docs/home-assistant.md gives it. */
class Mosquitto {
  readonly port = freePorts();
  readonly tlsPort = freePorts();
  private readonly folder = makeFolder();
  private program: Program | null = null;

  /** @param issued its certificate, for a second port by TLS */
  constructor(issued: Issued | null = null) {
    const passwords = join(this.folder, "passwords");
    writeFileSync(passwords, "front-door:door's\nhomeassistant:house's\n");
    const document = readFileSync(new URL("../../docs/home-assistant.md", import.meta.url), "utf8");
    const rights = /```\n(user front-door\n.*?)```/s.exec(document)?.[1] ?? "";
    writeFileSync(join(this.folder, "rights"), rights);
    writeFileSync(
      join(this.folder, "mosquitto.conf"),
      [
        `listener ${this.port} ${HOST}`,
        "allow_anonymous false",
        `password_file ${passwords}`,
        `acl_file ${join(this.folder, "rights")}`,
        "user root",
        "persistence true",
        `persistence_location ${this.folder}/`,
        "autosave_interval 1",
        "autosave_on_changes true",
        ...(issued === null
          ? []
          : [`listener ${this.tlsPort} ${HOST}`, `certfile ${issued.certificate}`, `keyfile ${issued.key}`]),
        "",
      ].join("\n"),
    );
  }

  async hashPasswords(): Promise<void> {
    const hashing = new Program("mosquitto_passwd", ["-U", join(this.folder, "passwords")]);
    expect(await hashing.exit(WITHIN_MS)).toBe(0);
  }

  async start(): Promise<void> {
    const program = new Program("mosquitto", ["-v", "-c", join(this.folder, "mosquitto.conf")]);
    this.program = program;
    await program.until("mosquitto", WITHIN_MS, () => program.lines.some((line) => line.endsWith(" running")));
  }

  kill(): void {
    this.program?.kill();
  }
}

/** What stands in the place of Home Assistant: it knows all topics, and which of them are retained. */
class Assistant {
  readonly now = new Map<string, string>();
  readonly heard: string[] = [];
  readonly client: MqttClient;

  constructor(port: number) {
    this.client = mqtt.connect(`mqtt://${HOST}:${port}`, {
      username: "homeassistant",
      password: "house's",
      reconnectPeriod: 200,
    });
    this.client.on("error", () => {});
    this.client.on("connect", () => this.client.subscribe("#"));
    this.client.on("message", (topic, payload) => {
      this.now.set(topic, String(payload));
      this.heard.push(`${topic} ${payload}`);
    });
    cleanUps.push(() => this.client.end(true));
  }

  order(topic: string, payload: string): void {
    this.client.publish(topic, payload);
  }

  async sees(topic: string, payload: string): Promise<void> {
    await until(
      () => `${topic} ${payload}; last heard: ${this.heard.slice(-8).join(" | ")}`,
      WITHIN_MS,
      () => this.now.get(topic) === payload,
    );
  }
}

interface Post {
  id: string;
  event: string;
  value: string;
  reason?: string;
}

/** @param issued the receiver's certificate; null: it has no TLS */
async function receiveHooks(issued: Issued | null = null): Promise<{ port: number; posts: Post[] }> {
  const posts: Post[] = [];
  const answer: RequestListener = (request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      const code = createHmac("sha256", SECRET).update(`${request.headers["x-portero-time"]}.${body}`).digest("hex");
      expect(request.headers["x-portero-signature"]).toBe(`sha256=${code}`);
      posts.push(JSON.parse(body));
      response.end("thank you");
    });
  };
  const server: Server =
    issued === null
      ? createServer(answer)
      : createSecureServer({ cert: readFileSync(issued.certificate), key: readFileSync(issued.key) }, answer);
  cleanUps.push(() => server.close());
  const port = freePorts();
  await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
  return { port, posts };
}

async function receiveLines(): Promise<{ port: number; lines: string[] }> {
  const lines: string[] = [];
  const socket: Socket = createSocket("udp4");
  cleanUps.push(() => socket.close());
  socket.on("message", (message) => void lines.push(String(message)));
  const port = freePorts();
  await new Promise<void>((resolve) => socket.bind(port, HOST, resolve));
  return { port, lines };
}

/** A door whose store outlives it. */
class StoredDoor {
  readonly consolePort = freePorts();
  private readonly args: string[];
  private program: Program | null = null;

  constructor(phone: string) {
    const place = ["net.address=" + HOST, "sip.port=" + freePorts(), "rtp.port=" + freePorts(20)];
    const settings = [...place, "call.target=" + phone].flatMap((one) => ["--set", one]);
    const store = join(makeFolder(), "store");
    this.args = [bundled("portero-sim"), "--headless", "--alone", "--json", "--store", store, ...settings];
    this.args.push("--console-port", String(this.consolePort), "--do", "wait 200; quit");
  }

  async start(): Promise<void> {
    const program = new Program(process.execPath, this.args);
    this.program = program;
    await program.until("the door", WITHIN_MS, () => program.lines.some((line) => line.includes('"ready"')));
  }

  /** The power goes. */
  cut(): void {
    this.program?.kill();
  }

  /**
   * Types lines on the console. After a reboot its port is open a little later than the door's own sockets.
   * @returns the answers
   */
  async type(lines: readonly string[]): Promise<string> {
    let answers = "";
    const typed = (): Promise<boolean> =>
      new Promise((resolve) => {
        let isConnected = false;
        answers = "";
        const socket = connectTcp(this.consolePort, HOST, () => {
          isConnected = true;
          socket.end(lines.join("\n") + "\n");
        });
        socket.on("error", () => {});
        socket.on("close", () => resolve(isConnected));
        socket.on("data", (bytes) => {
          answers += bytes;
        });
      });
    await until("the console", WITHIN_MS, typed);
    return answers;
  }
}

describeWith(["mosquitto"], "the door in the house's systems", () => {
  it("opens by an automation, from its first start through the broker's death and a power cut", async () => {
    const broker = new Mosquitto();
    await broker.hashPasswords();
    await broker.start();
    const house = new Assistant(broker.port);
    const { port: hookPort, posts } = await receiveHooks();
    const { port: linePort, lines } = await receiveLines();
    const phone = await Door.start({ script: "wait 200; quit" });
    const door = new StoredDoor(phone.uri);
    await door.start();
    // Rubbish on the door's topics, from before it was there.
    for (const topic of ["relay1/set", "restart/set", "relay1", "availability", "nothing/at/all"])
      house.client.publish("portero/" + topic, "UNLOCK", { retain: true });

    await door.type([
      `set mqtt.server ${HOST}:${broker.port}`,
      "set mqtt.user front-door",
      "set mqtt.password wrong",
      "set mqtt.enabled on",
      "set mqtt.open on",
      `set hook.url http://${HOST}:${hookPort}/door`,
      `set hook.secret ${SECRET}`,
      `set syslog.server ${HOST}:${linePort}`,
      "save",
      "reboot",
    ]);
    // The password is wrong: the broker says so, the door tells it in words, once.
    await until("the refusal", WITHIN_MS, () => lines.find((line) => line.includes("link lost name=mqtt")));
    expect(lines.find((line) => line.includes("link lost name=mqtt"))).toMatch(/reason="wrong user|this user may/);
    await door.type(["set mqtt.password door's", "save", "reboot"]);
    await house.sees("portero/availability", "online");
    await house.sees("portero/relay1", "LOCKED");
    const config = JSON.parse(house.now.get("homeassistant/device/portero/config") ?? "{}");
    expect(config.cmps.relay1).toMatchObject({ p: "lock", cmd_t: "portero/relay1/set" });
    expect(posts.some(({ reason }) => reason === "MQTT")).toBe(false);

    // A ring of the house's own, and the automation that opens while the phone talks.
    house.order(config.cmps.call1.cmd_t, "PRESS");
    await house.sees("portero/incall", "ON");
    house.order(config.cmps.relay1.cmd_t, "UNLOCK");
    await house.sees("portero/relay1", "UNLOCKED");
    await until("the hook's word", WITHIN_MS, () =>
      posts.find(({ event, value, reason }) => event === "relay" && value === "on" && reason === "MQTT"),
    );
    await until("the line", WITHIN_MS, () => lines.find((line) => line.includes("relay on relay=1 reason=MQTT")));
    await house.sees("portero/relay1", "LOCKED");

    // A thousand messages a second of noise, then the broker dies in the call.
    for (let i = 0; i < 1000; i++)
      house.order(i % 2 === 0 ? "portero/hangup/set" : "homeassistant/status", "noise" + i);
    house.order("portero/relay1/set", "U".repeat(65_536));
    await pause(1500);
    expect(house.now.get("portero/incall")).toBe("ON");
    broker.kill();
    await until("the loss", WITHIN_MS, () =>
      lines.find((line) => line.includes("link lost name=mqtt") && line.includes("ended")),
    );
    const before = house.heard.length;
    await broker.start();
    await until("the door's return", WITHIN_MS, () => house.heard.slice(before).includes("portero/incall ON"));
    await until("the line about it", WITHIN_MS, () => lines.find((line) => line.includes("link back name=mqtt")));
    // The noise has used up the commands that the door takes at once.
    await pause(2500);
    house.order("portero/hangup/set", "PRESS");
    await house.sees("portero/call", "idle");

    // The power goes: the broker says so, and the door comes back as it was.
    const ids = new Set(posts.map(({ id }) => id.split("-")[0]));
    door.cut();
    await house.sees("portero/availability", "offline");
    await door.start();
    await house.sees("portero/availability", "online");
    const opened = house.heard.filter((line) => line === "portero/relay1 UNLOCKED").length;
    house.order("portero/relay1/set", "OPEN");
    await until(
      "another opening",
      WITHIN_MS,
      () => house.heard.filter((line) => line === "portero/relay1 UNLOCKED").length > opened,
    );
    await until("another start's id", WITHIN_MS, () => posts.some(({ id }) => !ids.has(id.split("-")[0])));
    expect(new Set(posts.map(({ id }) => id)).size).toBe(posts.length);
    for (const line of lines)
      expect(line).toMatch(/^<1[23]\d>1 \S+ 127\.0\.0\.1 portero - \w+ \[meta sequenceId="\d+"\] /);
  }, 180_000);

  it("goes by TLS alone, believes no other authority, and talks on while a server stands still in the handshake", async () => {
    const authority = new Authority();
    const other = new Authority();
    cleanUps.push(() => authority.remove());
    cleanUps.push(() => other.remove());
    const issued = authority.issue({ names: "IP:" + HOST });
    const broker = new Mosquitto(issued);
    await broker.hashPasswords();
    await broker.start();
    const house = new Assistant(broker.port);
    const { port: hookPort, posts } = await receiveHooks(issued);
    const { port: linePort, lines } = await receiveLines();
    const phone = await Door.start({ script: "wait 200; quit" });
    const door = new StoredDoor(phone.uri);
    await door.start();
    await door.type([
      `set mqtt.server ${HOST}:${broker.tlsPort}`,
      "set mqtt.user front-door",
      "set mqtt.password door's",
      "set mqtt.enabled on",
      "set mqtt.open on",
      "set mqtt.tls on",
      `set hook.url https://${HOST}:${hookPort}/door`,
      `set hook.secret ${SECRET}`,
      `set syslog.server ${HOST}:${linePort}`,
      "set tls.ca " + other.own.certificate,
      "save",
      "reboot",
    ]);
    for (const name of ["mqtt", "hook"]) {
      const lost = (): string | undefined => lines.find((line) => line.includes("link lost name=" + name));
      await until("the refusal of " + name, WITHIN_MS, lost);
      expect(lost()).toContain("its certificate is not signed by one in " + other.own.certificate);
    }
    expect(posts).toEqual([]);
    expect(house.now.has("portero/availability")).toBe(false);
    await door.type(["set tls.ca " + authority.own.certificate, "save", "reboot"]);
    await house.sees("portero/availability", "online");
    house.order("portero/call1/set", "PRESS");
    await house.sees("portero/incall", "ON");
    house.order("portero/relay1/set", "UNLOCK");
    await until("the hook's word", WITHIN_MS, () =>
      posts.find(({ event, value, reason }) => event === "relay" && value === "on" && reason === "MQTT"),
    );
    // In the place of the broker there is now a server that takes connections and says nothing.
    broker.kill();
    await until("the loss", WITHIN_MS, () =>
      lines.find((line) => line.includes("link lost name=mqtt") && line.includes("ended")),
    );
    let taken = 0;
    const silent = createSilentServer((socket) => {
      taken += 1;
      socket.on("error", () => {});
      cleanUps.push(() => socket.destroy());
    });
    cleanUps.push(() => silent.close());
    await new Promise<void>((resolve) => silent.listen(broker.tlsPort, HOST, resolve));
    await until("two tries", WITHIN_MS, () => taken >= 2);
    const stats = await door.type(["stats"]);
    expect(/rtpLate\s+(\d+)/.exec(stats)?.[1]).toBe("0");
    expect(Number(/rtpReceived\s+(\d+)/.exec(stats)?.[1])).toBeGreaterThan(200);
  }, 180_000);
});
