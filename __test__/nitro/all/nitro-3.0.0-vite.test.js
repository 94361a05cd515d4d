import { testTarget } from "../behaviour.js";

testTarget("nitro-3.0.0-vite");
