//! What JavaScript calls of many keys at once.

use std::sync::Arc;

use super::{
    batch::{self, Asked},
    calls::Answer,
    codes::{code, register},
    completion::Outcome,
    context::{Context, Remote},
    environment::{Environment, Routed},
    item_calls,
    raw::{Call, Reply},
    text, value,
};
use crate::driver::{AsyncDriver, InlineDriver, Item, Lane, RequestOptions};

/// `getMany(table, keys, count)` → an Int32Array of what `get` answers for each of the `count` keys, which are joined by line
/// feeds, and at its end 1 if all were normal; INVALID unless all are valid and belong to in-memory drivers.
pub fn get_many(this: &mut Environment, call: &Call) -> Answer {
    let codes = in_memory_batch(this, call, |this, driver, key| {
        driver.get(key, &mut this.scope()).map_or(code::MISS, u32::cast_signed)
    });
    Ok(codes.map_or(Reply::Code(code::INVALID), |codes| Reply::Value(value::integers(call.env, &codes))))
}

/// `setMany(table, keys, count, ttl)` → as `getMany`, of what `set` answers.
pub fn set_many(this: &mut Environment, call: &Call) -> Answer {
    let ttl = call.double(3);
    let codes = in_memory_batch(this, call, |this, driver, key| item_calls::write(this, driver, key, ttl, None));
    Ok(codes.map_or(Reply::Code(code::INVALID), |codes| Reply::Value(value::integers(call.env, &codes))))
}

/// What `act` answers for each key of a batch, and a last number: 1 if all keys were normal as they came. None unless all
/// belong to in-memory drivers.
fn in_memory_batch(
    this: &mut Environment,
    call: &Call,
    mut act: impl FnMut(&mut Context, &mut dyn InlineDriver, &[u8]) -> i32,
) -> Option<Vec<i32>> {
    this.route_batch(call, |this, routed| {
        if !routed.iter().all(|routed| matches!(routed.lane, Lane::Inline(_))) {
            return None;
        }
        let mut answers = Vec::with_capacity(routed.len() + 1);
        for routed in routed {
            if let Lane::Inline(driver) = routed.lane {
                answers.push(act(this, &mut *driver.borrow_mut(), routed.relative()));
            }
        }
        answers.push(i32::from(routed.iter().all(Routed::is_normal)));
        Some(answers)
    })
}

/// `submitGetMany(table, keys, count)` → PENDING (an array of text and null), with the register NORMAL 1 if all keys were
/// normal; INVALID unless all are valid and belong to one driver that is not in memory, and behind a network to one mount.
pub fn submit_get_many(this: &mut Environment, call: &Call) -> Answer {
    let code = this.route_batch(call, |this, routed| {
        let code = match one_lane(routed)? {
            Lane::Inline(_) => return None,
            Lane::Blocking(driver) => {
                let asked = routed
                    .iter()
                    .map(|routed| Asked { relative: routed.relative().into(), full: routed.full().into() });
                let request = this.begin();
                batch::read(driver, asked.collect(), request, this.queue());
                code::PENDING
            }
            Lane::Async(driver) => {
                let (keys, mount) = (keys_of(driver, routed)?, mount_of(routed)?);
                let asked = Remote { operation: "getItems", checked: Ok(()), full: b"", outcome: Outcome::Texts };
                this.ask(driver, asked, |driver, answer| {
                    driver.get_many(keys, answer.telling(move |cause| cause.under(&mount)));
                })
            }
        };
        this.set_register(register::NORMAL, i32::from(routed.iter().all(Routed::is_normal)));
        Some(code)
    });
    Ok(Reply::Code(code.unwrap_or(code::INVALID)))
}

/// `submitSetMany(table, keys, count, values, ttl)` → PENDING; INVALID unless all are valid and belong to one mount of a driver behind
/// a network. Each value is a string or a Uint8Array.
pub fn submit_set_many(this: &mut Environment, call: &Call) -> Answer {
    let ttl = call.double(4);
    let code = this.route_batch(call, |this, routed| {
        let Lane::Async(driver) = one_lane(routed)? else { return None };
        let (keys, mount) = (keys_of(driver, routed)?, mount_of(routed)?);
        let item = |(key, index)| {
            let value = value::element(call.env, call.arguments[3], index);
            let options = RequestOptions { ttl, ..RequestOptions::default() };
            Some(Item { key, value: text::content(call.env, value)?, options })
        };
        let items = keys.into_iter().zip(0..).map(item).collect::<Option<Vec<_>>>()?;
        let asked = Remote { operation: "setItems", checked: Ok(()), full: b"", outcome: |()| Outcome::Nothing };
        Some(this.ask(driver, asked, |driver, answer| {
            driver.set_many(items, answer.telling(move |cause| cause.under(&mount)));
        }))
    });
    Ok(Reply::Code(code.unwrap_or(code::INVALID)))
}

/// What answers for all keys of a batch, if it is one.
fn one_lane<'a>(routed: &[Routed<'a>]) -> Option<&'a Lane> {
    let first = routed.first()?.lane;
    let same = |routed: &Routed| match (first, routed.lane) {
        (Lane::Blocking(one), Lane::Blocking(other)) => Arc::ptr_eq(one, other),
        (Lane::Async(one), Lane::Async(other)) => Arc::ptr_eq(one, other),
        _ => false,
    };
    routed.iter().all(same).then_some(first)
}

/// The mount point of all keys of a batch, if it is one; the same driver may be mounted twice.
fn mount_of(routed: &[Routed]) -> Option<String> {
    let mount = routed.first()?.mount();
    let is_one = routed.iter().all(|routed| routed.mount() == mount);
    is_one.then(|| String::from_utf8_lossy(mount).into_owned())
}

/// The keys of a batch, if the driver takes them all.
fn keys_of(driver: &Arc<dyn AsyncDriver>, routed: &[Routed]) -> Option<Vec<Box<[u8]>>> {
    routed.iter().map(|routed| driver.check(routed.relative()).ok().map(|()| routed.relative().into())).collect()
}
