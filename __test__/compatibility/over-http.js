/** The http driver on a service that gives these answers. */
import { createStorage } from "rustorage";
import http from "rustorage/drivers/http";
import { serveAnswers } from "../servers/answers.js";

export async function overHttp(answer, options) {
  const service = await serveAnswers(answer);
  const storage = createStorage({ driver: http({ base: service.url, ...options }) });
  return { ...service, storage };
}
