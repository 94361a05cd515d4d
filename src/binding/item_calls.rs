//! What JavaScript calls about one item.

use std::{ptr, sync::Arc, task::Poll};

use super::{
    calls::{Answer, internal},
    codes::{code, register},
    completion::Outcome,
    context::{COST_OF_GET, COST_OF_HAS, Context, Remote, Submitted},
    environment::Environment,
    raw::{Call, Reply},
    text, value,
};
use crate::{
    driver::{Access, BlockingDriver, CallOptions, Claim, Class, InlineDriver, Lane, Written},
    error::StorageError,
};

/// `check(table, key)` → as `route`, but NEEDS_VALUE for a mount that is not in memory. Throws if the driver refuses the key:
/// for setItems, which then writes nothing.
pub fn check(this: &mut Environment, call: &Call) -> Answer {
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
pub fn get(this: &mut Environment, call: &Call) -> Answer {
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
pub fn has(this: &mut Environment, call: &Call) -> Answer {
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
pub fn set(this: &mut Environment, call: &Call) -> Answer {
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
pub fn submit_set(this: &mut Environment, call: &Call) -> Answer {
    let value = text::content(call.env, call.arguments[2]);
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

/// `remove(table, key, request?)` → DONE, MISS, SCRIPT, INVALID or PENDING.
pub fn remove(this: &mut Environment, call: &Call) -> Answer {
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
pub fn meta(this: &mut Environment, call: &Call) -> Answer {
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

fn found(found: bool) -> i32 {
    if found { code::DONE } else { code::MISS }
}
