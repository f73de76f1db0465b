/**
 * The form of a device's announcement as Home Assistant documents it (MQTT discovery, and the options of each
 * platform), as a JSON Schema. It has the abbreviations that the door uses, and the device classes with their units. An
 * entity that has its platform alone is removed.
 */

const TEXT = { type: "string", minLength: 1 };
const TOPIC = { type: "string", pattern: "^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$" };
/** The members that each entity may have. */
const COMMON = {
  name: TEXT,
  uniq_id: { type: "string", pattern: "^[A-Za-z0-9_-]+$" },
  ic: { type: "string", pattern: "^mdi:[a-z-]+$" },
};
const DIAGNOSTIC = { ent_cat: { const: "diagnostic" } };
const CONFIG = { ent_cat: { const: "config" } };

function platform(p: string, required: readonly string[], properties: object): object {
  return {
    anyOf: [
      { type: "object", properties: { p: { const: p } }, required: ["p"], additionalProperties: false },
      {
        type: "object",
        properties: { p: { const: p }, ...COMMON, ...properties },
        required: ["p", "name", "uniq_id", ...required],
        additionalProperties: false,
      },
    ],
  };
}

/** A sensor of a device class has one of the units of that class. */
const UNITS = {
  anyOf: [
    { properties: { dev_cla: { const: "signal_strength" }, unit_of_meas: { enum: ["dB", "dBm"] } } },
    { properties: { dev_cla: { const: "duration" }, unit_of_meas: { enum: ["d", "h", "min", "s", "ms"] } } },
    { properties: { dev_cla: { const: "data_size" }, unit_of_meas: { enum: ["B", "kB", "KiB", "MB", "MiB"] } } },
  ],
  required: ["dev_cla", "unit_of_meas"],
};

const PLATFORMS: Readonly<Record<string, object>> = {
  event: platform("event", ["stat_t", "event_types"], {
    stat_t: TOPIC,
    event_types: { type: "array", items: TEXT, minItems: 1, uniqueItems: true },
    dev_cla: { enum: ["doorbell", "button", "motion"] },
  }),
  lock: platform("lock", ["cmd_t"], { stat_t: TOPIC, cmd_t: TOPIC, pl_open: TEXT }),
  binary_sensor: platform("binary_sensor", ["stat_t"], {
    stat_t: TOPIC,
    dev_cla: { enum: ["door", "safety", "problem", "tamper", "connectivity", "lock"] },
    pl_on: TEXT,
    pl_off: TEXT,
    ...DIAGNOSTIC,
  }),
  sensor: {
    allOf: [
      platform("sensor", ["stat_t"], {
        stat_t: TOPIC,
        dev_cla: TEXT,
        unit_of_meas: TEXT,
        stat_cla: { enum: ["measurement", "total", "total_increasing"] },
        ...DIAGNOSTIC,
      }),
      { anyOf: [{ not: { anyOf: [{ required: ["dev_cla"] }, { required: ["unit_of_meas"] }] } }, UNITS] },
    ],
  },
  switch: platform("switch", ["cmd_t"], { stat_t: TOPIC, cmd_t: TOPIC, ...CONFIG }),
  number: platform("number", ["cmd_t", "min", "max"], {
    stat_t: TOPIC,
    cmd_t: TOPIC,
    min: { type: "number" },
    max: { type: "number" },
    unit_of_meas: TEXT,
    ...CONFIG,
  }),
  button: platform("button", ["cmd_t"], {
    cmd_t: TOPIC,
    dev_cla: { enum: ["identify", "restart", "update"] },
    ...CONFIG,
  }),
  update: platform("update", ["stat_t"], { stat_t: TOPIC, dev_cla: { const: "firmware" }, ...DIAGNOSTIC }),
};

const SOFTWARE = { name: TEXT, sw: TEXT };

export const DISCOVERY = {
  type: "object",
  additionalProperties: false,
  required: ["dev", "o", "cmps"],
  properties: {
    dev: {
      type: "object",
      additionalProperties: false,
      required: ["ids"],
      properties: { ids: { type: "array", items: TEXT, minItems: 1 }, mf: TEXT, mdl: TEXT, ...SOFTWARE },
    },
    o: { type: "object", additionalProperties: false, required: ["name"], properties: SOFTWARE },
    avty_t: TOPIC,
    cmps: {
      type: "object",
      propertyNames: { pattern: "^[a-zA-Z0-9_-]+$" },
      additionalProperties: { oneOf: Object.values(PLATFORMS) },
    },
  },
};
