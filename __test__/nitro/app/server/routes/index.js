import { route } from "../target.js";

export default route(() => ({ version: 1 }));
