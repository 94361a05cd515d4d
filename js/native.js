/**
 * The addon's functions, and the answers that come later.
 *
 * Its functions take integer handles; src/binding/calls.rs lists them, and they are described where they stand. `slots` holds the values of in-memory drivers.
 */
import { AsyncResource } from "node:async_hooks";
import { addon } from "./addon.js";
import { cellContent } from "./cells.js";
import { isStorageError } from "./errors.js";

/** Answers that are no slot; src/binding/codes.rs has the same list. */
export const MISS = -1;
export const INVALID = -2;
export const SCRIPT = -3;
export const PENDING = -4;
export const NEEDS_VALUE = -5;
export const NEEDS_SIZE = -6;
export const TOO_LARGE = -7;
/** @public A limit dropped the write; there is nothing to do. */
export const DROPPED = -8;
export const MOUNTED = -9;
export const DONE = -10;
export const FOUND = -11;

/** Places in `registers`. */
export const MOUNT = 0;
export const OFFSET = 1;
export const NORMAL = 2;
const REQUEST = 3;
const RELEASED = 4;
const TIMED = 5;
const ANSWER = 6;
const SPENT = 7;
const UNSENT = 8;

export const registers = new Int32Array(addon.registers);

// V8 knows what a constant is, and looks a property up.
const { get, has, set } = addon;

/** What the call returned that just answered FOUND. */
let answered;

/** The addon's functions. These three answer in a register. */
export const native = {
  ...addon,
  get(table, key, raw, request) {
    const value =
      request !== undefined
        ? get(table, key, raw, request)
        : raw
          ? get(table, key, true)
          : get(table, key);
    const code = registers[ANSWER];
    if (code === FOUND) answered = value;
    return code;
  },
  has(table, key, request) {
    if (request === undefined) has(table, key);
    else has(table, key, request);
    return registers[ANSWER];
  },
  set(table, key, life, size) {
    if (size !== undefined) set(table, key, life, size);
    else if (life !== 0) set(table, key, life);
    else set(table, key);
    return registers[ANSWER];
  },
};

/**
 * What all copies of this module have in common that one addon serves, a bundled one and one beside it: the addon hands out its
 * slots and its requests without knowing whose they are.
 */
const isFirst = addon.shared === undefined;
addon.shared ??= {
  slots: [],
  observers: new Map(),
  departures: [],
  waiting: new Map(),
  watches: new Map(),
};

export const slots = addon.shared.slots;

/** By slot of a driver that wants to hear of it when the value there leaves: `{ owner, key }`, the owner as a WeakRef. */
const observers = addon.shared.observers;

/** What left such drivers and was not told yet. */
const departures = addon.shared.departures;

/** What a message is; src/binding/completion.rs has the same list. */
const FAILED = 0;
const WORKED = 1;
const ASKED = 2;
const UPDATED = 3;
const REMOVED = 4;

const waiting = addon.shared.waiting;

/** By the request that started a watcher: what hears of changes, as `(event, key)`. It must not throw. */
const watches = addon.shared.watches;

if (isFirst) native.connect(receive);

function receive(...messages) {
  for (let index = 0; index < messages.length; index += 3) {
    const request = messages[index];
    const kind = messages[index + 1];
    const content = messages[index + 2];
    if (kind === WORKED || kind === FAILED) complete(request, kind, content);
    else if (kind === ASKED) answer(request, toKeys(content));
    else if (kind === UPDATED) watches.get(request)?.("update", content);
    else if (kind === REMOVED) watches.get(request)?.("remove", content);
    // Nobody's call fails of it.
    else process.emitWarning(content.message, "RustorageWarning", content.code);
  }
}

function complete(request, kind, content) {
  const call = waiting.get(request);
  // It failed before, while it asked.
  if (call === undefined) return;
  waiting.delete(request);
  try {
    if (kind === FAILED) throw content;
    call.resolve(call.decode ? call.decode(content) : content);
  } catch (error) {
    call.reject(error);
  }
}

/** Answers a call's question about each of the texts. What the function throws is what the call rejects with. */
function answer(request, texts) {
  const call = waiting.get(request);
  let answers;
  try {
    answers = Uint8Array.from(texts, (text) => (call.ask(text) ? 1 : 0));
  } catch (error) {
    waiting.delete(request);
    call.reject(error);
  }
  native.answer(request, answers);
}

/** What a turn of the event loop may spend on answers that are found at once; src/binding/context.rs has the same. */
const ALLOWANCE = 4096;

/** The end of this turn of the event loop, while it is waited for. Answers alone do not tell: many can come in one turn. */
let turn;

function endOfTurn() {
  turn ??= new Promise((resolve) => {
    setImmediate(() => {
      turn = undefined;
      registers[SPENT] = 0;
      resolve();
    });
  });
  return turn;
}

/** Set while the calls of this turn are collected, which then go out together. */
let collecting = false;

function flush() {
  collecting = false;
  native.flush();
}

/**
 * The promise of the call that just answered PENDING; `decode` turns what comes into the result, `ask` answers what the
 * driver asks meanwhile.
 */
export function pending(decode, ask) {
  const request = registers[REQUEST];
  if (registers[SPENT] !== 0) endOfTurn();
  if (registers[UNSENT] !== 0 && !collecting) {
    collecting = true;
    // After all that the promises of this turn set going.
    process.nextTick(flush);
  }
  const answer = new Promise((resolve, reject) => {
    waiting.set(request, { resolve, reject, decode, ask });
  });
  return answer.catch(rethrow);
}

/** The addon's errors are made where nobody called: here their stacks become those of who awaits them. */
export function rethrow(error) {
  if (isStorageError(error)) Error.captureStackTrace(error, rethrow);
  throw error;
}

/** Starts a driver's watcher; what it resolves to stops it. */
export async function startWatch(owner, listener) {
  native.watch(owner.handle);
  const watch = registers[REQUEST];
  const stop = () => {
    watches.delete(watch);
    native.unwatch(owner.handle, watch);
    return pending();
  };
  watches.set(watch, listener);
  try {
    await pending();
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** As `pending`, for the call that just answered FOUND. The last that a turn may spend something on is heard at its end. */
export function found(decode) {
  const value = answered;
  answered = undefined;
  try {
    const item = decode ? decode(value) : value;
    return registers[SPENT] < ALLOWANCE ? Promise.resolve(item) : endOfTurn().then(() => item);
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * To be called last in a call of an in-memory driver: what it calls is the user's code, which may make calls of its own and
 * leave nothing in the registers.
 */
export function settle() {
  if (registers[RELEASED] !== 0 || departures.length !== 0) letGo();
}

/** As `settle`, after a write. */
export function settleWrite() {
  if (registers[TIMED] !== 0 && sweeper === undefined) scheduleSweep(SWEEP_INTERVAL);
  settle();
}

/** Puts a cell into a slot, for a driver that will hear of its leaving. */
export function keepObserved(slot, cell, owner, key) {
  depart(slot, "set");
  slots[slot] = cell;
  observers.set(slot, { owner, key });
}

function depart(slot, reason) {
  const observer = observers.get(slot);
  if (observer === undefined) return;
  observers.delete(slot);
  departures.push({ ...observer, content: cellContent(slots[slot]), reason });
}

/** Why a value left its driver, by the number that the addon gives; src/driver/slots.rs has the same list. */
const REASONS = ["evict", "delete", "expire", "set"];

/** Empties the slots that the addon released, and only then tells who wants to hear of it: that may fill them anew. */
function letGo() {
  const released = native.takeReleased();
  const end = released.length - 1;
  for (let index = 0; index < end; index += 2) {
    depart(released[index], REASONS[released[index + 1]]);
    slots[released[index]] = undefined;
  }
  if (slots.length > released[end]) slots.length = released[end];
  const failures = [];
  for (const { owner, key, content, reason } of departures.splice(0)) {
    try {
      // Of a driver that nobody holds any more, nobody hears.
      owner.deref()?.observe.dispose(content, key, reason);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Milliseconds between two sweeps, while anything can expire. */
const SWEEP_INTERVAL = 1000;

let sweeper;

/** Where sweeps run: not in the context of whoever happened to write first, which they would keep alive. */
const context = new AsyncResource("rustorage");

function scheduleSweep(delay) {
  context.runInAsyncScope(() => {
    sweeper = setTimeout(sweep, delay);
    sweeper.unref?.();
  });
}

function sweep() {
  const next = native.sweep();
  sweeper = undefined;
  if (next >= 0) scheduleSweep(next === 0 ? 0 : SWEEP_INTERVAL);
  settle();
}

/** Keys as they come from the addon: joined by line feeds, or an array. */
export function toKeys(list) {
  return typeof list === "string" ? list.split("\n") : list;
}
