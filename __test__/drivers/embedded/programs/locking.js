/** Holds a write transaction of SQLite open until its standard input ends. */
import { spawnSync } from "node:child_process";

const { path } = JSON.parse(process.argv[2]);
const code = `
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
`;
// The SQLite of Python, as Node 20 has none: a program of another maker uses the file as well.
const { status } = spawnSync("python3", ["-c", code, path], { stdio: "inherit" });
process.exitCode = status ?? 1;
