/**
 * Tests that users who register and call with their passwords never fail beside a flood of strangers' requests, on the
 * loopback.
 */
import { createSocket } from "node:dgram";
import { expect, it } from "vitest";
import { freePorts } from "../ports.js";
import { Crowd, type Load } from "./crowd.js";
import { describeWith, HOST, pause } from "./programs.js";
import { Server } from "./server.js";

/** The flood lasts a minute with SWEEP=whole. */
const SECONDS = process.env.SWEEP === "whole" ? 60 : 6;
const RATE = 1000;
const CALLS = 10;
const METHODS = ["INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "REGISTER", "BYE", "INFO", "CANCEL", "ACK", "NONSENSE"];

/**
 * Sends strangers' requests of all kinds at that rate, those of INVITE to a phone that is silent.
 * @returns the function that ends it
 */
function flood(port: number): () => void {
  const socket = createSocket("udp4");
  const own = freePorts(1);
  socket.bind(own, HOST);
  socket.on("error", () => {});
  let count = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    for (; count < ((performance.now() - began) * RATE) / 1000; count++) {
      const method = METHODS[count % METHODS.length];
      const request =
        `${method} sip:quiet0@${HOST}:${port} SIP/2.0\r\nVia: SIP/2.0/UDP ${HOST}:${own};branch=z9hG4bKfl${count}\r\n` +
        `Max-Forwards: 70\r\nFrom: <sip:zoe@elsewhere.net>;tag=${count}\r\nTo: <sip:quiet0@${HOST}>\r\n` +
        `Call-ID: fl${count}\r\nCSeq: 1 ${method}\r\nContact: <sip:zoe@${HOST}:${own}>\r\nContent-Length: 0\r\n\r\n`;
      socket.send(request, port, HOST);
    }
  }, 5);
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

describeWith(["sipp"], "a server beside a flood of strangers' requests", () => {
  it("fails no user's call and no registration, and has nothing left 40 s later", { timeout: 200_000 }, async () => {
    const crowd = new Crowd(20, "udp");
    // These phones register, and say nothing when they are called.
    const quiet = new Crowd(20, "udp", "quiet");
    const server = await Server.start({ users: [...crowd.users, ...quiet.users] }, "--strangers", "on");
    const all: Load = { total: 20, rate: 100, atOnce: 10, timeoutS: 20 };
    await crowd.register(server.port, all);
    await quiet.register(server.port, all);
    await crowd.answer();
    const end = flood(server.port);
    const load: Load = { total: SECONDS * CALLS, rate: CALLS, atOnce: 1000, timeoutS: SECONDS + 30 };
    await Promise.all([crowd.call(server.port, load), quiet.register(server.port, load)]);
    const busy = await server.status();
    expect(busy.transactions_strangers).toBeGreaterThan(0);
    end();
    await pause(40_000);
    const status = await server.status();
    expect(status.messages_received_total).toBeGreaterThan(SECONDS * RATE * 0.8);
    expect(status.transactions_server + status.transactions_client).toBe(0);
  });
});
