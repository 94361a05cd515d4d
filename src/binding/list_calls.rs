//! What JavaScript calls about all items under a base.

use std::sync::Arc;

use super::{
    calls::Answer,
    codes::code,
    completion::Outcome,
    context::{Remote, Submitted},
    environment::Environment,
    raw::{Call, Reply},
    text, value,
};
use crate::{
    driver::{Access, BlockingDriver, Claim, Class, Cleared, Lane},
    error::StorageError,
    key::{KeyList, KeyPrefix, Listing},
};

/// `generation(table, mount)` → a number that changes with the keys of an in-memory driver; -1 for any other.
pub fn generation(this: &mut Environment, call: &Call) -> Answer {
    let table = this.tables.get(call.handle(0));
    let mount = table.and_then(|table| table.router.get(u32::try_from(call.handle(1)).ok()?));
    let lane = mount.and_then(|mount| mount.target.native());
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
pub fn keys(this: &mut Environment, call: &Call) -> Answer {
    let depth = usize::try_from(call.number(3)).ok();
    let Some((lane, listing)) = listing(this, call, 2, depth, call.flag(4)) else {
        return Ok(Reply::Code(code::INVALID));
    };
    match &lane {
        Lane::Inline(driver) => {
            let mut keys = KeyList::default();
            driver.borrow_mut().keys(&listing, &mut this.context.scope(), &mut |key| {
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
            let full = innermost(&listing).to_vec();
            let asked = Remote { operation: "getKeys", checked: Ok(()), full: &full, outcome: Outcome::Keys };
            let options = call.request_options(0.0, false, 5);
            Ok(Reply::Code(this.context.ask(driver, asked, |driver, answer| driver.keys(listing, options, answer))))
        }
    }
}

/// `clear(table, mount, base, told, request?)` → the full keys that are gone, or PENDING with an array of them and, where others
/// stayed, an error. Keys that end in `$` go too. Unless `told`, a server may leave out which are gone.
pub fn clear(this: &mut Environment, call: &Call) -> Answer {
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
            let mut driver = driver.borrow_mut();
            driver.keys(&listing, &mut this.context.scope(), &mut |key| relative.push(key.into()));
            for key in relative {
                driver.remove(&key, &mut this.context.scope());
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
pub fn answer(this: &mut Environment, call: &Call) -> Answer {
    let question = this.context.questions.remove(&call.number(0));
    if let (Some(question), Some(answers)) = (question, text::bytes(call.env, call.arguments[1])) {
        // It has no receiver if its thread has gone, and then needs no answer.
        let _ = question.send(answers.into_iter().map(|answer| answer != 0).collect());
    }
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
            && let Some(lane) = mount.target.native()
        {
            let mut listing = table.router.listing(mount, base, depth);
            listing.hidden = hidden;
            found = Some((lane.clone(), listing));
        }
        code::DONE
    });
    found
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
