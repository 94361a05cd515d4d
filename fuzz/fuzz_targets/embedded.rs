//! Random calls of lmdb and sqlite against a plain map: what is there after each turn of calls, whatever was under way at once, and
//! whether the files were closed in between.
#![no_main]

use std::{
    collections::BTreeMap,
    sync::{Arc, mpsc},
    task::Poll,
};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rustorage::{
    driver::{Answer, AsyncDriver, Item, Lane, RequestOptions},
    drivers,
    error::Cause,
    key::{KeyPrefix, Listing},
};

#[derive(Debug, Arbitrary)]
struct Input {
    sqlite: bool,
    turns: Vec<Vec<Step>>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Set { key: Name, value: Value, life: Life },
    SetMany { items: Vec<(Name, Value)> },
    Remove { key: Name },
    Get { key: Name },
    Keys { base: Name },
    Clear { base: Name },
    Close,
}

#[derive(Debug, Arbitrary)]
enum Life {
    Endless,
    Long,
    Over,
}

/// Few keys, so that calls meet; some longer than LMDB takes.
#[derive(Debug, Arbitrary)]
struct Name {
    parts: [Part; 2],
    last: Option<u8>,
}

#[derive(Debug, Arbitrary)]
enum Part {
    A,
    Upper,
    Wild,
    Long,
}

/// Values around the size up to which they are read at once.
#[derive(Debug, Arbitrary)]
struct Value {
    byte: u8,
    size: u8,
}

impl Name {
    fn key(&self) -> String {
        let part = |part: &Part| match part {
            Part::A => "a".into(),
            Part::Upper => "A".into(),
            Part::Wild => "%_".into(),
            Part::Long => "é".repeat(400),
        };
        let parts = self.parts.iter().map(part).chain(self.last.map(|last| (last % 4).to_string()));
        parts.collect::<Vec<String>>().join(":")
    }
}

impl Value {
    fn bytes(&self) -> Vec<u8> {
        vec![self.byte; usize::from(self.size) * 100]
    }
}

impl Life {
    fn options(&self) -> RequestOptions {
        let ttl = match self {
            Self::Endless => 0.0,
            Self::Long => 1e9,
            Self::Over => -1.0,
        };
        RequestOptions { ttl, raw: true, ..RequestOptions::default() }
    }
}

/// The answer of a call that is begun now and waited for later.
fn begin<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> mpsc::Receiver<Result<T, Cause>> {
    let (sender, receiver) = mpsc::channel();
    call(Answer::new(move |result| {
        sender.send(result).expect("somebody waits");
        None
    }));
    receiver
}

fn ended<T>(answer: &mpsc::Receiver<Result<T, Cause>>) -> T {
    answer.recv().expect("an answer").expect("no error")
}

fn listing(base: &str) -> Listing {
    let base = KeyPrefix::parse(base.as_bytes()).expect("a base");
    Listing { base, hidden: true, told: true, ..Listing::default() }
}

fuzz_target!(|input: Input| {
    let folder = tempfile::tempdir().expect("a folder");
    let options = serde_json::json!({ "path": folder.path().join("items"), "sync": "none" });
    let name = if input.sqlite { "sqlite" } else { "lmdb" };
    let Ok(Lane::Async(driver)) = drivers::create(name, &options.to_string()) else { panic!("no driver") };
    let mut model = BTreeMap::new();
    for turn in input.turns {
        let checks: Vec<_> = turn.iter().map(|step| run(&driver, step, &mut model)).collect();
        driver.flush();
        checks.into_iter().for_each(|check| check());
    }
    let answer = begin(|answer| driver.close(answer));
    driver.flush();
    ended(&answer);
});

/// Begins a call; what comes back checks its answer.
fn run(driver: &Arc<dyn AsyncDriver>, step: &Step, model: &mut BTreeMap<String, Vec<u8>>) -> Box<dyn FnOnce()> {
    match step {
        Step::Set { key, value, life } => {
            let (key, value) = (key.key(), value.bytes());
            let answer = begin(|answer| driver.set(key.as_bytes(), value.clone(), life.options(), answer));
            match life {
                Life::Over => model.remove(&key),
                Life::Endless | Life::Long => model.insert(key, value),
            };
            Box::new(move || ended(&answer))
        }
        Step::SetMany { items } => {
            let items: Vec<_> = items.iter().map(|(key, value)| (key.key(), value.bytes())).collect();
            let item = |(key, value): &(String, Vec<u8>)| Item {
                key: key.as_bytes().into(),
                value: value.clone(),
                options: Life::Endless.options(),
            };
            let answer = begin(|answer| driver.set_many(items.iter().map(item).collect(), answer));
            model.extend(items);
            Box::new(move || ended(&answer))
        }
        Step::Remove { key } => {
            let answer = begin(|answer| driver.remove(key.key().as_bytes(), RequestOptions::default(), answer));
            model.remove(&key.key());
            Box::new(move || ended(&answer))
        }
        Step::Get { key } => {
            let key = key.key();
            let expected = model.get(&key).cloned();
            let mut found = None;
            match driver.get_now(key.as_bytes(), true, &mut |value| found = Some(value.to_vec())) {
                Poll::Ready(is_there) => assert_eq!((is_there, &found), (expected.is_some(), &expected)),
                Poll::Pending => assert_eq!(found, None),
            }
            let answer = begin(|answer| driver.get(key.as_bytes(), Life::Endless.options(), answer));
            Box::new(move || assert_eq!(ended(&answer).map(|value| value.to_vec()), expected))
        }
        Step::Keys { base } => {
            let listing = listing(&base.key());
            let expected: Vec<_> = model.keys().filter(|key| listing.accepts(key.as_bytes())).cloned().collect();
            let answer = begin(|answer| driver.keys(listing, RequestOptions::default(), answer));
            Box::new(move || {
                let keys = ended(&answer);
                let mut keys: Vec<_> = keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
                keys.sort();
                assert_eq!(keys, expected);
            })
        }
        Step::Clear { base } => {
            let listing = listing(&base.key());
            let before = model.len();
            model.retain(|key, _| !listing.accepts(key.as_bytes()));
            let gone = before - model.len();
            let answer = begin(|answer| driver.clear(listing, RequestOptions::default(), answer));
            Box::new(move || assert_eq!(ended(&answer).gone.iter().count(), gone))
        }
        Step::Close => {
            let answer = begin(|answer| driver.close(answer));
            Box::new(move || ended(&answer))
        }
    }
}
