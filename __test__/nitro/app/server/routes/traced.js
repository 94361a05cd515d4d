import { tracingChannel } from "node:diagnostics_channel";
import { route, useStorage } from "../target.js";

/** What is published of a call of Nitro's storage. */
export default route(async () => {
  const heard = [];
  const start = ({ keys, base, driver }) => heard.push({ keys, base, driver });
  const channel = tracingChannel("unstorage.getItem");
  channel.subscribe({ start });
  await useStorage("data").getItem("traced");
  channel.unsubscribe({ start });
  return { heard: heard.filter(({ keys }) => keys[0] === "data:traced") };
});
