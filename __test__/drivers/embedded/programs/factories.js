import lmdb from "rustorage/drivers/lmdb";
import sqlite from "rustorage/drivers/sqlite";

export const FACTORIES = { lmdb, sqlite };
