//! The databases in a file, called without Node: against a plain model, and what lies in the file.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, mpsc},
    thread::sleep,
    time::{Duration, Instant},
};

use heed::{
    EnvFlags, EnvOpenOptions,
    types::{Bytes, DecodeIgnore},
};
use proptest::{collection::vec, prelude::*};
use rustorage::{
    driver::{Answer, AsyncDriver, Item, Lane, RequestOptions},
    drivers,
    error::Cause,
    key::{KeyPrefix, Listing},
};

fn open(name: &str, path: &Path, more: &str) -> Arc<dyn AsyncDriver> {
    let options = format!(r#"{{"path":"{}","sync":"none"{more}}}"#, path.display());
    let Ok(Lane::Async(driver)) = drivers::create(name, &options) else { panic!("no driver") };
    driver
}

/// The answer of a call that is begun now and waited for later.
fn begin<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> mpsc::Receiver<Result<T, Cause>> {
    let (sender, receiver) = mpsc::channel();
    call(Answer::new(move |result| {
        // Whoever asked may have ended.
        let _ = sender.send(result);
        None
    }));
    receiver
}

fn ask<T: Send + 'static>(driver: &dyn AsyncDriver, call: impl FnOnce(Answer<T>)) -> T {
    let answer = begin(call);
    driver.flush();
    answer.recv().unwrap().unwrap()
}

fn set(driver: &dyn AsyncDriver, key: &str, ttl: f64) {
    let how = options(ttl, false);
    ask(driver, |answer| driver.set(key.as_bytes(), key.into(), how, answer));
}

fn options(ttl: f64, raw: bool) -> RequestOptions {
    RequestOptions { ttl, raw, ..RequestOptions::default() }
}

fn listing(base: &str) -> Listing {
    Listing { base: KeyPrefix::parse(base.as_bytes()).unwrap(), hidden: true, told: true, ..Listing::default() }
}

fn keys(driver: &dyn AsyncDriver, base: &str) -> Vec<String> {
    let keys = ask(driver, |answer| driver.keys(listing(base), options(0.0, false), answer));
    keys.iter().map(|key| String::from_utf8(key.to_vec()).unwrap()).collect()
}

/// How many items and expiries lie in a file of LMDB that nobody uses.
fn stored(path: &Path) -> (u64, u64) {
    // SAFETY: the driver has closed the file.
    let env = unsafe { EnvOpenOptions::new().max_dbs(3).flags(EnvFlags::NO_SUB_DIR).open(path) }.unwrap();
    let txn = env.read_txn().unwrap();
    let count = |name| {
        let database = env.open_database::<Bytes, DecodeIgnore>(&txn, Some(name)).unwrap().unwrap();
        database.len(&txn).unwrap()
    };
    let counts = (count("items"), count("expiries"));
    drop(txn);
    env.prepare_for_closing().wait();
    counts
}

/// Milliseconds.
const LIFE: f64 = 1000.0;

#[test]
fn what_has_expired_leaves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items");
    let driver = open("lmdb", &path, "");
    let brief = |index: u32| {
        let key = format!("brief:{index}").into_bytes();
        Item { key: key.clone().into(), value: key, options: options(LIFE, false) }
    };
    // In one commit: a slow disk makes three hundred, and the first of them would have expired.
    ask(&*driver, |answer| driver.set_many((0..300).map(brief).collect(), answer));
    set(&*driver, "stays", 1e9);
    set(&*driver, "endless", LIFE);
    set(&*driver, "endless", 0.0);
    ask(&*driver, |answer| driver.close(answer));
    assert_eq!(stored(&path), (302, 301));
    // Opened again, it is swept of what expired meanwhile.
    sleep(Duration::from_secs_f64(LIFE / 1000.0));
    assert_eq!(keys(&*driver, ""), ["endless", "stays"]);
    let started = Instant::now();
    loop {
        sleep(Duration::from_millis(200));
        ask(&*driver, |answer| driver.close(answer));
        if stored(&path) == (2, 1) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", stored(&path));
        assert_eq!(keys(&*driver, ""), ["endless", "stays"]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Set(String, Vec<u8>),
    Remove(String),
    Get(String),
    Keys(String),
    Clear(String),
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    let part = prop_oneof!["[ab]", "[ab]%", "A_", Just("x".repeat(600)), Just("é".into())];
    vec(part, 1..4).prop_map(|parts| parts.join(":"))
}

fn step() -> impl Strategy<Value = Step> {
    let value = vec(any::<u8>(), 0..30_000);
    prop_oneof![
        4 => (key(), value).prop_map(|(key, value)| Step::Set(key, value)),
        2 => key().prop_map(Step::Remove),
        3 => key().prop_map(Step::Get),
        1 => prop_oneof![key(), Just(String::new())].prop_map(Step::Keys),
        1 => key().prop_map(Step::Clear),
        1 => Just(Step::Reopen),
    ]
}

/// Begins all steps, and compares the answers with what a map would have given.
fn follows_the_model(name: &str, turns: Vec<Vec<Step>>) {
    let folder = tempfile::tempdir().unwrap();
    let driver = open(name, &folder.path().join("items"), "");
    let mut model = BTreeMap::<String, Vec<u8>>::new();
    for turn in turns {
        let mut checks: Vec<Box<dyn FnOnce()>> = Vec::new();
        for step in turn {
            match step {
                Step::Set(key, value) => {
                    let how = options(0.0, true);
                    let answer = begin(|answer| driver.set(key.as_bytes(), value.clone(), how, answer));
                    model.insert(key, value);
                    checks.push(Box::new(move || answer.recv().unwrap().unwrap()));
                }
                Step::Remove(key) => {
                    let answer = begin(|answer| driver.remove(key.as_bytes(), options(0.0, false), answer));
                    model.remove(&key);
                    checks.push(Box::new(move || answer.recv().unwrap().unwrap()));
                }
                Step::Get(key) => {
                    let expected = model.get(&key).cloned();
                    let mut found = None;
                    let now = driver.get_now(key.as_bytes(), true, &mut |value| found = Some(value.to_vec()));
                    if let std::task::Poll::Ready(is_there) = now {
                        assert_eq!(is_there, expected.is_some());
                        assert_eq!(found, expected);
                    }
                    let answer = begin(|answer| driver.get(key.as_bytes(), options(0.0, true), answer));
                    checks.push(Box::new(move || {
                        assert_eq!(answer.recv().unwrap().unwrap().map(|value| value.to_vec()), expected);
                    }));
                }
                Step::Keys(base) => {
                    let listing = listing(&base);
                    let expected: Vec<String> =
                        model.keys().filter(|key| listing.accepts(key.as_bytes())).cloned().collect();
                    let answer = begin(|answer| driver.keys(listing, options(0.0, false), answer));
                    checks.push(Box::new(move || {
                        let mut keys: Vec<String> = answer
                            .recv()
                            .unwrap()
                            .unwrap()
                            .iter()
                            .map(|key| String::from_utf8(key.to_vec()).unwrap())
                            .collect();
                        keys.sort();
                        assert_eq!(keys, expected);
                    }));
                }
                Step::Clear(base) => {
                    let listing = listing(&base);
                    let before = model.len();
                    model.retain(|key, _| !listing.accepts(key.as_bytes()));
                    let gone = before - model.len();
                    let answer = begin(|answer| driver.clear(listing, options(0.0, false), answer));
                    checks
                        .push(Box::new(move || assert_eq!(answer.recv().unwrap().unwrap().gone.iter().count(), gone)));
                }
                Step::Reopen => {
                    let answer = begin(|answer| driver.close(answer));
                    checks.push(Box::new(move || answer.recv().unwrap().unwrap()));
                }
            }
        }
        driver.flush();
        for check in checks {
            check();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn lmdb_is_the_models(turns in vec(vec(step(), 1..12), 1..12)) {
        follows_the_model("lmdb", turns);
    }

    #[test]
    fn sqlite_is_the_models(turns in vec(vec(step(), 1..12), 1..12)) {
        follows_the_model("sqlite", turns);
    }
}

#[test]
fn many_threads_over_one_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("items");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..30 {
                    let driver = open("lmdb", path, r#","mapSize":65536"#);
                    for index in 0..10 {
                        let key = format!("{thread}:{round}:{index}");
                        let value = vec![b'x'; 3000];
                        let how = options(0.0, false);
                        ask(&*driver, |answer| driver.set(key.as_bytes(), value, how, answer));
                        assert_eq!(
                            ask(&*driver, |answer| driver.get(key.as_bytes(), options(0.0, false), answer))
                                .unwrap()
                                .len(),
                            3000
                        );
                    }
                    // Some let go of it, others close it.
                    if round % 2 == 0 {
                        ask(&*driver, |answer| driver.close(answer));
                    }
                }
            });
        }
    });
    let driver = open("lmdb", &path, r#","mapSize":65536"#);
    assert_eq!(keys(&*driver, "").len(), 1200);
}
