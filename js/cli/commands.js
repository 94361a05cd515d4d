/**
 * The commands: each takes its arguments, `count` of them (least and most), and the options that it knows, and gives
 * `{ json, text, failed }`. `refuses`: says what is wrong with the options' values.
 */
import { isUtf8 } from "node:buffer";
import { buffer } from "node:stream/consumers";
import { normalizeKey } from "../keys.js";
import { copy } from "./copy.js";
import { each } from "./each.js";
import { Items } from "./items.js";
import { open, refuseSame } from "./location.js";
import { Progress, size } from "./progress.js";

/** `opened`: how the location is opened; without, only to be read. */
async function using(location, { config }, act, opened = { reads: true }) {
  const items = new Items(await open(location, { config, ...opened }));
  try {
    return await act(items);
  } finally {
    await items.dispose();
  }
}

export const COMMANDS = {
  copy: {
    usage: "copy FROM TO [--base BASE] [--dry-run]",
    count: [2, 2],
    options: ["base", "dry-run"],
    run: ([from, to], options) => {
      const toTarget = (source) => async (target) => {
        refuseSame(source.driver, target.driver);
        const shows = process.stderr.isTTY && !options.json;
        const { base, "dry-run": dryRun } = options;
        const progress = shows ? new Progress(process.stderr) : undefined;
        const result = await copy(source, target, { base, dryRun, progress });
        const { items, bytes, copied, same, gone, failed, errors } = result;
        const lines = [
          `${items} items, ${size(bytes)}: ${copied} ${dryRun ? "to copy" : "copied"}, ${same} there already, ${gone} gone meanwhile`,
          ...errors,
          ...failed.map((key) => `not copied: ${key}`),
        ];
        return {
          json: { ...result, dryRun: dryRun === true },
          text: lines.join("\n"),
          failed: failed.length > 0,
        };
      };
      const opened = options["dry-run"] ? { absent: "empty", reads: true } : { absent: "made" };
      return using(from, options, (source) => using(to, options, toTarget(source), opened));
    },
  },

  ls: {
    usage: "ls LOCATION [BASE]",
    count: ({ base }) => [1, base === undefined ? 2 : 1],
    options: ["base"],
    run: ([location, base], options) =>
      using(location, options, async (items) => {
        const keys = (await items.keys(base ?? options.base)).sort();
        return { json: keys, text: keys.join("\n") };
      }),
  },

  get: {
    usage: "get LOCATION KEY",
    count: [2, 2],
    options: [],
    run: ([location, key], options) =>
      using(location, options, async (items) => {
        const bytes = await items.read(key);
        if (bytes === null) return { json: null, text: `there is no item ${key}`, failed: true };
        const text = isUtf8(bytes) ? bytes.toString() : undefined;
        const json = {
          key,
          size: bytes.length,
          ...(text === undefined ? { base64: bytes.toString("base64") } : { value: text }),
        };
        return { json, bytes };
      }),
  },

  set: {
    usage: "set LOCATION KEY [VALUE] [--ttl SECONDS], without VALUE from standard input",
    count: [2, 3],
    options: ["ttl"],
    run: ([location, key, value], options) => {
      const write = async (items) => {
        const bytes = value === undefined ? await buffer(process.stdin) : Buffer.from(value);
        await items.write(key, bytes, options.ttl);
        return { json: { key, size: bytes.length }, text: "" };
      };
      return using(location, options, write, { absent: "made" });
    },
  },

  rm: {
    usage: "rm LOCATION KEY…, or rm LOCATION --base BASE, or rm LOCATION --all",
    count: ({ base, all }) => (base === undefined && !all ? [2, Infinity] : [1, 1]),
    options: ["base", "all"],
    refuses: ({ base, all }) => {
      if (base === undefined) return undefined;
      if (all) return "--base and --all say different things";
      // Such as a variable of the shell's that is not set.
      return normalizeKey(base) === "" ? "--base is empty: --all removes every item" : undefined;
    },
    run: ([location, ...keys], { base, all, ...options }) => {
      const remove = async (items) => {
        if (keys.length > 0) return { json: { removed: await items.remove(keys) }, text: "" };
        const { removed, left } = await items.clear(all ? "" : base);
        const text = left === 0 ? "" : `${left} items are still there`;
        return { json: { removed, left }, text, failed: left > 0 };
      };
      return using(location, options, remove, { absent: "refused" });
    },
  },

  stat: {
    usage: "stat LOCATION [BASE]",
    count: ({ base }) => [1, base === undefined ? 2 : 1],
    options: ["base"],
    run: ([location, base], options) =>
      using(location, options, async (items) => {
        const keys = await items.keys(base ?? options.base);
        const sizes = [];
        await each(keys, async (key) => {
          const { size: told } = await items.facts(key);
          sizes.push(told ?? (await items.read(key))?.length ?? 0);
        });
        const bytes = sizes.reduce((sum, one) => sum + one, 0);
        const largest = sizes.reduce((most, one) => Math.max(most, one), 0);
        const json = { driver: items.driver.name, items: keys.length, bytes, largest };
        return {
          json,
          text: `${json.driver}: ${keys.length} items, ${size(bytes)}, the largest ${size(largest)}`,
        };
      }),
  },
};
