/** Answers one "request" with a traced storage and prints the spans. A real app has an exporter of its own instead. */
import { SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { createStorage } from "rustorage";
import fs from "rustorage/drivers/fs";
import { withTracing } from "rustorage/tracing";
import { traceStorage } from "./storage-spans.js";

const exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
const tracer = trace.getTracer("example");
traceStorage(tracer);

const storage = withTracing(createStorage()).mount("data", fs({ base: ".data/kv" }));

await tracer.startActiveSpan("GET /visits", async (span) => {
  const visits = (await storage.getItem("data:visits")) ?? 0;
  await storage.setItem("data:visits", visits + 1);
  await storage.getItems(["data:visits", "recent"]);
  // A mistake, to see what becomes of it.
  await storage.setItem("data:odd", new Map()).catch(() => {});
  span.end();
});

const spans = exporter.getFinishedSpans();
show(undefined, "");

function show(parent, indent) {
  for (const span of spans) {
    if (span.parentSpanContext?.spanId !== parent) continue;
    const { name, attributes, status } = span;
    const failed = status.code === SpanStatusCode.ERROR ? `  FAILED: ${status.message}` : "";
    const driver = attributes["db.system.name"] ? `  (${attributes["db.system.name"]})` : "";
    console.log(`${indent}${name}${driver}${failed}`);
    show(span.spanContext().spanId, `${indent}  `);
  }
}
