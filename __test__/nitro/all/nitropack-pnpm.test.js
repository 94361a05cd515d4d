import { testTarget } from "../behaviour.js";

testTarget("nitropack", "pnpm");
