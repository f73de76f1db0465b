/**
 * Finds the person whom an address identifies: the server vouches for the address, or the password of a phone of the
 * house proves it. An address has to be that person's by user and host. Several names may stand for one server, and for
 * the door: any of them fits the other. Not here: who vouches for a caller (callers.ts), and what a person may open
 * (access.ts).
 */
import { octets } from "../core/bytes.js";
import type { People } from "../people/people.js";
import { sameHost } from "../wire/compare.js";
import { Uri } from "../wire/uri.js";
import type { Callers } from "./callers.js";
import type { HouseServer } from "./houseserver.js";

const SIP = "sip:";
const NOBODY = -1;
const proved = new Uri();
const kept = new Uri();

/** @param address `user@host`, "" for none @returns the place of the person, -1 when there is none */
export function personOf(address: string, people: People, callers: Callers, house: HouseServer | null): number {
  const at = address.lastIndexOf("@");
  if (at < 1 || !parse(proved, address)) return NOBODY;
  const user = address.slice(0, at);
  for (let place = people.ofSipUser(user, 0); place >= 0; place = people.ofSipUser(user, place + 1)) {
    if (!parse(kept, people.at(place)?.sip ?? "")) continue;
    const isOfServer = callers.areOfServer(proved, kept);
    const isOfHouse = house?.isDomain(proved) === true && house.isDomain(kept);
    if (isOfServer || isOfHouse || hasSameHost(proved, kept)) return place;
  }
  return NOBODY;
}

function hasSameHost(a: Uri, b: Uri): boolean {
  return sameHost(a.bytes, a.hostStart, a.hostEnd, b.bytes, b.hostStart, b.hostEnd);
}

function parse(uri: Uri, address: string): boolean {
  const bytes = octets(SIP + address);
  return uri.parse(bytes, 0, bytes.length);
}
