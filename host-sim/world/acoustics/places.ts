/**
 * The scenes of the simulator and of the measurements: three places, three housings of a door station, and the way back
 * from the loudspeaker to the microphone there. Not here: voices, the other end's own room.
 */
import type { RandomSource } from "../../../src/core/random.js";
import { type Enclosure, enclosureResponse, type Point, type Room, roomResponse } from "./room.js";

export type PlaceName = "lobby" | "street" | "niche";
export type HousingName = "panel" | "box" | "cavity";
export const PLACE_NAMES: readonly PlaceName[] = ["lobby", "street", "niche"];
export const HOUSING_NAMES: readonly HousingName[] = ["panel", "box", "cavity"];

export interface Place {
  room: Room;
  /** Where the door station hangs, and along which axis visitors stand before it. */
  station: Point;
  front: 0 | 1;
  /**
   * The share of traffic in the noise, 0 to 1, and how loud the noise is to a voice that comes back from the
   * loudspeaker.
   */
  traffic: number;
  noiseDb: number;
}

export const PLACES: Record<PlaceName, Place> = {
  // Stone floor, plaster, a glass door: a third of a second of reverberation.
  lobby: {
    room: { size: [5.2, 6.9, 2.9], absorption: [0.3, 0.25, 0.3, 0.35, 0.2, 0.45] },
    station: [1.7, 0.06, 1.45],
    front: 1,
    traffic: 0.1,
    noiseDb: -30,
  },
  // A front wall and a pavement; opposite, the other side of the street.
  street: {
    room: { size: [40, 14, 30], absorption: [1, 1, 0.1, 0.3, 0.1, 1] },
    station: [18, 0.06, 1.4],
    front: 1,
    traffic: 0.9,
    noiseDb: -20,
  },
  // A deep doorway of stone, open at the front.
  niche: {
    room: { size: [1.3, 1.1, 2.3], absorption: [0.3, 0.3, 0.35, 0.97, 0.25, 0.4] },
    station: [0.06, 0.5, 1.4],
    front: 0,
    traffic: 0.6,
    noiseDb: -25,
  },
};

export const HOUSINGS: Record<HousingName, Enclosure> = {
  panel: { distanceM: 0.14, bodyDb: -22, bodyMs: 2.5, cavityHz: 0 },
  box: { distanceM: 0.05, bodyDb: -14, bodyMs: 3.5, cavityHz: 1150 },
  cavity: { distanceM: 0.09, bodyDb: -10, bodyMs: 7, cavityHz: 640 },
};

/** The share of the walls' reflections, relative to the way through the housing. */
const ROOM_SHARE = 0.08;
/** Longer than a lobby's reverberation is heard. */
const TAPS = 1600;

/**
 * @returns what becomes of one sample of the loudspeaker at the microphone; its power is 1 for sound of all frequencies
 */
export function echoPath(place: Place, housing: Enclosure, random: RandomSource, taps = TAPS): Float64Array {
  const { room, station } = place;
  const ear: Point = [station[0] + 0.01, station[1] + 0.005, station[2] - housing.distanceM];
  const walls = roomResponse(room, station, ear, taps);
  const body = enclosureResponse(housing, random, taps);
  let energy = 0;
  for (let i = 0; i < taps; i++) {
    // The direct way is in both: the nearest wall is the one the station hangs on.
    walls[i] = body[i] + ROOM_SHARE * walls[i];
    energy += walls[i] * walls[i];
  }
  for (let i = 0; i < taps; i++) walls[i] /= Math.sqrt(energy);
  return walls;
}

/** A way through the air between two points of a place, for the visitor's voice; its strongest sample is 1 or less. */
export function voicePath(place: Place, distanceM: number, taps = TAPS): Float64Array {
  const { room, station, front } = place;
  const to: Point = [station[0], station[1], station[2] - 0.1];
  const from: Point = [
    station[0] + (front === 0 ? distanceM : 0.2),
    station[1] + (front === 1 ? distanceM : 0.1),
    Math.min(station[2] + 0.2, room.size[2] - 0.1),
  ];
  const out = roomResponse(room, from, to, taps);
  for (let i = 0; i < taps; i++) out[i] *= distanceM;
  return out;
}
