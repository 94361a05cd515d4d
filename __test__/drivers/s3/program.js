/** Uses a bucket of AWS by its host's name, through the proxy of the environment, with keys that a container's endpoint gives. */
import { AwsClient } from "aws4fetch";
import { createStorage } from "rustorage";
import s3 from "rustorage/drivers/s3";

const keys = { accessKeyId: "id", secretAccessKey: "secret", region: "us-east-1" };
const endpoint = "http://s3.us-east-1.amazonaws.com";
const client = new AwsClient({ ...keys, service: "s3" });
await client.fetch(`${process.env.HTTP_PROXY}/bucket`, { method: "PUT" });
const options = { region: keys.region, endpoint, bucket: "bucket", forcePathStyle: false };
const storage = createStorage({ driver: s3(options) });
await storage.setItem("a", { a: 1 });
console.log(JSON.stringify([await storage.getItem("a"), await storage.getKeys()]));
