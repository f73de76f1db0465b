/**
 * Certificates for tests, made by openssl when a test wants them, so that none is kept and none ends one day. They lie
 * in a folder of their own, which `remove` deletes.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The files of a certificate with its key. */
export interface Issued {
  certificate: string;
  key: string;
}

/** What a certificate says. */
export interface Wish {
  /** As openssl writes it: `DNS:house.test,IP:127.0.0.1`; "" for none. */
  names?: string;
  /** As `YYYYMMDDHHMMSSZ`; nothing: yesterday, and in a month. */
  from?: string;
  until?: string;
  isAuthority?: boolean;
  commonName?: string;
}

const DAY_MS = 86_400_000;

export class Authority {
  readonly folder: string;
  readonly own: Issued;
  private readonly count = { value: 0 };

  /** Makes an authority that signs itself, or (`by`) one that another has signed. */
  constructor(by: Authority | null = null) {
    if (by !== null) {
      this.folder = by.folder;
      this.count = by.count;
      this.own = by.issue({ isAuthority: true, commonName: "Between" });
      return;
    }
    this.folder = mkdtempSync(join(tmpdir(), "portero-certificates-"));
    const own = { certificate: join(this.folder, "ca.pem"), key: join(this.folder, "ca.key") };
    this.own = own;
    this.openssl(
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=Authority " +
        `-addext basicConstraints=critical,CA:TRUE -keyout ${own.key} -out ${own.certificate}`,
    );
  }

  /** @returns a certificate that this authority has signed: the leaf alone */
  issue(wish: Wish = {}): Issued {
    const { names = "", isAuthority = false, commonName = "nobody" } = wish;
    const name = "c" + this.count.value++;
    const at = (suffix: string): string => join(this.folder, name + suffix);
    const extensions = [
      "basicConstraints=critical,CA:" + (isAuthority ? "TRUE" : "FALSE"),
      ...(names === "" ? [] : ["subjectAltName=" + names]),
    ];
    writeFileSync(at(".ext"), extensions.join("\n") + "\n");
    writeFileSync(at(".index"), "");
    writeFileSync(at(".serial"), "0" + (16 + this.count.value).toString(16).padStart(3, "0") + "\n");
    writeFileSync(
      at(".cnf"),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${at(".index")}\nserial=${at(".serial")}\nnew_certs_dir=${this.folder}\n` +
        "default_md=sha256\npolicy=p\n[p]\ncommonName=optional\n",
    );
    this.openssl(
      `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${commonName} ` +
        `-keyout ${at(".key")} -out ${at(".csr")}`,
    );
    const from = wish.from ?? stamp(Date.now() - DAY_MS);
    const until = wish.until ?? stamp(Date.now() + 30 * DAY_MS);
    this.openssl(
      `ca -batch -notext -config ${at(".cnf")} -in ${at(".csr")} -cert ${this.own.certificate} ` +
        `-keyfile ${this.own.key} -startdate ${from} -enddate ${until} -extfile ${at(".ext")} -out ${at(".pem")}`,
    );
    return { certificate: at(".pem"), key: at(".key") };
  }

  /** @returns the file with that certificate and those of `others` behind it */
  chain(leaf: Issued, ...others: Authority[]): Issued {
    const file = join(this.folder, "chain" + this.count.value++ + ".pem");
    const all = [leaf, ...others.map(({ own }) => own)];
    writeFileSync(file, all.map(({ certificate }) => readFileSync(certificate, "utf8")).join(""));
    return { certificate: file, key: leaf.key };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private openssl(line: string): void {
    execFileSync("openssl", line.split(" "), { stdio: "pipe" });
  }
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
}
