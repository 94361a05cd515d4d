import { testTarget } from "../behaviour.js";

testTarget("nuxt", "pnpm");
