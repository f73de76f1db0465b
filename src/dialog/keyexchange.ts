/**
 * Decides which a=crypto line of an offer or answer is taken, and which keys are ours (RFC 4568 §5). An offer of ours
 * has AES_CM_128_HMAC_SHA1_80, which every phone with SRTP speaks, and AEAD_AES_128_GCM; in an offer of theirs the
 * first line is taken that is spoken here. Tags of 32 bits are taken, but not offered: digits that open a door are
 * sound too. Once agreed, suite and keys stay for the call, so that a hold needs no new ones; a suite that comes into
 * force anew has a new key.
 * Not here: the lines (wire/sdes.ts), when keys may be told at all (negotiation.ts), what is done with them
 * (media/srtp.ts).
 */
import { octetArray } from "../core/arrays.js";
import type { RandomSource } from "../core/random.js";
import {
  MASTER_MOST,
  masterBytesOf,
  type Protection,
  SUITE_AES_128_GCM,
  SUITE_AES_128_SHA1_80,
  SUITE_NONE,
} from "../core/suites.js";
import { CryptoLine } from "../wire/sdes.js";
import type { SdpMedia } from "../wire/sdp.js";
import { type AudioDescription, CRYPTO_LINES } from "../wire/sdpwriter.js";

const OFFERED: readonly number[] = [SUITE_AES_128_SHA1_80, SUITE_AES_128_GCM];

export class KeyExchange {
  private readonly random: RandomSource;
  /** The line of theirs that was found last. */
  private readonly line = new CryptoLine();
  /** A key for each suite of OFFERED. */
  private readonly keys: readonly Uint8Array[] = [octetArray(MASTER_MOST), octetArray(MASTER_MOST)];
  /** The suites of our offer, by tag from 1 on; NONE behind the last. */
  private readonly suites = octetArray(CRYPTO_LINES);
  /** A key that was in force is not any more: it must not be used again, for its packets would be counted from 0. */
  private isSpent = true;
  /** True if our offer has the keys of OFFERED, not the one in force. */
  private isFresh = false;

  constructor(random: RandomSource) {
    this.random = random;
  }

  /** Begins a new call, which has keys of its own. */
  reset(): void {
    this.isSpent = true;
  }

  /** Adds the lines of our offer: the suite and key in force, else all suites of OFFERED. */
  describeOffer(audio: AudioDescription, inForce: Protection): void {
    this.suites.fill(SUITE_NONE);
    this.isFresh = inForce.suite === SUITE_NONE;
    if (inForce.suite !== SUITE_NONE) {
      this.suites[0] = inForce.suite;
      audio.addCrypto(1, inForce.suite, inForce.ourKey);
      return;
    }
    if (this.isSpent) for (let i = 0; i < OFFERED.length; i++) this.makeKey(this.keys[i]);
    this.isSpent = false;
    for (let i = 0; i < OFFERED.length; i++) {
      this.suites[i] = OFFERED[i];
      audio.addCrypto(i + 1, OFFERED[i], this.keys[i]);
    }
  }

  /**
   * Looks for the line to take of a medium of theirs.
   * @param isAnswer true if it answers our offer: suite and tag have to be of that
   * @returns whether there is such a line; `line` then holds it
   */
  findLine(bytes: Uint8Array, media: SdpMedia, isAnswer: boolean): boolean {
    const { line } = this;
    for (let i = 0; i < media.cryptoCount; i++) {
      if (!line.read(bytes, media.cryptos[2 * i], media.cryptos[2 * i + 1])) continue;
      if (!isAnswer || (line.tag >= 1 && line.tag <= CRYPTO_LINES && this.suites[line.tag - 1] === line.suite))
        return true;
    }
    return false;
  }

  /** Takes the line of their answer; each fork may take another. */
  takeAnswer(agreed: Protection): void {
    const { line } = this;
    if (this.isFresh) put(agreed.ourKey, this.keys[line.tag - 1]);
    this.take(agreed);
  }

  /** Takes a line of their offer; our answer has one too, under the same tag. */
  takeOffered(agreed: Protection, audio: AudioDescription): void {
    const { line } = this;
    if (agreed.suite !== line.suite) this.makeKey(agreed.ourKey);
    this.take(agreed);
    audio.addCrypto(line.tag, line.suite, agreed.ourKey);
  }

  /** From here on the sound goes in clear. */
  takeNone(agreed: Protection): void {
    if (agreed.suite !== SUITE_NONE) this.isSpent = true;
    agreed.clear();
  }

  private take(agreed: Protection): void {
    const { line } = this;
    agreed.suite = line.suite;
    agreed.theirKey.fill(0);
    for (let i = 0; i < masterBytesOf(line.suite); i++) agreed.theirKey[i] = line.key[i];
    // The keys that were offered beside it are not offered again.
    this.isSpent = true;
  }

  private makeKey(key: Uint8Array): void {
    for (let i = 0; i < MASTER_MOST; i += 4) {
      const word = this.random.uint32();
      for (let j = i; j < i + 4 && j < MASTER_MOST; j++) key[j] = word >>> ((j - i) << 3);
    }
  }
}

function put(to: Uint8Array, from: Uint8Array): void {
  for (let i = 0; i < MASTER_MOST; i++) to[i] = from[i];
}
