/** Makes a span of each call of a storage that `withTracing` was given. */
import { tracingChannel } from "node:diagnostics_channel";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";

const OPERATIONS = [
  "hasItem",
  "getItem",
  "getItems",
  "getItemRaw",
  "setItem",
  "setItems",
  "setItemRaw",
  "removeItem",
  "getKeys",
  "clear",
];

/** The spans are children of whatever span is active where the storage is called. */
export function traceStorage(tracer) {
  for (const operation of OPERATIONS) {
    const spans = new WeakMap();
    tracingChannel(`unstorage.${operation}`).subscribe({
      start(call) {
        spans.set(call, tracer.startSpan(nameOf(operation, call), optionsOf(operation, call)));
      },
      error(call) {
        const span = spans.get(call);
        span.recordException(call.error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: call.error.message });
      },
      asyncEnd(call) {
        spans.get(call).end();
      },
    });
  }
}

function nameOf(operation, { base, meta }) {
  return `${operation}${meta ? " meta" : ""} ${base || "/"}`;
}

/** Keys may tell of people, so that only their number is noted. */
function optionsOf(operation, { keys, base, driver }) {
  return {
    kind: SpanKind.CLIENT,
    attributes: {
      "db.operation.name": operation,
      "db.operation.batch.size": keys.length,
      "db.namespace": base ?? "",
      "db.system.name": driver?.name ?? "",
    },
  };
}
