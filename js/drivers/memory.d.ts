// Generated from the driver's Rust struct by scripts/generate.js.
import type { CommonDriverOptions, Driver } from "../../index.js";

export interface MemoryOptions extends CommonDriverOptions {
  /** Most bytes kept, keys and values together; the items written first go first. Unbounded by default. */
  maxBytes?: number | undefined;
  /** Most items kept; the ones written first go first. Unbounded by default. */
  maxEntries?: number | undefined;
}

declare const memory: (options?: MemoryOptions) => Driver<MemoryOptions, Map<string, unknown>>;
export default memory;
export { memory as "module.exports" };
