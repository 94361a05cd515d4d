import { defineHandler } from "nitro";
import { getQuery } from "nitro/h3";
import { useStorage } from "nitro/storage";

export default defineHandler((event) => useStorage(getQuery(event).base).getKeys());
