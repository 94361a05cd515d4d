//! The functions that JavaScript calls, each described where it stands: here those of the environment itself, and of watchers.

use super::{
    batch_calls, digest,
    environment::Environment,
    item_calls, list_calls, mount_calls, network_calls,
    raw::{Call, Handler, Reply},
    value,
};
use crate::{
    driver::Lane,
    error::{Cause, StorageError},
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
    ("check", item_calls::check),
    ("get", item_calls::get),
    ("has", item_calls::has),
    ("set", item_calls::set),
    ("getMany", batch_calls::get_many),
    ("setMany", batch_calls::set_many),
    ("submitGetMany", batch_calls::submit_get_many),
    ("submitSet", item_calls::submit_set),
    ("submitSetMany", batch_calls::submit_set_many),
    ("flush", network_calls::flush),
    ("close", network_calls::close),
    ("command", network_calls::command),
    ("status", network_calls::status),
    ("remove", item_calls::remove),
    ("meta", item_calls::meta),
    ("generation", list_calls::generation),
    ("digest", digest::of_content),
    ("keys", list_calls::keys),
    ("clear", list_calls::clear),
    ("answer", list_calls::answer),
    ("watch", watch),
    ("unwatch", unwatch),
    ("takeReleased", take_released),
    ("sweep", sweep),
    ("setClock", set_clock),
];

pub type Answer = Result<Reply, StorageError>;

/// `connect(complete)`: `complete(request, kind, value, …)` will be called with the answers of pending calls.
fn connect(this: &mut Environment, call: &Call) -> Answer {
    let queue = this.context.queue();
    queue.connect(call.env, call.arguments[0], call.environment).map_err(|error| internal(error.reason.clone()))?;
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

pub fn internal(message: String) -> StorageError {
    StorageError { driver: "binding", operation: "call", key: None, cause: Cause::InvalidOptions(message) }
}
