/** Measures one cell: every library in turn, in one process, round by round. */
import { deepStrictEqual } from "node:assert";
import { setImmediate } from "node:timers/promises";
import { OURS, OTHERS } from "./libraries.js";
import { median, quartiles } from "./statistics.js";

/** How long one sample takes at least, in milliseconds: much longer than the clock's grain and a small collection. */
const SAMPLE = 30;

let loops = 0;

/**
 * A cell's copy either has `setup(lib)`, which gives a function that does the operation once, or `sample(lib, round)`, which
 * gives a sample itself and may ask for fewer `rounds`. The answers may differ in their order if it is `unordered`.
 */
export async function measure(cell, libs, commonRounds) {
  const samplers = cell.setup
    ? await prepare(cell, libs)
    : libs.map((lib, which) => (round) => cell.copies[which].sample(lib, round));
  const rounds = Math.min(cell.rounds ?? commonRounds, commonRounds);
  const samples = libs.map(() => []);
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    // What weak references hold is let go only between turns of the event loop, and the loops below never end theirs.
    await setImmediate();
    globalThis.gc();
    for (let turn = 0; turn < libs.length; turn++) {
      const which = (round + turn) % libs.length;
      // What the one before has left behind is not this one's to pay.
      await setImmediate();
      globalThis.gc({ type: "minor" });
      const sample = await samplers[which](round);
      if (round > 0) samples[which].push(sample);
    }
  }
  const of = (name) => samples[libs.findIndex((lib) => lib.name === name)];
  const ours = of(OURS);
  return {
    medians: Object.fromEntries(libs.map((lib) => [lib.name, median(of(lib.name))])),
    ratios: OTHERS.map((name) => quartiles(of(name).map((sample, round) => sample / ours[round]))),
  };
}

async function prepare(cell, libs) {
  const runners = [];
  for (const [which, lib] of libs.entries()) {
    const { time } = await import(`./loop.js?${encodeURIComponent(`${lib.name} ${++loops}`)}`);
    runners.push({ run: await cell.copies[which].setup(lib), time, next: 0, count: 1 });
  }
  await compare(runners, cell.unordered);
  for (const runner of runners) await calibrate(runner);
  return runners.map((runner) => async (round) => {
    // Compiled code is faster than what was calibrated first.
    if (round === 0) await calibrate(runner);
    return ((await time(runner)) / runner.count) * 1e6;
  });
}

/** Speed counts only where the answers are the same. */
async function compare(runners, unordered) {
  for (let turn = 0; turn < 3; turn++) {
    const answers = [];
    for (const runner of runners) {
      const answer = await runner.run(runner.next++);
      answers.push(unordered ? answer.toSorted() : answer);
    }
    for (const answer of answers) deepStrictEqual(answer, answers[0]);
  }
}

async function calibrate(runner) {
  for (let took = await time(runner); took < SAMPLE; took = await time(runner)) {
    runner.count = Math.ceil(runner.count * Math.min(10, (1.2 * SAMPLE) / took));
  }
}

function time(runner) {
  const { run, next, count } = runner;
  runner.next += count;
  return runner.time(run, next, count);
}
