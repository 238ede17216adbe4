// @ts-check
/** Metadata as lines of "key = value", and back. Pure; the server judges. */

/** @typedef {Record<string, string>} Metadata */

/** @param {readonly [key: string, value: string]} pair */
const lineOf = ([key, value]) => `${key} = ${value}`.replace(/\s+/g, " ").trim();

/** @param {Metadata} metadata */
export const metadataText = (metadata) => Object.entries(metadata).map(lineOf).join("\n");

/**
 * A line that is as it was keeps its pair exactly, also where a line cannot say it. Without "=" a line is a key.
 * @param {string} text @param {Metadata} [before] @returns {Metadata}
 */
export function metadataIn(text, before = {}) {
  const kept = new Map(Object.entries(before).map((pair) => [lineOf(pair), pair]));
  const lines = text.split("\n").map((line) => line.trim());
  return Object.fromEntries(
    lines.filter(Boolean).map((line) => {
      const [key, ...value] = line.split("=");
      return kept.get(line) ?? [key.trim(), value.join("=").trim()];
    }),
  );
}
