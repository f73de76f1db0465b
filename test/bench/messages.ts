/**
 * Seven messages of one door's day, as they look on the wire between it and a proxy that stays in the path. Parsers are
 * measured with them. The proxy puts its Record-Route into the answers and its Via on top of the requests that it
 * forwards.
 */
import { octets } from "../../src/core/bytes.js";

function lines(head: readonly string[], body: readonly string[] = []): Uint8Array {
  const content = body.map((line) => `${line}\r\n`).join("");
  return octets(`${head.join("\r\n")}\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
}

const OFFER = [
  "v=0",
  "o=door 3912 1 IN IP4 192.0.2.21",
  "s=-",
  "c=IN IP4 192.0.2.21",
  "t=0 0",
  "m=audio 4000 RTP/AVP 0 8 101",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:8 PCMA/8000",
  "a=rtpmap:101 telephone-event/8000",
  "a=fmtp:101 0-15",
  "a=ptime:20",
  "a=sendrecv",
];

const ANSWER = [
  "v=0",
  "o=- 7712 7712 IN IP4 192.0.2.40",
  "s=session",
  "c=IN IP4 192.0.2.40",
  "t=0 0",
  "m=audio 16384 RTP/AVP 0 101",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:101 telephone-event/8000",
  "a=sendrecv",
];

const VIA = "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK5d8e2f60a1b74c93;rport";
const FROM = '"Front door" <sip:door@example.com>;tag=6b0c2d7e91f4a358';
const CALL_ID = "Call-ID: 0f5e8a7c31d94b26@192.0.2.21";
const RECORD_ROUTE = "Record-Route: <sip:192.0.2.10;lr;ftag=6b0c2d7e91f4a358>";
const PHONE = "User-Agent: Indoor Station/2.4.1";
const PHONE_ALLOW = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE";

export const MESSAGES: readonly { name: string; bytes: Uint8Array }[] = [
  {
    name: "INVITE",
    bytes: lines(
      [
        "INVITE sip:flat3@example.com SIP/2.0",
        VIA,
        "Max-Forwards: 70",
        `From: ${FROM}`,
        "To: <sip:flat3@example.com>",
        CALL_ID,
        "CSeq: 1 INVITE",
        "Contact: <sip:door@192.0.2.21:5060>",
        "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, MESSAGE",
        "Supported: timer, 100rel",
        "User-Agent: Door intercom/1.0",
        "Content-Type: application/sdp",
      ],
      OFFER,
    ),
  },
  {
    name: "180",
    bytes: lines([
      "SIP/2.0 180 Ringing",
      `${VIA}=5060;received=192.0.2.21`,
      RECORD_ROUTE,
      `From: ${FROM}`,
      "To: <sip:flat3@example.com>;tag=a73kszlfl",
      CALL_ID,
      "CSeq: 1 INVITE",
      "Contact: <sip:flat3@192.0.2.40:5062>",
      PHONE_ALLOW,
      PHONE,
    ]),
  },
  {
    name: "200",
    bytes: lines(
      [
        "SIP/2.0 200 OK",
        `${VIA}=5060;received=192.0.2.21`,
        RECORD_ROUTE,
        `From: ${FROM}`,
        "To: <sip:flat3@example.com>;tag=a73kszlfl",
        CALL_ID,
        "CSeq: 1 INVITE",
        "Contact: <sip:flat3@192.0.2.40:5062>",
        PHONE_ALLOW,
        "Supported: replaces, timer",
        PHONE,
        "Content-Type: application/sdp",
      ],
      ANSWER,
    ),
  },
  {
    name: "401",
    bytes: lines([
      "SIP/2.0 401 Unauthorized",
      "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK19c4d2a8e7b06f35;rport=5060;received=192.0.2.21",
      "From: <sip:door@example.com>;tag=2c1f90be8d4a7e63",
      "To: <sip:door@example.com>;tag=b27e1a1d33761e85846fc98f5f3a7e58.5f2c",
      "Call-ID: 93ab5c1e7f2048d6@192.0.2.21",
      "CSeq: 7 REGISTER",
      'WWW-Authenticate: Digest realm="example.com", nonce="ZsX1y2bF9M/q0TQ8yZ3lKc1Wn5uHd7eA", qop="auth", algorithm=MD5',
      "Server: Registrar (5.8)",
    ]),
  },
  {
    name: "REGISTER",
    bytes: lines([
      "REGISTER sip:example.com SIP/2.0",
      "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bK84f7e6d1c2a95b30;rport",
      "Max-Forwards: 70",
      "From: <sip:door@example.com>;tag=2c1f90be8d4a7e63",
      "To: <sip:door@example.com>",
      "Call-ID: 93ab5c1e7f2048d6@192.0.2.21",
      "CSeq: 8 REGISTER",
      "Contact: <sip:door@192.0.2.21:5060>;expires=300",
      "User-Agent: Door intercom/1.0",
      'Authorization: Digest username="door", realm="example.com", nonce="ZsX1y2bF9M/q0TQ8yZ3lKc1Wn5uHd7eA", uri="sip:example.com", response="6629fae49393a05397450978507c4ef1", algorithm=MD5, cnonce="0a4f113b", qop=auth, nc=00000001',
      "Expires: 300",
    ]),
  },
  {
    name: "ACK",
    bytes: lines([
      "ACK sip:flat3@192.0.2.40:5062 SIP/2.0",
      "Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKc0d3b8f2e6a41795;rport",
      "Route: <sip:192.0.2.10;lr;ftag=6b0c2d7e91f4a358>",
      "Max-Forwards: 70",
      `From: ${FROM}`,
      "To: <sip:flat3@example.com>;tag=a73kszlfl",
      CALL_ID,
      "CSeq: 1 ACK",
      "User-Agent: Door intercom/1.0",
    ]),
  },
  {
    name: "BYE",
    bytes: lines([
      "BYE sip:door@192.0.2.21:5060 SIP/2.0",
      "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK77ef.a1c50d4c",
      "Via: SIP/2.0/UDP 192.0.2.40:5062;branch=z9hG4bK-524287-1---4d7b5fcfe0b02f70;rport=5062",
      "Max-Forwards: 69",
      "From: <sip:flat3@example.com>;tag=a73kszlfl",
      `To: ${FROM}`,
      CALL_ID,
      "CSeq: 2 BYE",
      PHONE,
    ]),
  },
];
