/** Keys and values as servers have them: many different ones, the same for every library. */

const WORDS =
  "ada session user visited the page about native storage for servers and left it open to read again at night".split(
    " ",
  );

/** A text of its own, not a rope or a slice of another: so it would come from a socket. */
function flat(text) {
  return Buffer.from(text, "latin1").toString("latin1");
}

export function text(bytes, index = 0) {
  const words = [];
  let length = 0;
  for (let at = index; length <= bytes; at++) {
    const word = at % 5 === 4 ? String(index) : WORDS[at % WORDS.length];
    words.push(word);
    length += word.length + 1;
  }
  return flat(words.join(" ").slice(0, bytes));
}

/** About 100 bytes of JSON. */
export function record(index) {
  return {
    id: index,
    name: `Ada ${WORDS[index % WORDS.length]}`,
    email: `ada.lovelace.${index}@example.org`,
    active: index % 3 > 0,
    score: index / 8,
  };
}

/** An object of about so many bytes of JSON: a list of records, as an API or a query gives it. */
export function object(bytes, index = 0) {
  if (bytes <= 100) return record(index);
  const count = Math.round((bytes - 50) / 97);
  return {
    title: `Page ${index}`,
    total: count,
    records: Array.from({ length: count }, (_, at) => record(index + at)),
  };
}

/** What Nitro keeps of a cached response. */
export function cachedResponse(index) {
  const row = (at) => `<li class="item"><a href="/items/${at}">${text(60, at)}</a></li>\n`;
  const rows = Array.from({ length: 800 }, (_, at) => row(index + at)).join("");
  return {
    value: {
      status: 200,
      headers: {
        "content-type": "text/html; charset=utf-8",
        etag: `W/"${index}"`,
        "last-modified": "Tue, 01 Jul 2025 10:00:00 GMT",
        "cache-control": "s-maxage=60, stale-while-revalidate",
      },
      body: flat(`<!doctype html><html><body><ul>${rows}`.slice(0, 50_000)),
    },
    expires: 1_751_364_060_000 + index,
    mtime: 1_751_364_000_000 + index,
    integrity: `xkQ${index}pZ`,
  };
}

export function list(length, make) {
  return Array.from({ length }, (_, index) => make(index));
}

/** A key that is a new string with every call. */
export function freshKey(index) {
  return `cache:user:${index % 1000}`;
}

/** The keys of `freshKey`, as strings that come again. */
export const KEYS = list(1000, freshKey);

export function key(index) {
  return KEYS[index % KEYS.length];
}
