/**
 * The protocol: what each method does to the storage, whatever server the request came by.
 *
 * A request is `{ method, path, header(name), body(limit), origin }`: `origin` is the web Request or the event, as
 * `{ request }` or `{ event }`. A reply is `{ status, statusText?, headers, body }`: a header's value is
 * a string, or an array of them where it is sent several times.
 */
import { hasDotSegment, normalizeBaseKey, normalizeKey } from "../keys.js";
import { isConditional, unmetCondition } from "./conditions.js";
import { HttpError, failure, refusal, report } from "./errors.js";
import { namesMediaType } from "./media-types.js";
import { checkOptions, warnOpen } from "./options.js";
import { rangeOf } from "./ranges.js";
import { headersOf, itemOf, listOf } from "./representations.js";
import { createTurns } from "./turns.js";

const TYPES = { GET: "read", HEAD: "read", PUT: "write", DELETE: "write" };

const RAW = "application/octet-stream";

const decoder = new TextDecoder();

const done = () => ({
  status: 200,
  headers: { "content-type": "text/plain;charset=UTF-8", "x-content-type-options": "nosniff" },
  body: "OK",
});

/**
 * Gives what answers requests: `serve(request, deliver)`, with `deliver(reply)` as what sends it. Where that throws nothing has been sent, and an
 * error is what is answered. Between the storage's answers it waits for what there is to wait for alone: each turn costs.
 */
export function createService(storage, options = {}, operation) {
  checkOptions(storage, options, operation);
  const { authorize, resolvePath, maxBodySize = Infinity } = options;
  if (authorize === undefined) warnOpen();
  const turns = createTurns();

  const respond = async (request) => {
    const { method, origin } = request;
    const type = Object.hasOwn(TYPES, method) ? TYPES[method] : undefined;
    if (type === undefined) {
      const headers = { allow: Object.keys(TYPES).join(", ") };
      throw new HttpError(405, `Method Not Allowed: ${method}`, { headers });
    }
    const resolved = resolvePath && (await resolvePath(origin.request ?? origin.event));
    const { key, isBase } = keyOf(resolved ?? request.path);
    if (isBase && (method === "HEAD" || method === "PUT")) {
      throw new HttpError(400, `Invalid key: ${method} is not allowed on a base key`);
    }
    if (authorize || resolvePath) {
      const said = ask(authorize, { type, key, ...origin });
      const permitted = said instanceof Promise ? await said : said;
      // Who has answered already has not let it through.
      if (permitted === false || origin.event?.node.res.headersSent) throw refusal();
    }
    // What is not awaited here takes more turns.
    if (type === "read") return await (isBase ? list(key, request) : read(key, request));
    if (isBase) return await clear(key, request);
    return await (method === "PUT" ? write(key, request) : remove(key, request));
  };

  const list = async (base, request) => {
    const keys = await storage.getKeys(base);
    const found = await listOf(keys);
    return isConditional(request) ? replyOnConditions(found, request) : replyWith(found, request);
  };

  const read = async (key, request) => {
    // What it would take the value to know is left out of an answer to HEAD, but for the conditions that need it.
    if (request.method === "HEAD" && !isConditional(request)) {
      if (!(await storage.hasItem(key))) throw new HttpError(404, "KV value not found");
      return { status: 200, headers: headersOf(await storage.getMeta(key)), body: null };
    }
    const item = await itemOf(storage, key, wantsRaw(request));
    if (item === undefined) throw new HttpError(404, "KV value not found");
    return isConditional(request) ? replyOnConditions(item, request) : replyWith(item, request);
  };

  const write = async (key, request) => {
    const options = { ttl: ttlOf(request) };
    const isRaw = namesMediaType(request.header("content-type"), RAW);
    const bytes = await request.body(maxBodySize);
    return turns.take(key, async () => {
      await checkConditions(key, isRaw, request);
      if (isRaw) await storage.setItemRaw(key, bytes, options);
      else await storage.setItem(key, decoder.decode(bytes), options);
      return done();
    });
  };

  const remove = (key, request) =>
    turns.take(key, async () => {
      await checkConditions(key, wantsRaw(request), request);
      await storage.removeItem(key);
      return done();
    });

  const clear = async (base, request) => {
    if (isConditional(request))
      throw new HttpError(400, "A condition is for an item, not for a base");
    await storage.clear(base);
    return done();
  };

  /** Of a write. */
  const checkConditions = async (key, isRaw, request) => {
    if (!isConditional(request)) return;
    const item = await itemOf(storage, key, isRaw);
    const unmet = unmetCondition(request, item);
    leave(item?.body);
    if (unmet !== undefined) throw new HttpError(412, "Precondition Failed");
  };

  return async (request, deliver) => {
    const finish = request.method === "HEAD" ? withoutBody : withLength;
    try {
      return await deliver(finish(await respond(request)));
    } catch (error) {
      return deliver(finish(failure(error)));
    }
  };
}

/** What answers HEAD has no place for a body. */
function withoutBody(reply) {
  leave(reply.body);
  return { ...reply, body: null };
}

/** The reply, with its length where that is known. */
function withLength(reply) {
  const { headers, body } = reply;
  if (body !== null && !(body instanceof ReadableStream)) {
    headers["content-length"] = String(Buffer.byteLength(body));
  }
  return reply;
}

/** Lets go of a body that is not sent: a stream holds on to where it comes from. How that ends changes no answer. */
function leave(body) {
  if (body instanceof ReadableStream) body.cancel().catch(report);
}

function replyOnConditions(representation, request) {
  const unmet = unmetCondition(request, representation);
  if (unmet !== undefined) leave(representation.body);
  if (unmet === 412) throw new HttpError(412, "Precondition Failed");
  if (unmet === 304) {
    const { "content-type": _type, ...kept } = representation.headers;
    return { status: 304, headers: kept, body: null };
  }
  return replyWith(representation, request);
}

function replyWith(representation, request) {
  const { headers } = representation;
  const range = rangeOf(request, representation);
  if (range === undefined) return { status: 200, headers, body: representation.body };
  const { start, end } = range;
  return {
    status: 206,
    headers: {
      ...headers,
      "content-range": `bytes ${start}-${end - 1}/${representation.body.length}`,
    },
    body: representation.body.subarray(start, end),
  };
}

/** The key that a path names, and whether it names what is under it. */
function keyOf(path) {
  const decoded = decode(path.split("?")[0]);
  const isBase = decoded.endsWith(":") || decoded.endsWith("/");
  const key = isBase ? normalizeBaseKey(decoded) : normalizeKey(decoded);
  // A storage would take what is before an encoded `?` for the key: another one, or a base.
  const isWhole = !decoded.includes("?");
  if (!isWhole || (!isBase && key === "") || hasDotSegment(key))
    throw new HttpError(400, "Invalid key");
  return { key, isBase };
}

function decode(path) {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw new HttpError(400, "Invalid key");
  }
}

/** What `authorize` says; a promise of it where that is what it gives. */
function ask(authorize, asked) {
  try {
    const said = authorize?.(asked);
    if (typeof said?.then !== "function") return said;
    return Promise.resolve(said).catch((error) => {
      throw refusal(error);
    });
  } catch (error) {
    throw refusal(error);
  }
}

function wantsRaw(request) {
  return namesMediaType(request.header("accept"), RAW);
}

function ttlOf(request) {
  const given = request.header("x-ttl");
  const ttl = Number(given ?? 0);
  if (Number.isNaN(ttl)) throw new HttpError(400, "The header x-ttl must be a number of seconds");
  return ttl || undefined;
}
