/** The http driver on a service that gives these answers. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";
import { onTestFinished } from "vitest";
import { startAnswers } from "../servers/answers.js";

export async function overHttp(answer, options) {
  const service = await startAnswers(answer);
  onTestFinished(() => service.stop());
  const storage = createStorage({ driver: http({ base: service.url, ...options }) });
  return { ...service, storage };
}
