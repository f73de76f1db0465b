/** The other end for the leader of a world: a phone on the same core, and a registrar that asks for the password. */
import { octets, text } from "../../../src/core/bytes.js";
import { Timers, type TimerUser } from "../../../src/core/timers.js";
import { DOOR_LIMITS, stationTimers } from "../../../src/driver/limits.js";
import type { Network } from "../../../src/transaction/network.js";
import { CALL_INCOMING, type Call, type SoundNetwork } from "../../../src/ua/call.js";
import { UserAgent, type UserAgentSettings, type UserAgentUser } from "../../../src/ua/useragent.js";
import { SeededRandom } from "../../random.js";
import { FIRST_ADDRESS, type Host } from "./host.js";

const RTP_PORT = 20000;
const TICK_MS = 20;
const FRAME = 160;

const SETTINGS: UserAgentSettings = {
  user: "phone",
  authUser: "",
  password: "",
  realm: "",
  displayName: "",
  domain: "",
  proxy: "",
  register: false,
  expiresS: 600,
  transport: 1,
  codecs: [0],
  ringTimeMs: 60000,
  silenceTimeMs: 0,
  sessionExpiresS: 0,
  minSeS: 90,
  rtpPort: RTP_PORT,
};

export class Phone implements Network, SoundNetwork, UserAgentUser, TimerUser {
  readonly timers = new Timers(stationTimers(DOOR_LIMITS));
  readonly ua: UserAgent;
  answers = true;
  /** REGISTER requests that came without and with credentials. */
  asked = 0;
  registered = 0;
  private readonly host: Host;
  private readonly datagram = new Uint8Array(4096);
  private readonly samples = new Int16Array(FRAME);
  private readonly tick: number;

  constructor(host: Host) {
    this.host = host;
    this.tick = this.timers.make(this, 0);
    this.ua = new UserAgent(
      SETTINGS,
      { limits: DOOR_LIMITS, timers: this.timers, random: new SeededRandom(2), network: this, sound: this },
      this,
    );
    this.ua.configure(SETTINGS, FIRST_ADDRESS + host.machine, 5060, 5060);
  }

  receive(port: number): void {
    this.timers.nowMs = this.host.now();
    const length = this.host.read(this.datagram);
    const ip = FIRST_ADDRESS + this.host.sourceMachine();
    const from = this.host.sourcePort();
    if (port !== 5060) {
      const media = this.ua.lines[(port - RTP_PORT) >> 1].media;
      if (port & 1) media.onRtcp(ip, from, this.datagram, length);
      else media.onRtp(ip, from, this.datagram, length);
    } else if (this.datagram[0] === 0x52 && this.datagram[1] === 0x45 && this.datagram[2] === 0x47) {
      this.register(text(this.datagram, 0, length));
    } else this.ua.layer.receiveDatagram(ip, from, this.datagram, 0, length);
  }

  /** Answers 401 to a REGISTER without credentials, 200 to one with. */
  private register(request: string): void {
    const lines = request.split("\r\n");
    const has = request.indexOf("\r\nAuthorization: Digest ") >= 0;
    let answer = has ? "SIP/2.0 200 OK\r\n" : "SIP/2.0 401 Unauthorized\r\n";
    for (let i = 1; i < lines.length; i++) {
      const name = lines[i].slice(0, lines[i].indexOf(":"));
      if (["Via", "From", "Call-ID", "CSeq"].indexOf(name) >= 0) answer += lines[i] + "\r\n";
      if (name === "To") answer += lines[i] + ";tag=reg\r\n";
      if (name === "Contact" && has) answer += lines[i] + ";expires=600\r\n";
    }
    if (has) this.registered += 1;
    else {
      this.asked += 1;
      answer += 'WWW-Authenticate: Digest realm="house", nonce="4f2a", algorithm=SHA-256, qop="auth"\r\n';
    }
    const bytes = octets(answer + "Content-Length: 0\r\n\r\n");
    this.host.send(5060, 0, 5060, bytes, 0, bytes.length);
  }

  poll(): number {
    this.timers.poll(this.host.now());
    const call = this.ua.activeCall();
    if (call !== null && call.hasSound && !this.timers.running(this.tick)) this.timers.start(this.tick, TICK_MS);
    return this.timers.next();
  }

  onTimer(): void {
    const call = this.ua.activeCall();
    if (call === null || !call.hasSound) return;
    for (let i = 0; i < FRAME; i++) this.samples[i] = i & 8 ? 8000 : -8000;
    call.media.microphone(this.samples, 0, FRAME);
    call.media.speaker(this.samples, 0, FRAME);
    this.timers.start(this.tick, TICK_MS);
  }

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.host.send(5060, ip - FIRST_ADDRESS, port, bytes, start, end);
  }

  sendStream(): number {
    return -1;
  }

  closeStream(): void {}

  resolve(id: number): void {
    this.ua.layer.unresolved(id);
  }

  rtp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.host.send(RTP_PORT + 2 * call, ip - FIRST_ADDRESS, port, bytes, start, end);
  }

  rtcp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.host.send(RTP_PORT + 1 + 2 * call, ip - FIRST_ADDRESS, port, bytes, start, end);
  }

  onRegistration(): void {}
  onBinding(): void {}

  onCall(call: Call): void {
    if (call.state === CALL_INCOMING && this.answers) this.ua.answer(call);
  }

  onDigit(): void {}
  onText(): void {}
  onSound(): void {}

  writeChallenge(): void {}

  mayCall(): number {
    return 0;
  }
}
