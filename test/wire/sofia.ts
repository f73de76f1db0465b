/**
 * Uses the parser of sofia-sip as a judge of what we write: a small program around it is built where there is a
 * compiler and Debian's libsofia-sip-ua-dev.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HEADERS = "/usr/include/sofia-sip-1.12";
const SOURCE = fileURLToPath(new URL("./sofia.c", import.meta.url));

export class Sofia {
  /** The reason why there is no such judge, "" when there is one. */
  readonly missing: string;
  private readonly folder = mkdtempSync(join(tmpdir(), "portero-sofia-"));
  private readonly program = join(this.folder, "sofia");

  constructor() {
    this.missing = this.build();
  }

  private build(): string {
    if (!existsSync(join(HEADERS, "sofia-sip/sip.h"))) return "libsofia-sip-ua-dev is not installed";
    try {
      execFileSync("cc", ["-o", this.program, `-I${HEADERS}`, SOURCE, "-lsofia-sip-ua"], { stdio: "pipe" });
      return "";
    } catch (error) {
      return `sofia.c was not built: ${(error as Error).message.split("\n")[0]}`;
    }
  }

  /** @returns for each message "ok", or the part that sofia-sip does not accept */
  judge(messages: readonly Uint8Array[]): string[] {
    const input = Buffer.concat(messages.flatMap((bytes) => [Buffer.from(`${bytes.length}\n`), Buffer.from(bytes)]));
    const out = execFileSync(this.program, { input, maxBuffer: 1 << 26 }).toString();
    const lines = out.trimEnd().split("\n");
    if (lines.length !== messages.length) throw new Error(`sofia-sip ended after ${lines.length} messages`);
    return lines;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
