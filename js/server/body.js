/** Request bodies. */
import { HttpError } from "./errors.js";

/** Reads a body of at most `limit` bytes. A declared length beyond it is refused before the first byte is read. */
export async function readBody(chunks, declaredLength, limit) {
  if (Number(declaredLength ?? 0) > limit) throw tooLarge(limit);
  const parts = [];
  let size = 0;
  try {
    for await (const chunk of chunks ?? []) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      parts.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw endedEarly(error);
  }
  return joined(parts, size);
}

export function endedEarly(cause) {
  return new HttpError(400, "The request ended early", { cause });
}

/** The parts in memory of their own: what is stored would keep alive whatever else a shared buffer holds. */
function joined(parts, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function tooLarge(limit) {
  return new HttpError(413, `The body is larger than ${limit} bytes`);
}
