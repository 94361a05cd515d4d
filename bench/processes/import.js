/** Prints how long the first import of a library takes. */
import { take } from "../libraries.js";
import { importInstalled } from "../packed.js";

// What imports ours, as a module of a user's would, is there before.
await importInstalled("node:process");
const parts = ["", ...["memory", "lru-cache", "fs", "redis"].map((name) => `/drivers/${name}`)];
const started = performance.now();
// Together, as a program's imports are.
await Promise.all(parts.map((part) => take(process.argv[2], part)));
console.log(JSON.stringify({ time: (performance.now() - started) * 1e6 }));
