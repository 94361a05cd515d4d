/** Prints how long the first import of a library takes. */
import { load } from "../libraries.js";
import { importInstalled } from "../packed.js";

// What imports ours, as a module of a user's would, is there before.
await importInstalled("node:process");
const started = performance.now();
await load(process.argv[2]);
console.log(JSON.stringify({ time: (performance.now() - started) * 1e6 }));
