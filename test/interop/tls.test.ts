/**
 * Tests calls that nobody on the network can read or hear: signalling by TLS and keys of SRTP in it, with Kamailio and
 * our server between the door and baresip, and our server between it and Linphone; the door with openssl's server, our
 * server with openssl's client.
 */
import { afterAll, expect, it } from "vitest";
import { Authority, type Issued } from "../certificates.js";
import { freePorts, isOpen } from "../ports.js";
import { Baresip } from "./baresip.js";
import { Door } from "./door.js";
import { Kamailio } from "./kamailio.js";
import { Linphone } from "./linphone.js";
import { describeWith, HOST, Network, Program, pause } from "./programs.js";
import { Server } from "./server.js";
import { DOOR_HZ, expectTone, PHONE_HZ, TALK_MS } from "./tones.js";

const authority = new Authority();
const other = new Authority();
const certificate = authority.issue({ names: "IP:" + HOST + ",DNS:localhost" });
const ca = authority.own.certificate;
const AES_80 = "AES_CM_128_HMAC_SHA1_80";

afterAll(() => {
  authority.remove();
  other.remove();
});

/** Settings of a door that talks by TLS alone, and has no call that others can hear. */
function settings(port: number, more: Record<string, string> = {}): Record<string, string> {
  return {
    "sip.domain": HOST + ":" + port,
    "sip.password": "secret",
    "sip.transport": "tls",
    "tls.ca": ca,
    "media.encryption": "require",
    "relay1.code": "2580",
    "call.target": "phone",
    ...more,
  };
}

const phoneAt = (port: number): Promise<Baresip> =>
  Baresip.start({
    user: "phone",
    hz: PHONE_HZ,
    transport: "tls",
    encryption: "srtp-mand",
    ca,
    server: { port, password: "phone" },
  });

/** The door rings the phone, and then the phone the door, whose code opens: all of it is private. */
async function callBothWays(port: number): Promise<void> {
  const phone = await phoneAt(port);
  const script = "expect call=ended 60; expect call=ended 60; quit";
  const door = await Door.start({ set: settings(port), hz: DOOR_HZ, script });
  await door.expect("register", "registered");
  await door.console("press");
  const out = await door.expect("call", "confirmed");
  expect([out.direction, out.encryption, out.signalling]).toEqual(["out", AES_80, "TLS+CA"]);
  await pause(TALK_MS);
  await door.console("press");
  await door.expect("call", "ended");
  await phone.expect("CALL_CLOSED");
  expectTone(await phone.heard(), DOOR_HZ);
  await phone.dial("sip:door@" + HOST);
  const back = await door.expect("call", "confirmed");
  expect([back.direction, back.encryption, back.signalling]).toEqual(["in", AES_80, "TLS+CA"]);
  for (const digit of "2580") {
    await phone.digit(digit);
    await pause(120);
  }
  expect((await door.expect("relay", "on")).reason).toBe("code");
  await phone.hangup();
  await door.finish();
  expectTone(door.heard(), PHONE_HZ);
}

describeWith(["kamailio", "baresip", "openssl"], "a door, Kamailio and baresip by TLS", () => {
  it("ring one another, hear one another, and a code opens", async () => {
    const users = { door: "secret", phone: "phone" };
    const server = await Kamailio.start({ users, tls: certificate });
    await callBothWays(server.tlsPort);
  });

  it("say in one line that the certificate is another authority's, and nothing is sent", async () => {
    const server = await Kamailio.start({ users: { door: "secret" }, tls: certificate });
    const set = settings(server.tlsPort, { "tls.ca": other.own.certificate });
    const door = await Door.start({ set, script: "expect register=failed 20; quit" });
    await door.finish(20_000);
    expect(door.all("error")[0].value).toMatch(
      /^TLS to \(127\.0\.0\.1:\d+\): its certificate is not signed by one in /,
    );
    expect(server.seen("REGISTER", "door")).toBe(0);
  });
});

describeWith(["baresip", "openssl"], "a door, our server and baresip by TLS", () => {
  it("ring one another, hear one another, and a code opens", async () => {
    const users = { door: "secret", phone: "phone" };
    const server = await Server.start({ users, tls: certificate }, "--contacts", "any");
    await callBothWays(server.port + 1);
  });

  it("speak to whoever has the pinned key, whoever signed it", async () => {
    const own = other.issue({ names: "DNS:elsewhere.test" });
    const server = await Server.start({ users: { door: "secret" }, tls: own }, "--contacts", "any");
    const pin = await pinOf(own.certificate);
    const right = { set: settings(server.port + 1, { "tls.ca": "", "tls.pin": pin }) };
    const door = await Door.start({ ...right, script: "expect register=registered 20; quit" });
    await door.finish(20_000);
    const wrong = { set: settings(server.port + 1, { "tls.ca": "", "tls.pin": "00".repeat(32) }) };
    const stranger = await Door.start({ ...wrong, script: "expect register=failed 20; quit" });
    await stranger.finish(20_000);
    expect(stranger.all("error")[0].value).toContain("its key has the SHA-256 " + pin);
  });
});

describeWith(["baresip", "openssl"], "a door that listens for TLS, and baresip", () => {
  const phoneOf = (trusted: string): Promise<Baresip> =>
    Baresip.start({ user: "phone", hz: PHONE_HZ, transport: "tls", encryption: "srtp-mand", ca: trusted });
  const listening = (script: string): Promise<Door> =>
    Door.start({ set: { "media.encryption": "require" }, tls: certificate, hz: DOOR_HZ, script });

  it("speak straight from address to address: private, and each can hang up", async () => {
    const door = await listening("expect call=ended 60; expect call=ended 60; quit");
    const phone = await phoneOf(ca);
    await phone.dial(door.secureUri);
    const call = await door.expect("call", "confirmed");
    expect([call.direction, call.encryption, call.signalling]).toEqual(["in", AES_80, "TLS"]);
    await pause(TALK_MS);
    // The phone's own port for TLS has no certificate, so the BYE takes the way that the call came by.
    await door.console("press");
    expect((await door.expect("call", "ended")).reason).toBe("hung up here");
    await phone.expect("CALL_CLOSED");
    expectTone(await phone.heard(), DOOR_HZ);
    await phone.dial(door.secureUri);
    await door.expect("call", "confirmed");
    await pause(100);
    await phone.hangup();
    expect((await door.expect("call", "ended")).reason).toBe("hung up there");
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
  });

  it("say that a client does not believe the certificate: baresip asks for none, openssl does", async () => {
    const door = await listening("expect error 20; quit");
    const at = ["s_client", "-connect", HOST + ":" + (door.port + 1)];
    const client = new Program("openssl", [...at, "-verify_return_error", "-CAfile", other.own.certificate]);
    await client.exit(5000);
    expect((await door.expect("error")).value).toBe(
      "TLS from " + HOST + ": it does not believe our certificate: give it the authority of --tls-cert",
    );
    await door.finish();
  });
});

describeWith(["linphonec", "ip", "openssl"], "a door, our server and Linphone by TLS", () => {
  const start = async (trusted: string): Promise<{ lin: Linphone; door: Door }> => {
    const network = await Network.start();
    const users = { door: "secret", lin: "phone" };
    const server = await Server.start({ users, tls: certificate, network }, "--contacts", "any");
    const port = server.port + 1;
    const set = settings(port, { "call.target": "lin", "tone.volume": "0" });
    const door = await Door.start({
      set,
      hz: DOOR_HZ,
      network,
      script: "expect call=ended 60; quit",
    });
    await door.expect("register", "registered");
    const at = { port, password: "phone", ca: trusted };
    const lin = await Linphone.start({ user: "lin", hz: PHONE_HZ, network, encryption: "required", server: at });
    return { lin, door };
  };

  it("the door rings it, both hear each other, and a code opens", async () => {
    const { lin, door } = await start(ca);
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    const out = await door.expect("call", "confirmed");
    expect([out.direction, out.encryption, out.signalling]).toEqual(["out", AES_80, "TLS+CA"]);
    await lin.talk(door);
  });

  it("Linphone does not register where another authority signed", async () => {
    await expect(start(other.own.certificate)).rejects.toThrow("Linphone's registration");
  });
});

describeWith(["openssl"], "a door and openssl's server", () => {
  const ADDRESS = "IP:" + HOST;

  /** @returns the line that a door says of a server with that certificate, which it sent nothing */
  async function lineAbout(issued: Issued): Promise<string> {
    const port = freePorts(1);
    const args = ["s_server", "-accept", HOST + ":" + port, "-cert", issued.certificate, "-key", issued.key];
    const server = new Program("openssl", [...args, "-cert_chain", issued.certificate, "-quiet"]);
    await server.until("openssl's port", 5000, () => isOpen("tcp", port));
    const door = await Door.start({ set: settings(port), script: "expect register=failed 30; quit" });
    await door.finish(30_000);
    expect(server.lines.join("\n")).not.toContain("REGISTER");
    return door.all("error")[0].value;
  }

  it.each([
    [
      "has ended",
      () => authority.issue({ names: ADDRESS, from: "20190101000000Z", until: "20200101000000Z" }),
      /ended/,
    ],
    [
      "begins later",
      () => authority.issue({ names: ADDRESS, from: "20900101000000Z", until: "20910101000000Z" }),
      /later/,
    ],
    [
      "has another name",
      () => authority.issue({ names: "DNS:other.test" }),
      /is for other\.test, not for 127\.0\.0\.1/,
    ],
    ["is another authority's", () => other.issue({ names: ADDRESS }), /not signed by one in /],
    [
      "comes alone, though one stands between",
      () => new Authority(authority).issue({ names: ADDRESS }),
      /not signed by/,
    ],
  ])("the door says in one line that its certificate %s, and sends nothing", async (_what, issue, line) => {
    expect(await lineAbout(issue())).toMatch(line);
  });

  it("the door registers at our server behind a chain of ten certificates", async () => {
    const between = [new Authority(authority)];
    while (between.length < 9) between.unshift(new Authority(between[0]));
    const chain = authority.chain(between[0].issue({ names: ADDRESS }), ...between);
    const server = await Server.start({ users: { door: "secret" }, tls: chain }, "--contacts", "any");
    const door = await Door.start({ set: settings(server.port + 1), script: "expect register=registered 20; quit" });
    await door.finish(20_000);
  });
});

describeWith(["openssl"], "our server and openssl's client", () => {
  it.each(["-tls1_2", "-tls1_3"])("speak by %s: the chain holds, and OPTIONS is answered", async (version) => {
    const server = await Server.start({ users: ["door"], tls: certificate });
    const client = new Program("openssl", clientOf(server, version, "-CAfile", ca, "-quiet"), { isTyped: true });
    await client.until("the handshake", 5000, () => client.lines.some((line) => line.includes("verify return:1")));
    for (const line of [
      "OPTIONS sip:" + HOST + " SIP/2.0",
      "Via: SIP/2.0/TLS " + HOST + ":5061;branch=z9hG4bKopenssl",
      "From: <sip:test@" + HOST + ">;tag=1",
      "To: <sip:" + HOST + ">",
      "Call-ID: openssl",
      "CSeq: 1 OPTIONS",
      "Max-Forwards: 10",
      "Content-Length: 0",
      "",
    ])
      client.type(line + "\r");
    await client.until("the answer", 5000, () => client.lines.some((line) => line.startsWith("SIP/2.0 200")));
  });

  it("end when the client has no certificate of --tls-ca, and speak when it has one", async () => {
    const server = await Server.start({ users: ["door"], tls: certificate }, "--tls-ca", other.own.certificate);
    const mine = other.issue();
    const stranger = new Program("openssl", clientOf(server, "-tls1_2"));
    await stranger.exit(5000);
    const known = ["-cert", mine.certificate, "-key", mine.key];
    const client = new Program("openssl", clientOf(server, "-tls1_2", ...known), { isTyped: true });
    await client.until("the session", 5000, () => client.lines.some((line) => line.includes("Verify return code")));
    expect(client.code).toBeNull();
    expect((await server.status()).tls_handshakes_failed_total).toBe(1);
  });
});

function clientOf(server: Server, ...args: string[]): string[] {
  return ["s_client", "-connect", HOST + ":" + (server.port + 1), "-ign_eof", ...args];
}

/** @returns the pin as docs/privacy.md has openssl make it */
async function pinOf(file: string): Promise<string> {
  const line =
    "openssl x509 -in " + file + " -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r";
  const program = new Program("sh", ["-c", line]);
  await program.exit(5000);
  return program.lines[0].split(" ")[0];
}
