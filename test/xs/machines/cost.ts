/**
 * The cost of single packets: bytecodes, slots, octets of chunks and instructions (0 if they are not counted), each as
 * `name bytecodes slots chunks instructions` for one.
 */

import { octets, text } from "../../../src/core/bytes.js";
import { Protection, SUITE_AES_128_GCM, SUITE_AES_128_SHA1_80 } from "../../../src/core/suites.js";
import { echoBegin, echoRun } from "../../../src/media/echo.js";
import { ECHO_LESS_NOISE, EchoState } from "../../../src/media/echostate.js";
import { InbandReceiver } from "../../../src/media/inband.js";
import { SEALED_MORE } from "../../../src/media/packetcipher.js";
import { RTP_HEADER, writeRtpHeader } from "../../../src/media/rtp.js";
import { Srtp } from "../../../src/media/srtp.js";
import { TONE_RINGING, Tone } from "../../../src/media/tone.js";
import { Message } from "../../../src/wire/message.js";
import { MESSAGES } from "../../bench/messages.js";
import { SoundLoop } from "../../bench/rtp-bytes.js";
import { spellings } from "../../bench/spellings.js";
import { FIRST_ADDRESS, hostOf, inhabit } from "./host.js";
import { Phone } from "./phone.js";

const host = hostOf();
const TIMES = 1000;

/** The INVITE of the seven messages with one more header field, which makes it 741 octets. */
function invite741(): Uint8Array {
  const invite = text(MESSAGES[0].bytes);
  const at = invite.indexOf("Content-Type:");
  const field = "User-Agent: Portero, the station at the front door of a house".slice(0, 741 - 2 - invite.length);
  return octets(invite.slice(0, at) + field + "\r\n" + invite.slice(at));
}

/** Bytecodes and instructions of the loop and the call around the measured code. */
let around = 0;
let instructionsAround = 0;

function measure(name: string, once: (i: number) => void): void {
  // Objects that are made the first time only are not steady state.
  for (let i = 0; i < 100; i++) once(i);
  host.collect();
  const slots = host.slots();
  const chunks = host.chunks();
  const meter = host.meter();
  const instructions = host.instructions();
  for (let i = 0; i < TIMES; i++) once(i);
  const cost = (host.meter() - meter) & 0x3fffffff;
  const retired = host.instructions() - instructions;
  const moreSlots = host.slots() - slots;
  const moreChunks = host.chunks() - chunks;
  if (name === "") {
    around = cost;
    instructionsAround = retired;
    return;
  }
  const bytecodes = Math.round((cost - around) / TIMES);
  const each = Math.round((retired - instructionsAround) / TIMES);
  host.print([name, bytecodes, moreSlots / TIMES, moreChunks / TIMES, each].join(" "));
}

/** One packet of 20 ms sealed, and one opened. */
function measureSrtp(name: string, suite: number): void {
  const [door, phone] = [new Srtp(), new Srtp()];
  const agreed = new Protection();
  agreed.suite = suite;
  agreed.ourKey.fill(7);
  agreed.theirKey.fill(7);
  door.configure(agreed);
  phone.configure(agreed);
  const packet = new Uint8Array(RTP_HEADER + 160 + SEALED_MORE);
  let sequence = 0;
  measure(name, () => {
    writeRtpHeader(packet, 0, false, 0, sequence++ & 0xffff, 0, 99);
    const end = door.sealRtp(packet, RTP_HEADER + 160);
    if (phone.openRtp(packet, end) !== RTP_HEADER + 160) throw new Error(name + " is not opened");
  });
}

inhabit({
  start() {
    measure("", () => {});
    const message = new Message(48);
    let sum = 0;
    // The driver reads every datagram into this buffer.
    const datagram = new Uint8Array(3584);
    const parse = (name: string, bytes: Uint8Array) => {
      datagram.set(bytes);
      measure(name + "." + bytes.length, () => {
        if (message.parse(datagram, 0, bytes.length, false) !== 0) throw new Error(name + " is refused");
        // The core fields, as a user agent needs them.
        sum += message.branchEnd - message.branchStart + message.cseq + message.contentLength;
        sum += message.fromTagEnd + message.toTagEnd + message.callIdEnd;
      });
    };
    const invite = invite741();
    parse("invite", invite);
    for (const { name, bytes } of spellings(invite)) parse("spelled." + name, bytes);
    for (let j = 0; j < MESSAGES.length; j++) parse("parse." + MESSAGES[j].name, MESSAGES[j].bytes);
    const quiet = new SoundLoop(0x0a000002, 0, 0);
    measure("frame", () => quiet.run(1));
    if (quiet.stream.latePackets() > 0 || quiet.sink.packets < TIMES) throw new Error("the call did not run");

    // Loud sound of two tones that are no digit: it runs all eight filters of every block, and nothing more.
    const receiver = new InbandReceiver();
    const loud = new Int16Array(160);
    for (let j = 0; j < 160; j++) loud[j] = 6000 * (Math.sin(0.35 * j) + Math.sin(1.1 * j));
    measure("inband", () => receiver.feed(loud, 0, 160));
    // On machines without the arithmetic in C a frame would take minutes.
    if (host.instructions() > 0) {
      const echo = new EchoState();
      echoBegin(echo);
      const heard = Array.from({ length: 8 }, (_, i) => loud.map((_sample, j) => loud[(j + 7 * i) % 160] >> 1));
      const microphone = new Int16Array(160);
      measure("echo", (i) => {
        microphone.set(heard[i & 7]);
        echoRun(echo, microphone, 0, loud, 0, 160, ECHO_LESS_NOISE);
      });
    }
    measureSrtp("srtp.sha1", SUITE_AES_128_SHA1_80);
    measureSrtp("srtp.gcm", SUITE_AES_128_GCM);
    const tone = new Tone();
    tone.start(TONE_RINGING, 1, 25);
    measure("tone", () => {
      tone.start(TONE_RINGING, 1, 25);
      tone.write(loud, 0, 160);
    });

    const phone = new Phone(host);
    const ping = octets("\r\n\r\n");
    measure("keepalive.crlf", () => phone.ua.layer.receiveDatagram(FIRST_ADDRESS, 5060, ping, 0, ping.length));
    const options = octets(
      "OPTIONS sip:phone@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK00000000\r\nMax-Forwards: 70\r\n" +
        "From: <sip:s@10.0.0.2>;tag=1\r\nTo: <sip:phone@10.0.0.1>\r\nCall-ID: k@10.0.0.2\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
    );
    const digits = options.indexOf(0x30, options.indexOf(0x4b));
    measure("keepalive.options", (i) => {
      let rest = i;
      for (let at = digits + 7; at >= digits; at--) {
        options[at] = 0x30 + (rest % 10);
        rest = (rest / 10) | 0;
      }
      phone.ua.layer.receiveDatagram(FIRST_ADDRESS, 5060, options, 0, options.length);
      phone.timers.poll(phone.timers.nowMs + 40_000);
    });
    host.quit(sum > 0 ? 0 : 1);
  },
});
