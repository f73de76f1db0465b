/**
 * Days since 1970 and what a calendar calls them (proleptic Gregorian), in whole numbers. Not here: time zones
 * (settings/daytime.ts), clocks.
 */

export const DAY_S = 86400;
/** The days of 400 years, and the days from 1 March of the year 0 to 1970. */
const ERA_DAYS = 146097;
const EPOCH_DAYS = 719468;

/** @param month 1 to 12 @returns days from 1970 to the first of that month */
export function daysTo(year: number, month: number): number {
  // Years begin in March here, so that the leap day is the last day of the year.
  const y = month <= 2 ? year - 1 : year;
  const m = month <= 2 ? month + 9 : month - 3;
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  return y * 365 + leaps + Math.floor((m * 153 + 2) / 5) - EPOCH_DAYS;
}

/** A date; the same object is set to one day after another. */
export class CivilDate {
  year = 1970;
  /** 1 to 12 */
  month = 1;
  /** 1 to 31 */
  day = 1;

  /** @param days since 1970; negative before it */
  set(days: number): void {
    const shifted = days + EPOCH_DAYS;
    const era = Math.floor(shifted / ERA_DAYS);
    const ofEra = shifted - era * ERA_DAYS;
    const yearOfEra = Math.floor(
      (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36524) - Math.floor(ofEra / 146096)) / 365,
    );
    const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
    const march = Math.floor((5 * ofYear + 2) / 153);
    this.day = ofYear - Math.floor((153 * march + 2) / 5) + 1;
    this.month = march < 10 ? march + 3 : march - 9;
    this.year = yearOfEra + era * 400 + (march >= 10 ? 1 : 0);
  }
}
