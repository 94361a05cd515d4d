import { route } from "../target.js";

let calls = 0;

/** Cached by a route rule. */
export default route(() => ({ calls: ++calls }));
