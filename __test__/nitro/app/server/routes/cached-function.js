import { defineCachedFunction, route } from "../target.js";

let calls = 0;

const count = defineCachedFunction(() => ({ calls: ++calls }), {
  name: "count",
  getKey: () => "all",
  maxAge: 1,
  swr: false,
});

export default route(() => count());
