//! The fs driver's index of expiries: what damages it costs expiries, and never values.

use std::{
    fs,
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, SystemTime},
};

use rustorage::{
    driver::{BlockingDriver, CallOptions, Claim, Class, Lane, Pool, retried},
    drivers::create,
    key::Listing,
};

const INDEX: &str = ".unstorage-tmp-rustorage-ttl-1";

fn open(base: &Path, more: &str) -> Arc<dyn BlockingDriver> {
    let options = format!("{{ \"base\": {:?} {more} }}", base.to_str().unwrap());
    match create("fs", &options).unwrap() {
        Lane::Blocking(driver) => driver,
        Lane::Inline(_) | Lane::Async(_) => unreachable!("fs blocks"),
    }
}

/// In the pool: a write may meet a sweep, and is made again then.
fn set(driver: &Arc<dyn BlockingDriver>, key: &str, ttl: f64) {
    let (driver, key) = (Arc::clone(driver), key.as_bytes().to_vec());
    let (sender, receiver) = mpsc::channel();
    let set = retried(
        move || driver.set(&key, &key, CallOptions { ttl, size: 0 }),
        move |result| sender.send(result).unwrap(),
    );
    Pool::get().run(Claim::Nothing, Class::Short, set);
    receiver.recv().unwrap().unwrap();
}

fn get(driver: &Arc<dyn BlockingDriver>, key: &str) -> Option<String> {
    driver.get(key.as_bytes()).unwrap().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

fn keys(driver: &Arc<dyn BlockingDriver>) -> Vec<String> {
    let listing = Listing { hidden: true, ..Listing::default() };
    let mut keys = Vec::new();
    driver
        .keys(&listing, &mut |_| unreachable!("globs ask nobody"), &mut |key| {
            keys.push(String::from_utf8_lossy(key).into_owned());
        })
        .unwrap();
    keys.sort();
    keys
}

const LASTING: [&str; 4] = ["a:plain", "b:long", "c:rewritten", "d"];
const OVER: [&str; 2] = ["e:over", "f"];

/// Items with and without ttl, some of which are over; nothing sweeps them.
fn filled(base: &Path) {
    let driver = open(base, "");
    set(&driver, "a:plain", 0.0);
    set(&driver, "b:long", 3_600_000.0);
    set(&driver, "d", f64::NAN);
    for key in OVER {
        set(&driver, key, 20.0);
    }
    set(&driver, "c:rewritten", 20.0);
    // As a program does that knows no ttl: in the file that is there.
    fs::write(base.join("c/rewritten"), "c:rewritten").unwrap();
    // Before the sweep comes, so that the files stay.
    drop(driver);
    thread::sleep(Duration::from_millis(50));
}

/// Every lasting item is there; those that are over may have come back, whole.
fn check(base: &Path, what: &str) {
    let driver = open(base, ", \"readOnly\": true");
    for key in LASTING {
        assert_eq!(get(&driver, key).as_deref(), Some(key), "{what}");
    }
    let listed = keys(&driver);
    assert!(LASTING.iter().all(|key| listed.contains(&(*key).to_owned())), "{what}");
    for key in OVER {
        let found = get(&driver, key);
        assert!(found.is_none() || found.as_deref() == Some(key), "{what}");
        assert_eq!(found.is_some(), listed.contains(&key.to_owned()), "{what}");
    }
}

#[test]
fn an_index_cut_at_any_byte_costs_no_value() {
    let base = tempfile::tempdir().unwrap();
    filled(base.path());
    let index = fs::read(base.path().join(INDEX)).unwrap();
    let whole = open(base.path(), ", \"readOnly\": true");
    assert_eq!(keys(&whole), LASTING);
    drop(whole);
    for length in 0..index.len() {
        fs::write(base.path().join(INDEX), &index[..length]).unwrap();
        check(base.path(), &format!("cut at {length}"));
    }
    fs::remove_file(base.path().join(INDEX)).unwrap();
    check(base.path(), "no index");
    fs::create_dir(base.path().join(INDEX)).unwrap();
    check(base.path(), "a folder in its place");
}

#[test]
fn noise_in_the_index_costs_no_value() {
    let base = tempfile::tempdir().unwrap();
    filled(base.path());
    let index = fs::read(base.path().join(INDEX)).unwrap();
    // xorshift: the same noise each time.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    for round in 0..300 {
        let mut damaged = index.clone();
        let start = usize::from(noise()) * damaged.len() / 256;
        let length = (usize::from(noise()) % 40).min(damaged.len() - start);
        damaged[start..start + length].fill_with(&mut noise);
        fs::write(base.path().join(INDEX), &damaged).unwrap();
        check(base.path(), &format!("noise {round}"));
    }
    fs::write(base.path().join(INDEX), (0..100_000).map(|_| noise()).collect::<Vec<u8>>()).unwrap();
    check(base.path(), "nothing but noise");
    // What is added to a damaged index is read again.
    let driver = open(base.path(), "");
    set(&driver, "new", 10.0);
    drop(driver);
    thread::sleep(Duration::from_millis(30));
    assert_eq!(get(&open(base.path(), ", \"readOnly\": true"), "new"), None);
}

#[test]
fn a_file_that_was_rewritten_does_not_expire() {
    let base = tempfile::tempdir().unwrap();
    let driver = open(base.path(), "");
    for round in 0..20 {
        let key = format!("item{round}");
        set(&driver, &key, 30.0);
        // The same size, and within the same tick of a coarse clock.
        fs::write(base.path().join(&key), &key).unwrap();
    }
    thread::sleep(Duration::from_millis(60));
    for round in 0..20 {
        let key = format!("item{round}");
        assert_eq!(get(&driver, &key), Some(key));
    }
}

#[test]
fn files_go_when_they_expire_and_the_index_does_not_grow_for_ever() {
    let base = tempfile::tempdir().unwrap();
    let driver = open(base.path(), ", \"ttl\": 0.01");
    for round in 0..3000 {
        set(&driver, &format!("item{}", round % 100), 0.0);
    }
    set(&driver, "stays", f64::INFINITY);
    // The names of what is left, when nothing comes any more.
    let started = SystemTime::now();
    let left = loop {
        let names: Vec<String> = fs::read_dir(base.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != INDEX)
            .collect();
        if names.len() == 1 || started.elapsed().unwrap() > Duration::from_secs(30) {
            break names;
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(left, ["stays"]);
    let index = base.path().join(INDEX).metadata().map_or(0, |metadata| metadata.len());
    // 3,000 records of 70 bytes were written.
    assert!(index < 150_000, "{index}");
}

#[test]
fn expiry_follows_an_item_into_overflow() {
    let base = tempfile::tempdir().unwrap();
    let driver = open(base.path(), "");
    set(&driver, "foo", 0.0);
    set(&driver, "foo:bar", 2000.0);
    set(&driver, "dir:x", 0.0);
    set(&driver, "dir", 2000.0);
    assert_eq!(keys(&driver), ["dir", "dir:x", "foo", "foo:bar"]);
    let started = SystemTime::now();
    while keys(&driver) != ["dir:x", "foo"] && started.elapsed().unwrap() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(keys(&driver), ["dir:x", "foo"]);
    assert_eq!((get(&driver, "dir"), get(&driver, "foo:bar")), (None, None));
    set(&driver, "dir", 0.0);
    assert_eq!(get(&driver, "dir").as_deref(), Some("dir"));
}

#[test]
fn what_expires_in_overflow_goes_and_its_neighbours_stay() {
    let base = tempfile::tempdir().unwrap();
    let driver = open(base.path(), "");
    set(&driver, "foo", 0.0);
    set(&driver, "foo:bar", 20.0);
    set(&driver, "foo:baz:deep", 0.0);
    set(&driver, "dir:x", 0.0);
    set(&driver, "dir", 20.0);
    let value = ".unstorage-tmp-rustorage-value-1";
    let over = [base.path().join(".rustorage-1/foo/bar").join(value), base.path().join("dir").join(value)];
    assert!(over.iter().all(|file| file.exists()));
    let started = SystemTime::now();
    while over.iter().any(|file| file.exists()) {
        assert!(started.elapsed().unwrap() < Duration::from_secs(30), "they stay");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(keys(&driver), ["dir:x", "foo", "foo:baz:deep"]);
    assert_eq!(get(&driver, "foo:baz:deep").as_deref(), Some("foo:baz:deep"));
}
