/** What the compiler knows of Nitro's useStorage and of ours, in an app. */
import { useStorage as ownStorage } from "rustorage";
import memory from "rustorage/drivers/memory";
import { useStorage } from "./config.js";

interface User {
  name: string;
}

const users = useStorage<User>("users");
const ada: User | null = await users.getItem("ada");
const greeting: { hello: string } | null = await useStorage("test").getItem<{ hello: string }>(
  "foo",
);
await users.set("ada", { name: "Ada" });
// @ts-expect-error A user has a name.
await users.setItem("ada", { age: 1 });

// The one stands for the other.
let storage = useStorage();
storage = ownStorage();
let own = ownStorage<User>("users");
own = users;
storage.mount("notes", memory());
export { ada, greeting, own };
