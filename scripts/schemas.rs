//! Prints the schemas of the drivers' options, for scripts/generate.js.

fn main() {
    let schemas: std::collections::BTreeMap<_, _> = rustorage::drivers::schemas().into_iter().collect();
    println!("{}", serde_json::to_string(&schemas).expect("a schema is JSON"));
}
