//! The functions that JavaScript calls, each described where it stands: here those of one item, listings and threads.
#![allow(clippy::unnecessary_wraps, reason = "all stand in one table, and share its signature")]

use std::{ptr, sync::Arc, task::Poll};

use napi::sys;

use super::{
    batch_calls,
    codes::{code, register},
    completion::Outcome,
    context::{COST_OF_GET, COST_OF_HAS, Context, Remote, Submitted},
    digest,
    environment::{Environment, Target},
    mount_calls, network_calls,
    raw::{Call, Handler, Reply},
    text, value,
};
use crate::{
    driver::{Access, BlockingDriver, CallOptions, Claim, Class, Cleared, InlineDriver, Lane, RequestOptions, Written},
    error::{Cause, StorageError},
    key::{KeyList, KeyPrefix, Listing},
};

pub const TABLE: &[(&str, Handler)] = &[
    ("connect", connect),
    ("createDriver", mount_calls::create_driver),
    ("dropDriver", mount_calls::drop_driver),
    ("driverFlags", mount_calls::driver_flags),
    ("createTable", mount_calls::create_table),
    ("dropTable", mount_calls::drop_table),
    ("mount", mount_calls::mount),
    ("retarget", mount_calls::retarget),
    ("unmount", mount_calls::unmount),
    ("plan", mount_calls::plan),
    ("mountOf", mount_calls::mount_of),
    ("normalize", mount_calls::normalized),
    ("route", mount_calls::route),
    ("check", check),
    ("get", get),
    ("has", has),
    ("set", set),
    ("getMany", batch_calls::get_many),
    ("setMany", batch_calls::set_many),
    ("submitGetMany", batch_calls::submit_get_many),
    ("submitSet", submit_set),
    ("submitSetMany", batch_calls::submit_set_many),
    ("flush", network_calls::flush),
    ("close", network_calls::close),
    ("command", network_calls::command),
    ("status", network_calls::status),
    ("remove", remove),
    ("meta", meta),
    ("generation", generation),
    ("digest", digest::of_content),
    ("keys", keys),
    ("clear", clear),
    ("answer", answer),
    ("watch", watch),
    ("unwatch", unwatch),
    ("takeReleased", take_released),
    ("sweep", sweep),
    ("setClock", set_clock),
];

pub type Answer = Result<Reply, StorageError>;

impl Call {
    pub fn handle(&self, index: usize) -> usize {
        usize::try_from(self.number(index)).unwrap_or(usize::MAX)
    }

    pub fn number(&self, index: usize) -> i32 {
        let mut number = -1;
        // SAFETY: the handles are valid in this call; what is no number leaves -1.
        unsafe { sys::napi_get_value_int32(self.env, self.arguments[index], &raw mut number) };
        number
    }

    pub fn double(&self, index: usize) -> f64 {
        let mut number = 0.0;
        // SAFETY: the handles are valid in this call; what is no number leaves 0.
        unsafe { sys::napi_get_value_double(self.env, self.arguments[index], &raw mut number) };
        number
    }

    pub fn flag(&self, index: usize) -> bool {
        let mut flag = false;
        // SAFETY: the handles are valid in this call; what is no boolean leaves false.
        unsafe { sys::napi_get_value_bool(self.env, self.arguments[index], &raw mut flag) };
        flag
    }

    /// What the caller asks of a service, in the text that [`RequestOptions::of_text`] reads.
    fn request_options(&self, ttl: f64, raw: bool, index: usize) -> RequestOptions {
        let text = if self.count > index { self.text(index) } else { None };
        match text {
            Some(text) => RequestOptions::of_text(ttl, raw, &text),
            None => RequestOptions { ttl, raw, ..RequestOptions::default() },
        }
    }

    pub fn text(&self, index: usize) -> Option<String> {
        String::from_utf8(text::utf8(self.env, self.arguments[index])?).ok()
    }
}

/// `connect(complete)`: `complete(request, kind, value, …)` will be called with the answers of pending calls.
fn connect(this: &mut Environment, call: &Call) -> Answer {
    let queue = this.context.queue();
    queue.connect(call.env, call.arguments[0], call.environment).map_err(|error| internal(error.reason.clone()))?;
    Ok(Reply::Nothing)
}

/// `check(table, key)` → as `route`, but NEEDS_VALUE for a mount that is not in memory. Throws if the driver refuses the key:
/// for setItems, which then writes nothing.
fn check(this: &mut Environment, call: &Call) -> Answer {
    let mut refused = None;
    let code = this.route(call, |_, lane, key, full| {
        let checked = match lane {
            Lane::Inline(_) => return code::DONE,
            Lane::Blocking(driver) => driver.check(key),
            Lane::Async(driver) => driver.check(key),
        };
        refused = checked.err().map(|cause| StorageError {
            driver: lane.name(),
            operation: "setItems",
            key: Some(String::from_utf8_lossy(full).into_owned()),
            cause,
        });
        code::NEEDS_VALUE
    });
    refused.map_or(Ok(Reply::Code(code)), Err)
}

/// `get(table, key, raw?, request?)` → slot, MISS, SCRIPT, INVALID, or FOUND or PENDING (text, with `raw` a Buffer, or null).
fn get(this: &mut Environment, call: &Call) -> Answer {
    let raw = call.count > 2 && call.flag(2);
    let operation = if raw { "getItemRaw" } else { "getItem" };
    let outcome = if raw { Outcome::Bytes } else { Outcome::Text };
    let env = call.env;
    let mut found = ptr::null_mut();
    let code = this.route(call, |this, lane, key, full| match lane {
        Lane::Inline(driver) => driver.borrow_mut().get(key, &mut this.scope()).map_or(code::MISS, u32::cast_signed),
        Lane::Blocking(driver) => {
            if let Poll::Ready(value) = this.read_now(&**driver, key, COST_OF_GET, || driver.get_now(key)) {
                found = outcome(value).into_js(env);
                return code::FOUND;
            }
            this.submit(driver, one(driver, operation, key, full, Access::Read), move |driver, key| {
                driver.get(key).map(outcome)
            })
        }
        Lane::Async(driver) => {
            // Straight from where the driver has it.
            let mut give = |bytes: &[u8]| found = if raw { value::buffer(env, bytes) } else { value::text(env, bytes) };
            if let Poll::Ready(is_there) = this.answer_now(driver.cost_now(), || driver.get_now(key, raw, &mut give)) {
                if !is_there {
                    found = value::null(env);
                }
                return code::FOUND;
            }
            let asked = Remote { operation, checked: driver.check(key), full, outcome };
            let options = call.request_options(0.0, raw, 3);
            this.ask(driver, asked, |driver, answer| driver.get(key, options, answer))
        }
    });
    Ok(if code == code::FOUND { Reply::Found(found) } else { Reply::Answer(code) })
}

/// `has(table, key, request?)` → DONE, MISS, SCRIPT, INVALID or PENDING (a boolean).
fn has(this: &mut Environment, call: &Call) -> Answer {
    Ok(Reply::Answer(this.route(call, |this, lane, key, full| match lane {
        Lane::Inline(driver) => found(driver.borrow_mut().has(key, &mut this.scope())),
        Lane::Blocking(driver) => {
            if let Poll::Ready(answer) = this.read_now(&**driver, key, COST_OF_HAS, || driver.has_now(key)) {
                return found(answer);
            }
            let submitted = one(driver, "hasItem", key, full, Access::Read);
            this.submit(driver, submitted, |driver, key| driver.has(key).map(Outcome::Boolean))
        }
        Lane::Async(driver) => {
            if let Poll::Ready(answer) = this.answer_now(driver.cost_now(), || driver.has_now(key)) {
                return found(answer);
            }
            let asked = Remote { operation: "hasItem", checked: driver.check(key), full, outcome: Outcome::Boolean };
            let options = call.request_options(0.0, false, 2);
            this.ask(driver, asked, |driver, answer| driver.has(key, options, answer))
        }
    })))
}

/// `set(table, key, ttl?, size?)` → slot, SCRIPT, INVALID, NEEDS_VALUE, NEEDS_SIZE, TOO_LARGE or DROPPED. The ttl is in
/// milliseconds.
fn set(this: &mut Environment, call: &Call) -> Answer {
    Ok(Reply::Answer(this.route(call, |this, lane, key, _| match lane {
        Lane::Inline(driver) => {
            let ttl = if call.count > 2 { call.double(2) } else { 0.0 };
            let size = (call.count > 3).then(|| call.double(3));
            write(this, &mut *driver.borrow_mut(), key, ttl, size)
        }
        Lane::Blocking(_) | Lane::Async(_) => code::NEEDS_VALUE,
    })))
}

pub fn write(this: &mut Context, driver: &mut dyn InlineDriver, key: &[u8], ttl: f64, size: Option<f64>) -> i32 {
    if size.is_none() && driver.capabilities().sized {
        return code::NEEDS_SIZE;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` clamps, which is what is meant")]
    let options = CallOptions { ttl, size: size.unwrap_or_default() as u64 };
    let written = driver.set(key, options, &mut this.scope());
    this.set_register(register::TIMED, i32::from(driver.is_timed()));
    match written {
        Written::Slot(slot) => slot.cast_signed(),
        Written::TooLarge => code::TOO_LARGE,
        Written::Dropped => code::DROPPED,
    }
}

/// `submitSet(table, key, value, ttl, raw, request?)` → PENDING. The value is a string or a Uint8Array.
fn submit_set(this: &mut Environment, call: &Call) -> Answer {
    let value = content(call, call.arguments[2]);
    let value = value.ok_or_else(|| internal("a value is text or bytes".into()))?;
    let (ttl, raw) = (call.double(3), call.flag(4));
    let operation = if raw { "setItemRaw" } else { "setItem" };
    Ok(Reply::Code(this.route(call, |this, lane, key, full| match lane {
        Lane::Inline(_) => code::INVALID,
        Lane::Blocking(driver) => {
            let class = Class::of(value.len() as u64);
            let submitted = Submitted { class, ..one(driver, operation, key, full, Access::Write) };
            this.submit(driver, submitted, move |driver, key| {
                driver.set(key, &value, CallOptions { ttl, size: 0 }).map(|()| Outcome::Nothing)
            })
        }
        Lane::Async(driver) => {
            let asked = Remote { operation, checked: driver.check(key), full, outcome: |()| Outcome::Nothing };
            let options = call.request_options(ttl, raw, 5);
            this.ask(driver, asked, |driver, answer| driver.set(key, value, options, answer))
        }
    })))
}

/// What is stored of a string or a Uint8Array.
pub fn content(call: &Call, value: sys::napi_value) -> Option<Vec<u8>> {
    text::utf8(call.env, value).or_else(|| text::bytes(call.env, value))
}

/// `remove(table, key, request?)` → DONE, MISS, SCRIPT, INVALID or PENDING.
fn remove(this: &mut Environment, call: &Call) -> Answer {
    Ok(Reply::Code(this.route(call, |this, lane, key, full| match lane {
        Lane::Inline(driver) => found(driver.borrow_mut().remove(key, &mut this.scope())),
        Lane::Blocking(driver) => {
            let submitted = one(driver, "removeItem", key, full, Access::Write);
            this.submit(driver, submitted, |driver, key| driver.remove(key).map(|()| Outcome::Nothing))
        }
        Lane::Async(driver) => {
            let nothing = |()| Outcome::Nothing;
            let asked = Remote { operation: "removeItem", checked: driver.check(key), full, outcome: nothing };
            let options = call.request_options(0.0, false, 2);
            this.ask(driver, asked, |driver, answer| driver.remove(key, options, answer))
        }
    })))
}

/// `meta(table, key, request?)` → MISS for a driver without native meta, SCRIPT, INVALID or PENDING: of a blocking driver null, or the
/// five numbers of [`crate::driver::Meta`]; of one behind a network the names and values of its fields.
fn meta(this: &mut Environment, call: &Call) -> Answer {
    Ok(Reply::Code(this.route(call, |this, lane, key, full| match lane {
        Lane::Inline(_) => code::MISS,
        Lane::Blocking(driver) => {
            let submitted = one(driver, "getMeta", key, full, Access::Read);
            this.submit(driver, submitted, |driver, key| driver.meta(key).map(Outcome::Meta))
        }
        Lane::Async(driver) => {
            let asked = Remote { operation: "getMeta", checked: driver.check(key), full, outcome: Outcome::Fields };
            let options = call.request_options(0.0, false, 2);
            this.ask(driver, asked, |driver, answer| driver.meta(key, options, answer))
        }
    })))
}

/// `generation(table, mount)` → a number that changes with the keys of an in-memory driver; -1 for any other.
fn generation(this: &mut Environment, call: &Call) -> Answer {
    let table = this.tables.get(call.handle(0));
    let mount = table.and_then(|table| table.router.get(u32::try_from(call.handle(1)).ok()?));
    let lane = mount.and_then(|mount| native(&mount.target));
    let Some(Lane::Inline(driver)) = lane else {
        return Ok(Reply::Code(-1));
    };
    driver.borrow_mut().sweep(&mut this.context.scope(), usize::MAX);
    this.context.report_released();
    #[allow(clippy::cast_precision_loss, reason = "nobody makes 2^53 changes")]
    let generation = driver.borrow().generation() as f64;
    Ok(Reply::Value(value::double(call.env, generation)))
}

/// `keys(table, mount, base, maxDepth, all, request?)` → the full keys as [`KeyList`] has them, or PENDING with the same. A depth
/// below 0 is none; `all` lists keys that end in `$` too.
fn keys(this: &mut Environment, call: &Call) -> Answer {
    let depth = usize::try_from(call.number(3)).ok();
    let Some((lane, listing)) = listing(this, call, 2, depth, call.flag(4)) else {
        return Ok(Reply::Code(code::INVALID));
    };
    match &lane {
        Lane::Inline(driver) => {
            let mut keys = KeyList::default();
            list(&mut *driver.borrow_mut(), &mut this.context, &listing, &mut |key| {
                keys.push(listing.mount.as_bytes(), key);
            });
            this.context.report_released();
            Ok(Reply::Keys(Box::new(keys)))
        }
        Lane::Blocking(driver) => {
            let mut ask = this.context.asker();
            let code =
                this.context.submit(driver, many(driver, "getKeys", &listing, Access::Read), move |driver, _| {
                    let mut keys = KeyList::default();
                    driver.keys(&listing, &mut ask, &mut |key| keys.push(listing.mount.as_bytes(), key))?;
                    Ok(Outcome::Keys(keys))
                });
            Ok(Reply::Code(code))
        }
        Lane::Async(driver) => {
            let base = listing.base.clone();
            let asked = Remote { operation: "getKeys", checked: Ok(()), full: base.as_bytes(), outcome: Outcome::Keys };
            let options = call.request_options(0.0, false, 5);
            Ok(Reply::Code(this.context.ask(driver, asked, |driver, answer| driver.keys(listing, options, answer))))
        }
    }
}

/// `clear(table, mount, base, told, request?)` → the full keys that are gone, or PENDING with an array of them and, where others
/// stayed, an error. Keys that end in `$` go too. Unless `told`, a server may leave out which are gone.
fn clear(this: &mut Environment, call: &Call) -> Answer {
    let Some((lane, mut listing)) = listing(this, call, 2, None, true) else {
        return Ok(Reply::Code(code::INVALID));
    };
    if listing.relative_base().is_empty() {
        // The whole mount goes, with what other mounts hide of it.
        listing.masks.clear();
    }
    listing.told = call.flag(3);
    match &lane {
        Lane::Inline(driver) => {
            let mut gone = KeyList::default();
            let mut relative: Vec<Box<[u8]>> = Vec::new();
            list(&mut *driver.borrow_mut(), &mut this.context, &listing, &mut |key| relative.push(key.into()));
            for key in relative {
                driver.borrow_mut().remove(&key, &mut this.context.scope());
                gone.push(listing.mount.as_bytes(), &key);
            }
            this.context.report_released();
            Ok(Reply::Keys(Box::new(gone)))
        }
        Lane::Blocking(driver) => {
            let mut ask = this.context.asker();
            let operation = "clear";
            let code =
                this.context.submit(driver, many(driver, operation, &listing, Access::Write), move |driver, _| {
                    let mut gone = KeyList::default();
                    let result = driver.clear(&listing, &mut ask, &mut |key| gone.push(listing.mount.as_bytes(), key));
                    let key = String::from_utf8_lossy(innermost(&listing)).into_owned();
                    let failure = result.err().map(|cause| StorageError {
                        driver: driver.name(),
                        operation,
                        key: Some(key),
                        cause,
                    });
                    Ok(Outcome::Cleared(gone, failure))
                });
            Ok(Reply::Code(code))
        }
        Lane::Async(driver) => {
            let (name, key) = (driver.name(), innermost(&listing).to_vec());
            let full = key.clone();
            let outcome = move |Cleared { gone, failure }| {
                let key = Some(String::from_utf8_lossy(&key).into_owned());
                let error = |cause| StorageError { driver: name, operation: "clear", key, cause };
                Outcome::Cleared(gone, failure.map(error))
            };
            let options = call.request_options(0.0, false, 4);
            let asked = Remote { operation: "clear", checked: Ok(()), full: &full, outcome };
            Ok(Reply::Code(this.context.ask(driver, asked, |driver, answer| driver.clear(listing, options, answer))))
        }
    }
}

/// `answer(request, answers?)`: a Uint8Array with a byte for each text that the request asked about, 0 for no. Without it the
/// request fails, and nobody hears of it.
fn answer(this: &mut Environment, call: &Call) -> Answer {
    let question = this.context.questions.remove(&call.number(0));
    if let (Some(question), Some(answers)) = (question, text::bytes(call.env, call.arguments[1])) {
        // It has no receiver if its thread has gone, and then needs no answer.
        let _ = question.send(answers.into_iter().map(|answer| answer != 0).collect());
    }
    Ok(Reply::Nothing)
}

/// `watch(driver)` → PENDING. What changes is told under the request's number, until `unwatch`.
fn watch(this: &mut Environment, call: &Call) -> Answer {
    match this.drivers.get(call.handle(0)) {
        Some(Lane::Blocking(driver)) => Ok(Reply::Code(this.context.watch(driver))),
        Some(Lane::Async(driver)) => Ok(Reply::Code(this.context.watch_remote(driver))),
        _ => Err(internal("no such driver".into())),
    }
}

/// `unwatch(driver, watch)` → PENDING. All that the watcher took is given back then.
fn unwatch(this: &mut Environment, call: &Call) -> Answer {
    let lane = this.drivers.get(call.handle(0)).ok_or_else(|| internal("no such driver".into()))?;
    Ok(Reply::Code(this.context.unwatch(lane.name(), call.number(1))))
}

/// `takeReleased()` → an Int32Array: the slots whose values are gone, each with its [`crate::driver::Reason`], and at its end
/// how many slots there are.
fn take_released(this: &mut Environment, call: &Call) -> Answer {
    let slots = this.context.slots.take_released();
    this.context.report_released();
    let mut numbers: Vec<i32> =
        slots.into_iter().flat_map(|(slot, reason)| [slot.cast_signed(), reason as i32]).collect();
    numbers.push(this.context.slots.count().cast_signed());
    Ok(Reply::Value(value::integers(call.env, &numbers)))
}

/// The event loop waits for a sweep, so that it takes a millisecond or two at most.
const SWEPT_AT_ONCE: usize = 10_000;

/// `sweep()` → the milliseconds until the next item expires, 0 if there is more to do now, or -1. Releases what is expired.
fn sweep(this: &mut Environment, _: &Call) -> Answer {
    let mut next: Option<u64> = None;
    for lane in this.drivers.iter() {
        if let Lane::Inline(driver) = lane
            && let Some(wait) = driver.borrow_mut().sweep(&mut this.context.scope(), SWEPT_AT_ONCE)
        {
            next = Some(next.map_or(wait, |next| next.min(wait)));
        }
    }
    this.context.report_released();
    Ok(Reply::Code(next.map_or(-1, |wait| i32::try_from(wait).unwrap_or(i32::MAX))))
}

/// `setClock(milliseconds)`: the time stands still there; a negative one lets it run. For tests.
fn set_clock(this: &mut Environment, call: &Call) -> Answer {
    let milliseconds = call.double(0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked, and `as` clamps")]
    this.context.clock.fix((milliseconds >= 0.0).then_some(milliseconds as u64));
    Ok(Reply::Nothing)
}

fn listing(
    this: &mut Environment,
    call: &Call,
    base: usize,
    depth: Option<usize>,
    hidden: bool,
) -> Option<(Lane, Listing)> {
    let mut found = None;
    this.with_text(call, base, |this, raw| {
        let prefix = KeyPrefix::parse(raw).ok();
        let table = this.tables.get(call.handle(0));
        let mount =
            table.and_then(|table| table.router.get(u32::try_from(call.handle(1)).ok()?).map(|mount| (table, mount)));
        if let (Some((table, mount)), Some(base)) = (mount, prefix)
            && let Some(lane) = native(&mount.target)
        {
            let mut listing = table.router.listing(mount, base, depth);
            listing.hidden = hidden;
            found = Some((lane, listing));
        }
        code::DONE
    });
    found
}

pub fn list(driver: &mut dyn InlineDriver, this: &mut Context, listing: &Listing, emit: &mut dyn FnMut(&[u8])) {
    driver.keys(listing, &mut this.scope(), emit);
}

pub fn native(target: &Target) -> Option<Lane> {
    match target {
        Target::Native(lane) => Some(lane.clone()),
        Target::Script => None,
    }
}

/// A call on one item.
fn one(
    driver: &Arc<dyn BlockingDriver>,
    operation: &'static str,
    relative: &[u8],
    full: &[u8],
    access: Access,
) -> Submitted {
    let relative: Arc<[u8]> = relative.into();
    let (driver, key) = (Arc::clone(driver), Arc::clone(&relative));
    let claim = Claim::Later(Box::new(move || driver.places(&key)), access);
    Submitted { operation, relative, full: String::from_utf8_lossy(full).into_owned(), claim, class: Class::Short }
}

fn many(driver: &Arc<dyn BlockingDriver>, operation: &'static str, listing: &Listing, access: Access) -> Submitted {
    let claim = Claim::Places([driver.area(listing)].into(), access);
    let class = if driver.asks() { Class::Asking } else { Class::Long };
    let full = String::from_utf8_lossy(innermost(listing)).into_owned();
    Submitted { operation, relative: [].into(), full, claim, class }
}

/// The base of the listing, or of its mount if that is deeper: under it lies all that is listed.
fn innermost(listing: &Listing) -> &[u8] {
    let (mount, base) = (listing.mount.as_bytes(), listing.base.as_bytes());
    if mount.len() > base.len() { mount } else { base }
}

fn found(found: bool) -> i32 {
    if found { code::DONE } else { code::MISS }
}

pub fn internal(message: String) -> StorageError {
    StorageError { driver: "binding", operation: "call", key: None, cause: Cause::InvalidOptions(message) }
}
