import { defineCachedHandler } from "../target.js";

let calls = 0;

export default defineCachedHandler(() => ({ calls: ++calls }), { maxAge: 1, swr: false });
