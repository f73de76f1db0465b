/**
 * Tests encrypted sound with programs that others wrote: baresip and Linphone, offered and required, from both ends,
 * with digits that open the door; and every packet of every suite with libsrtp2.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { masterBytesOf, Protection, SUITE_COUNT, SUITE_NAMES } from "../../src/core/suites.js";
import { Srtp } from "../../src/media/srtp.js";
import { Baresip } from "./baresip.js";
import { Door, type DoorOptions } from "./door.js";
import { Linphone, type LinphoneOptions } from "./linphone.js";
import { describeWith, Network, pause } from "./programs.js";
import { DOOR_HZ, expectTone, PHONE_HZ, TALK_MS } from "./tones.js";

const AES_80 = "AES_CM_128_HMAC_SHA1_80";
/** The phones are called over UDP and TCP, so that anybody could read the keys. */
const CLEAR = { "media.encryptionClear": "on" };
const CALL = "press; expect call=confirmed 10; wait 3; press; expect call=ended 5; quit";

describeWith(["baresip"], "the door and baresip, encrypted", () => {
  it.each([
    ["srtp", "offer"],
    ["srtp", "require"],
    ["srtp-mand", "offer"],
    ["srtp-mand", "require"],
    ["srtp-mandf", "offer"],
  ] as const)("baresip with %s calls a door with %s: both hear each other", async (encryption, ours) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, encryption });
    const door = await Door.start({ hz: DOOR_HZ, set: { ...CLEAR, "media.encryption": ours } });
    await phone.dial(door.uri);
    expect((await door.expect("call", "confirmed")).encryption).toBe(AES_80);
    await pause(TALK_MS);
    await phone.hangup();
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phone.heard(), DOOR_HZ);
  });

  it.each([
    ["offer", "srtp"],
    ["require", "srtp"],
    ["require", "srtp-mand"],
  ] as const)("a door with %s calls baresip with %s: both hear each other", async (ours, encryption) => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ, encryption });
    const set = { ...CLEAR, "media.encryption": ours, "call.target": phone.uri };
    const door = await Door.start({ set, hz: DOOR_HZ, script: CALL });
    expect((await door.expect("call", "confirmed")).encryption).toBe(AES_80);
    await door.finish();
    expectTone(door.heard(), PHONE_HZ);
    expectTone(await phone.heard(), DOOR_HZ);
  });

  it("a phone that knows no encryption is called in clear where the door offers it, and not where it is required", async () => {
    const phone = await Baresip.start({ user: "phone", hz: PHONE_HZ });
    const set = { ...CLEAR, "call.target": phone.uri };
    const offers = await Door.start({ set, hz: DOOR_HZ, script: CALL });
    expect((await offers.expect("call", "confirmed")).encryption).toBe("none");
    await offers.finish();
    const script = "press; expect call=ended 10; quit";
    const requires = await Door.start({ set: { ...set, "media.encryption": "require" }, script });
    expect((await requires.expect("call", "ended")).reason).toMatch(/^488 /);
    await requires.finish();
  });
});

async function pair(
  phone: Partial<LinphoneOptions>,
  { set, ...options }: DoorOptions = {},
): Promise<{ lin: Linphone; door: Door }> {
  const network = await Network.start();
  const lin = await Linphone.start({ user: "lin", hz: PHONE_HZ, network, ...phone });
  const door = await Door.start({
    set: { ...CLEAR, "call.target": lin.uri, "relay1.code": "2580", "tone.volume": 0, ...set },
    hz: DOOR_HZ,
    network,
    ...options,
  });
  return { lin, door };
}

describeWith(["linphonec", "ip"], "the door and Linphone, encrypted", () => {
  it("Linphone that requires encryption is called: both hear each other, a code opens", async () => {
    const { lin, door } = await pair({ encryption: "required" }, { set: { "media.encryption": "require" } });
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    expect((await door.expect("call", "confirmed")).encryption).toBe(AES_80);
    await lin.talk(door);
  });

  it("Linphone that only offers encryption takes keys beside RTP/AVP for none: the sound is in clear", async () => {
    const { lin, door } = await pair({ encryption: "offered" });
    await door.console("press");
    await lin.expect(/incoming call/i);
    lin.type("answer");
    expect((await door.expect("call", "confirmed")).encryption).toBe("none");
    await door.console("press");
    await lin.expect(/ended/);
    await door.finish();
  });

  it.each(["offered", "required"] as const)(
    "Linphone with encryption %s calls: both hear each other",
    async (encryption) => {
      const { lin, door } = await pair({ encryption });
      lin.call(door.uri);
      expect((await door.expect("call", "confirmed")).encryption).toBe(AES_80);
      await pause(TALK_MS);
      await door.console("hangup");
      await door.finish();
      expectTone(door.heard(), PHONE_HZ);
      expectTone(await lin.heard(), DOOR_HZ);
    },
  );
});

/** Takes lines `SUITE KEY PACKET` in hexadecimal: RTP is opened and sealed again, which is to give the same packet. */
const PROGRAM = `#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>
static size_t octets(const char *hex, unsigned char *out) {
  size_t count = 0;
  unsigned value;
  for (; sscanf(hex, "%2x", &value) == 1; hex += 2) out[count++] = (unsigned char)value;
  return count;
}
static void policy(srtp_policy_t *p, int suite, unsigned char *key, srtp_ssrc_type_t direction) {
  memset(p, 0, sizeof *p);
  switch (suite) {
  case 1: srtp_crypto_policy_set_rtp_default(&p->rtp); break;
  case 2: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp); break;
  case 3: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtp); break;
  case 4: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32(&p->rtp); break;
  case 5: srtp_crypto_policy_set_aes_gcm_128_16_auth(&p->rtp); break;
  case 6: srtp_crypto_policy_set_aes_gcm_256_16_auth(&p->rtp); break;
  }
  switch (suite) {
  case 1: case 2: srtp_crypto_policy_set_rtcp_default(&p->rtcp); break;
  case 3: case 4: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtcp); break;
  default: p->rtcp = p->rtp;
  }
  p->ssrc.type = direction;
  p->key = key;
}
int main(void) {
  static char line[8192], key_hex[256], packet_hex[4096];
  static unsigned char key[64], packet[2048];
  int suite, before = -1;
  srtp_t in = NULL, out = NULL;
  srtp_policy_t p;
  srtp_init();
  while (fgets(line, sizeof line, stdin) && sscanf(line, "%d %255s %4095s", &suite, key_hex, packet_hex) == 3) {
    int length = (int)octets(packet_hex, packet);
    int is_report = packet[1] >= 200 && packet[1] <= 204;
    octets(key_hex, key);
    if (suite != before) {
      policy(&p, suite, key, ssrc_any_inbound);
      srtp_create(&in, &p);
      policy(&p, suite, key, ssrc_any_outbound);
      srtp_create(&out, &p);
      before = suite;
    }
    int code = is_report ? srtp_unprotect_rtcp(in, packet, &length) : srtp_unprotect(in, packet, &length);
    printf("%d ", code);
    for (int i = 0; i < length; i++) printf("%02x", packet[i]);
    code = is_report ? srtp_protect_rtcp(out, packet, &length) : srtp_protect(out, packet, &length);
    printf(" %d ", code);
    for (int i = 0; i < length; i++) printf("%02x", packet[i]);
    printf("\\n");
  }
  return 0;
}`;

describeWith([], "our packets and libsrtp2", () => {
  it("are opened by it, and sealed by it to the same octets, over a turn of the sequence numbers", () => {
    const folder = mkdtempSync(join(tmpdir(), "portero-srtp-"));
    try {
      writeFileSync(join(folder, "a.c"), PROGRAM);
      const args = ["-O1", "-o", join(folder, "a"), join(folder, "a.c"), "-lsrtp2"];
      const compiled = spawnSync("gcc", args, { encoding: "utf8" });
      expect(compiled.stderr).toBe("");
      const lines: string[] = [];
      const expected: string[] = [];
      for (let suite = 1; suite < SUITE_COUNT; suite++) {
        const agreed = new Protection();
        agreed.suite = suite;
        for (let i = 0; i < masterBytesOf(suite); i++) agreed.ourKey[i] = agreed.theirKey[i] = 17 * i + suite;
        const key = Buffer.from(agreed.ourKey.subarray(0, masterBytesOf(suite))).toString("hex");
        const door = new Srtp();
        door.configure(agreed);
        for (let i = 0; i < 120; i++) {
          const room = Buffer.alloc(12 + i + 32, i);
          room.set([0x80, 0]);
          room.writeUInt16BE((0xffff - 60 + i) & 0xffff, 2);
          room.writeUInt32BE(i * 160, 4);
          room.writeUInt32BE(0xcafebabe, 8);
          add(door.sealRtp(room, 12 + i), room, 12 + i);
          const report = Buffer.alloc(28 + 32, i);
          report.set([0x80, 200, 0, 6]);
          report.writeUInt32BE(0xcafebabe, 4);
          add(door.sealRtcp(report, 28), report, 28);
        }
        function add(end: number, sealed: Buffer, length: number): void {
          const clear = new Srtp();
          clear.configure(agreed);
          lines.push(`${suite} ${key} ${sealed.toString("hex", 0, end)}`);
          expected.push(`${length} ${sealed.toString("hex", 0, end)}`);
        }
      }
      const run = spawnSync(join(folder, "a"), {
        input: lines.join("\n") + "\n",
        encoding: "utf8",
        maxBuffer: 1 << 26,
      });
      const results = run.stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" "));
      expect(results.map(([code, clear, again, sealed]) => [code, again, `${clear.length / 2} ${sealed}`])).toEqual(
        expected.map((line) => ["0", "0", line]),
      );
      expect(Buffer.from(SUITE_NAMES[1]).toString()).toBe(AES_80);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
