/** Prints how long the first import of a library takes. */
import { load } from "../libraries.js";

const started = performance.now();
await load(process.argv[2]);
console.log(JSON.stringify({ time: (performance.now() - started) * 1e6 }));
