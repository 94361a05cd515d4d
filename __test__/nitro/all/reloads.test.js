/** Development servers that are reloaded again and again, while they are asked and while every mount is watched. Linux only. */
import { readFileSync, readdirSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDevelopment } from "../../../scripts/app.js";
import { RUN_TIME } from "../behaviour.js";
import { driver, setUpTarget } from "../targets.js";

const RELOADS = 20;
const WARM_UP = 5;
const MINUTES = 60_000;

test.each([
  ["beta", "node-worker"],
  ["beta", "node-process"],
  ["beta-vite", "node-worker"],
  ["beta-vite", "node-process"],
  ["nitropack", undefined],
])(
  "%s, %s: 20 reloads end no server and leave nothing behind",
  async (name, runner) => {
    const target = setUpTarget(name, "npm", "reloads");
    const env = {
      ...target.env,
      ...RUN_TIME,
      WATCH: "1",
      ...(runner && { NITRO_DEV_RUNNER: runner }),
    };
    const server = await startDevelopment(target.app, target.development, { ...target, env });
    const route = join(target.app, "server/routes/index.js");
    const source = readFileSync(route, "utf8");
    const plugin = join(target.app, "server/plugins/mounts.js");
    const pluginSource = readFileSync(plugin, "utf8");
    const load = startLoad(server);
    try {
      const reload = async (version) => {
        // Vite's watcher overlooks what follows at once.
        await sleep(300);
        save(plugin, `${pluginSource}// ${version}`);
        save(route, source.replace("version: 1", `version: ${version}`));
        await until(async () => (await server.ask("GET", "/")).body.version === version);
      };
      let version = 1;
      while (version <= WARM_UP) await reload(++version);
      const before = await calmFigures(server, load);
      while (version <= WARM_UP + RELOADS) await reload(++version);
      const after = await calmFigures(server, load);
      console.log(`${name}, ${runner ?? "its runner"}: ${load.answered()} answers meanwhile`);
      console.table({ before, after });
      expect(server.running()).toBe(true);
      expect(after.threads).toBeLessThanOrEqual(before.threads + 2);
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 5);
      expect(after.megabytes).toBeLessThan(before.megabytes * 1.5 + 50);
      expect(load.answered()).toBeGreaterThan(0);
    } finally {
      await load.stop();
      await server.stop();
    }
  },
  15 * MINUTES,
);

/** As editors do it: nobody meets half of the file. */
function save(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Asks the server all the time; what it does not answer while it reloads does not count. */
function startLoad({ ask }) {
  const { call, get } = driver(ask);
  let paused = false;
  let stopped = false;
  let answered = 0;
  const workers = Array.from({ length: 4 }, async (_, worker) => {
    for (let turn = 0; !stopped; turn++) {
      if (paused) {
        await sleep(50);
        continue;
      }
      try {
        await call("data", "setItem", `load:${worker}`, { turn });
        await call("", "setItem", `load:${worker}`, { turn });
        await call("data", "getKeys");
        await get("/cached-function");
        answered++;
      } catch {
        await sleep(20);
      }
    }
  });
  return {
    answered: () => answered,
    pause: () => (paused = true),
    resume: () => (paused = false),
    async stop() {
      stopped = true;
      await Promise.all(workers);
    },
  };
}

/**
 * The figures of the server's processes once the threads of the last reload are gone and those of its successor there: each watcher has two,
 * and one for a large folder begins late. Memory comes and goes: the least of it.
 */
async function calmFigures(server, load) {
  load.pause();
  let known = figures(server.pid);
  for (let calm = 0; calm < 12; calm++) {
    await sleep(500);
    const now = figures(server.pid);
    const isCalm = now.threads === known.threads && now.descriptors === known.descriptors;
    known = { ...now, megabytes: Math.min(now.megabytes, known.megabytes) };
    if (!isCalm) calm = 0;
  }
  load.resume();
  return known;
}

function figures(group) {
  const sum = { processes: 0, threads: 0, descriptors: 0, megabytes: 0 };
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
      if (Number(stat[2]) !== group) continue;
      const names = readdirSync(`/proc/${pid}/task`).map((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/comm`, "utf8"),
      );
      const named = (start) => names.filter((name) => name.startsWith(start)).length;
      // Rolldown has as many threads as it likes, and leaves watchers: a thread and three descriptors each. Ours have one more thread.
      const foreign = named("notify-rs") - named("rustorage-watch");
      sum.threads += names.length - named("rolldown") - foreign;
      const descriptors = readdirSync(`/proc/${pid}/fd`).filter((descriptor) =>
        isOfInterest(readlinkSync(`/proc/${pid}/fd/${descriptor}`)),
      );
      sum.descriptors += descriptors.length - 3 * foreign;
      const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
      sum.megabytes += Math.round(kilobytes / 1024);
      sum.processes++;
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

/**
 * Sockets are the askers' connections, and come and go. Modules stay open where Nitro ends a worker that reads them, with or without
 * rustorage.
 */
function isOfInterest(opened) {
  return !opened.startsWith("socket:") && !/\.m?js$/.test(opened);
}

async function until(condition) {
  const deadline = Date.now() + MINUTES;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new Error("The server did not reload within a minute");
    await sleep(20);
  }
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
