import { testTarget } from "../behaviour.js";

testTarget("beta", "pnpm");
