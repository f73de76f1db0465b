/**
 * A phone, and the server it stands for, by hand: it speaks as little SIP and RTP as the tests on a whole machine need,
 * with nothing of `src/` in it. It answers to the source address of a message, because the machine may be behind an
 * emulated network. Not here: what is expected of the door.
 */
import { createHash, randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";

const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
const PCMU = 0;
const PCMU_SILENCE = 0xff;
const EVENT = 101;
/** A digit of RFC 4733: frames of sound, then the end three times. */
const DIGIT_FRAMES = 6;
const DIGIT_ENDS = 3;
/** A request without an answer is sent again after so long. RFC 3261 §17.1 (T1) */
const AGAIN_MS = 500;
const ANSWER_MS = 10_000;
export const HOST = "127.0.0.1";
const REALM = "house";

interface Message {
  first: string;
  fields: Map<string, string[]>;
  body: string;
}

function parse(text: string): Message {
  const end = text.indexOf("\r\n\r\n");
  const [first, ...lines] = text.slice(0, end < 0 ? undefined : end).split("\r\n");
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim().toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return { first, fields, body: end < 0 ? "" : text.slice(end + 4) };
}

const field = (message: Message, name: string) => message.fields.get(name)?.[0] ?? "";
const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const token = () => randomBytes(8).toString("hex");

function bind(port = 0): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(port, HOST, () => resolve(socket));
  });
}

/** The state of the call. */
interface Talk {
  id: string;
  ours: string;
  theirs: string;
  target: string;
  remote: RemoteInfo;
  sequence: number;
}

export class Phone {
  /** The address of this machine for the door. */
  readonly host: string;
  readonly port: number;
  readonly rtpPort: number;
  /** The events: "REGISTER digest", "INVITE", "ACK", "BYE", "200 INVITE" … */
  readonly events: string[] = [];
  user = "door";
  password = "secret";
  answers = true;
  /** The RTP packets that came. */
  came = 0;
  private lowest = -1;
  private highest = -1;
  private readonly sip: Socket;
  private readonly rtp: Socket;
  private readonly nonce = token();
  private talk: Talk | null = null;
  private soundTo: RemoteInfo | null = null;
  private timer: NodeJS.Timeout | null = null;
  private sequence = 1000;
  private timestamp = 0;
  private readonly digits: { code: number; frame: number; start: number }[] = [];
  private readonly answered = new Map<string, (message: Message, from: RemoteInfo) => void>();

  private constructor(host: string, sip: Socket, rtp: Socket) {
    this.host = host;
    this.sip = sip;
    this.rtp = rtp;
    this.port = sip.address().port;
    this.rtpPort = rtp.address().port;
    sip.on("message", (data, from) => this.onSip(parse(data.toString("latin1")), from));
    rtp.on("message", (data, from) => this.onRtp(data, from));
  }

  static async start(host: string): Promise<Phone> {
    return new Phone(host, await bind(), await bind());
  }

  close(): void {
    this.silence();
    this.sip.close();
    this.rtp.close();
  }

  get uri(): string {
    return "sip:phone@" + this.host + ":" + this.port;
  }

  get isTalking(): boolean {
    return this.timer !== null;
  }

  /** @returns the packets that did not come, between the first and the last */
  get lost(): number {
    return this.highest < 0 ? 0 : this.highest - this.lowest + 1 - this.came;
  }

  private onSip(message: Message, from: RemoteInfo): void {
    const [method, uri] = message.first.split(" ");
    if (method === "SIP/2.0") {
      this.events.push(uri + " " + field(message, "cseq").split(" ")[1]);
      this.answered.get(field(message, "cseq") + field(message, "call-id"))?.(message, from);
    } else if (method === "REGISTER") this.register(message, from);
    else if (method === "INVITE") this.invited(message, from);
    else if (method === "ACK") this.events.push("ACK");
    else {
      this.events.push(method);
      if (method === "BYE") this.silence();
      this.reply(message, from, "200 OK", []);
    }
  }

  private reply(message: Message, from: RemoteInfo, status: string, more: readonly string[], body = ""): void {
    const lines = ["SIP/2.0 " + status];
    for (const via of message.fields.get("via") ?? []) lines.push("Via: " + via);
    lines[1] += ";received=" + from.address + ";rport=" + from.port;
    const to = field(message, "to");
    lines.push("From: " + field(message, "from"), "To: " + (to.includes("tag=") ? to : to + ";tag=" + this.nonce));
    lines.push("Call-ID: " + field(message, "call-id"), "CSeq: " + field(message, "cseq"), ...more);
    lines.push("Content-Length: " + body.length, "", body);
    this.sip.send(lines.join("\r\n"), from.port, from.address);
  }

  /** Checks a REGISTER by RFC 2617, with qop. */
  private register(message: Message, from: RemoteInfo): void {
    const given = field(message, "authorization");
    const param = (name: string) => new RegExp("[ ,]" + name + '="?([^",]*)').exec(given)?.[1] ?? "";
    const secret = md5(this.user + ":" + REALM + ":" + this.password);
    const tail = [this.nonce, param("nc"), param("cnonce"), "auth", md5("REGISTER:" + param("uri"))].join(":");
    if (param("response") === "" || param("response") !== md5(secret + ":" + tail)) {
      this.events.push(given === "" ? "REGISTER" : "REGISTER wrong");
      const challenge =
        'WWW-Authenticate: Digest realm="' + REALM + '",nonce="' + this.nonce + '",qop="auth",algorithm=MD5';
      this.reply(message, from, "401 Unauthorized", [challenge]);
      return;
    }
    this.events.push("REGISTER digest");
    const contact = field(message, "contact").replace(/;expires=\d+/, "");
    this.reply(message, from, "200 OK", ["Contact: " + contact + ";expires=600"]);
  }

  private invited(message: Message, from: RemoteInfo): void {
    this.events.push("INVITE");
    const theirs = field(message, "from");
    const target = /<([^>]*)>/.exec(field(message, "contact"))?.[1] ?? "";
    const ours = field(message, "to") + (field(message, "to").includes("tag=") ? "" : ";tag=" + this.nonce);
    this.talk = { id: field(message, "call-id"), ours, theirs, target, remote: from, sequence: 1 };
    const contact = "Contact: <" + this.uri + ">";
    this.reply(message, from, "180 Ringing", [contact]);
    if (!this.answers) return;
    this.reply(message, from, "200 OK", [contact, "Content-Type: application/sdp"], this.sdp("sendrecv"));
    this.speak();
  }

  private sdp(direction: string): string {
    const lines = ["v=0", "o=- 1 " + this.sequence + " IN IP4 " + this.host, "s=-", "c=IN IP4 " + this.host, "t=0 0"];
    lines.push("m=audio " + this.rtpPort + " RTP/AVP " + PCMU + " " + EVENT, "a=rtpmap:0 PCMU/8000");
    lines.push("a=rtpmap:" + EVENT + " telephone-event/8000", "a=ptime:20", "a=" + direction, "");
    return lines.join("\r\n");
  }

  /**
   * Sends a request, in the call if there is one, again until it is answered. @returns its final answer; an INVITE's is
   * acknowledged
   */
  private async request(method: string, to: { address: string; port: number }, body: string): Promise<Message> {
    const { talk } = this;
    if (talk === null) throw new Error("no call");
    const cseq = talk.sequence++ + " " + method;
    const build = (what: string, number: string, more: readonly string[], text: string) =>
      [
        what + " " + talk.target + " SIP/2.0",
        "Via: SIP/2.0/UDP " + this.host + ":" + this.port + ";rport;branch=z9hG4bK" + token(),
        ...["Max-Forwards: 70", "From: " + talk.ours, "To: " + talk.theirs, "Call-ID: " + talk.id, "CSeq: " + number],
        ...["Contact: <" + this.uri + ">", ...more, "Content-Length: " + text.length, "", text],
      ].join("\r\n");
    const text = build(method, cseq, body === "" ? [] : ["Content-Type: application/sdp"], body);
    const send = () => this.sip.send(text, to.port, to.address);
    return await new Promise((resolve, reject) => {
      const again = setInterval(send, AGAIN_MS);
      const end = setTimeout(() => {
        clearInterval(again);
        reject(new Error("no answer to " + method + "; " + this.events.join(", ")));
      }, ANSWER_MS);
      this.answered.set(cseq + talk.id, (message) => {
        clearInterval(again);
        if (message.first.startsWith("SIP/2.0 1")) return;
        clearTimeout(end);
        talk.theirs = field(message, "to");
        talk.target = /<([^>]*)>/.exec(field(message, "contact"))?.[1] ?? talk.target;
        if (method === "INVITE")
          this.sip.send(build("ACK", cseq.replace("INVITE", "ACK"), [], ""), to.port, to.address);
        resolve(message);
      });
      send();
    });
  }

  /** Calls the door. @param port of the door's SIP on loopback @returns the status line */
  async call(port: number): Promise<string> {
    const target = "sip:door@" + HOST + ":" + port;
    const remote = { address: HOST, port, family: "IPv4", size: 0 } as const;
    this.talk = {
      id: token(),
      ours: "<" + this.uri + ">;tag=" + token(),
      theirs: "<" + target + ">",
      target,
      remote,
      sequence: 1,
    };
    const answer = await this.request("INVITE", remote, this.sdp("sendrecv"));
    if (answer.first.startsWith("SIP/2.0 200")) this.speak();
    return answer.first;
  }

  /** Asks in the call for another direction. @returns the direction of the answer */
  async direct(direction: "sendonly" | "sendrecv"): Promise<string> {
    if (this.talk === null) throw new Error("no call");
    const { body } = await this.request("INVITE", this.talk.remote, this.sdp(direction));
    return /^a=(sendrecv|sendonly|recvonly|inactive)/m.exec(body)?.[1] ?? "";
  }

  async hangUp(): Promise<void> {
    if (this.talk === null) return;
    await this.request("BYE", this.talk.remote, "");
    this.silence();
  }

  /** Presses keys in the call. RFC 4733 */
  press(digits: string): void {
    for (const digit of digits) this.digits.push({ code: "0123456789*#".indexOf(digit), frame: 0, start: 0 });
  }

  private speak(): void {
    if (this.timer !== null) return;
    this.came = 0;
    this.lowest = this.highest = -1;
    this.soundTo = null;
    this.timer = setInterval(() => this.sendFrame(), FRAME_MS);
  }

  private silence(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.digits.length = 0;
  }

  private onRtp(data: Uint8Array, from: RemoteInfo): void {
    if (data.length < 12 || data[0] >> 6 !== 2) return;
    const sequence = (data[2] << 8) | data[3];
    // A call here is too short for the numbers to come round twice.
    const extended = this.highest >= 0 && sequence < this.highest - 32768 ? sequence + 65536 : sequence;
    this.soundTo = from;
    this.came++;
    if (this.lowest < 0 || extended < this.lowest) this.lowest = extended;
    this.highest = Math.max(this.highest, extended);
  }

  private sendFrame(): void {
    if (this.soundTo === null) return;
    const digit = this.digits[0];
    const payload = digit === undefined ? Buffer.alloc(FRAME_SAMPLES, PCMU_SILENCE) : this.digitFrame(digit);
    const packet = Buffer.alloc(12 + payload.length);
    packet.writeUInt8(0x80, 0);
    packet.writeUInt8(digit === undefined ? PCMU : EVENT, 1);
    packet.writeUInt16BE(this.sequence++ & 0xffff, 2);
    packet.writeUInt32BE(digit === undefined ? this.timestamp : digit.start, 4);
    packet.writeUInt32BE(0x50484f4e, 8);
    payload.copy(packet, 12);
    this.timestamp += FRAME_SAMPLES;
    this.rtp.send(packet, this.soundTo.port, this.soundTo.address);
  }

  private digitFrame(digit: { code: number; frame: number; start: number }): Buffer {
    if (digit.frame === 0) digit.start = this.timestamp;
    digit.frame++;
    const isEnd = digit.frame > DIGIT_FRAMES;
    const frames = Math.min(digit.frame, DIGIT_FRAMES);
    if (digit.frame === DIGIT_FRAMES + DIGIT_ENDS) this.digits.shift();
    const duration = frames * FRAME_SAMPLES;
    return Buffer.from([digit.code, (isEnd ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);
  }

  /** Sends noise, half messages and unasked questions, in bursts. */
  async flood(port: number, datagrams: number): Promise<void> {
    const kinds = [
      () => randomBytes(400).toString("latin1"),
      () => "INVITE sip:door SIP/2.0\r\nVia: SIP/2.0/UDP ",
      () => "\r\n\r\n",
      () =>
        "OPTIONS sip:door@" + HOST + " SIP/2.0\r\nVia: SIP/2.0/UDP " + HOST + ":9;branch=z9hG4bK" + token() +
        "\r\nFrom: <sip:x@x>;tag=" + token() + "\r\nTo: <sip:door@x>\r\nCall-ID: " + token() +
        "\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", // biome-ignore format: one message
    ];
    for (let i = 0; i < datagrams; i++) {
      this.sip.send(Buffer.from(kinds[i % kinds.length](), "latin1"), port, HOST);
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
