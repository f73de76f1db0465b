/**
 * A house behind a router that translates addresses (NAT), in networks of their own: the kernel's, by iptables. A STUN
 * server stands outside.
 */
import { spawnSync } from "node:child_process";
import { isOpen } from "../ports.js";
import { Network, Program } from "./programs.js";

const INSIDE = "192.168.77";
const OUTSIDE = "203.0.113";
export const INSIDE_HOST = INSIDE + ".2";
export const ROUTER_HOST = OUTSIDE + ".9";
export const SERVER_HOST = OUTSIDE + ".5";
export const PHONE_HOST = OUTSIDE + ".6";
export const STUN_HOST = OUTSIDE + ".7";
const STUN_PORT = 3478;
const START_MS = 10_000;
const LIFE_SECONDS = 100;

export class RoutedHouse {
  readonly inside: Network;
  readonly outside: Network;

  /** @param isSymmetric each destination gets a port of its own; else a port keeps its number for all */
  static async start(isSymmetric: boolean): Promise<RoutedHouse> {
    const [inside, router, outside] = [await Network.start(), await Network.start(), await Network.start()];
    connect(inside, "in", router, "in");
    connect(router, "out", outside, "out");
    run(inside, `ip addr add ${INSIDE_HOST}/24 dev in && ip link set in up && ip route add default via ${INSIDE}.1`);
    const hosts = [SERVER_HOST, PHONE_HOST, STUN_HOST].map((host) => `ip addr add ${host}/24 dev out`);
    run(outside, `${hosts.join(" && ")} && ip link set out up`);
    run(router, `ip addr add ${INSIDE}.1/24 dev in && ip link set in up`);
    run(router, `ip addr add ${ROUTER_HOST}/24 dev out && ip link set out up`);
    const way = isSymmetric ? " --random-fully" : "";
    run(router, `echo 1 > /proc/sys/net/ipv4/ip_forward && iptables -t nat -A POSTROUTING -o out -j MASQUERADE${way}`);
    return new RoutedHouse(inside, outside);
  }

  private constructor(inside: Network, outside: Network) {
    this.inside = inside;
    this.outside = outside;
  }

  /** Starts coturn as a STUN server outside. */
  async startStun(): Promise<Program> {
    const args = ["-k", "2", String(LIFE_SECONDS), "turnserver", "-S", "-n", "-L", STUN_HOST, "-p", String(STUN_PORT)];
    const program = new Program(
      "timeout",
      [...args, "--no-tls", "--no-dtls", "--no-cli", "--db=/dev/null", "-l", "stdout"],
      {
        network: this.outside,
      },
    );
    await program.until("coturn's port", START_MS, () => isOpen("udp", STUN_PORT, this.outside.pid));
    return program;
  }
}

/** Lays a cable between two networks. */
function connect(one: Network, oneName: string, other: Network, otherName: string): void {
  const args = ["link", "add", oneName, "netns", String(one.pid), "type", "veth"];
  check(spawnSync("ip", [...args, "peer", "name", otherName, "netns", String(other.pid)], { encoding: "utf8" }));
}

function run(network: Network, line: string): void {
  check(spawnSync("nsenter", ["--net=/proc/" + network.pid + "/ns/net", "--", "sh", "-c", line], { encoding: "utf8" }));
}

function check(done: { status: number | null; stderr: string }): void {
  if (done.status !== 0) throw new Error("the networks cannot be made: " + done.stderr);
}
