//! What JavaScript calls of drivers behind a network alone.

use super::{
    calls::{Answer, internal},
    codes::code,
    completion::Outcome,
    context::Remote,
    environment::Environment,
    raw::{Call, Reply},
    text, value,
};
use crate::driver::Lane;

/// `flush()`: the calls of this turn of the event loop have all begun, and go out.
pub fn flush(this: &mut Environment, _: &Call) -> Answer {
    this.context.flush();
    Ok(Reply::Nothing)
}

/// `close(driver)` → PENDING, or DONE for a driver that has no connections.
pub fn close(this: &mut Environment, call: &Call) -> Answer {
    let Some(Lane::Async(driver)) = this.drivers.get(call.handle(0)) else {
        return Ok(Reply::Code(code::DONE));
    };
    let (answer, code) = this.context.answer(driver, "dispose", b"", |()| Outcome::Nothing);
    driver.close(answer);
    this.context.send_later(driver);
    Ok(Reply::Code(code))
}

/// `command(driver, words, count)` → PENDING (what the server answers). Each word is a string or a Uint8Array.
pub fn command(this: &mut Environment, call: &Call) -> Answer {
    let Some(Lane::Async(driver)) = this.drivers.get(call.handle(0)) else {
        return Err(internal("no such driver".into()));
    };
    let word = |index| text::content(call.env, value::element(call.env, call.arguments[1], index));
    let words: Option<Vec<_>> = (0..u32::try_from(call.number(2)).unwrap_or_default()).map(word).collect();
    let words = words.ok_or_else(|| internal("a word is text or bytes".into()))?;
    let asked = Remote { operation: "command", checked: Ok(()), full: b"", outcome: Outcome::Response };
    Ok(Reply::Code(this.context.ask(driver, asked, |driver, answer| driver.command(words, answer))))
}

/// `status(driver)` → the number of a [`crate::driver::Status`].
pub fn status(this: &mut Environment, call: &Call) -> Answer {
    match this.drivers.get(call.handle(0)) {
        Some(Lane::Async(driver)) => Ok(Reply::Code(driver.status() as i32)),
        _ => Err(internal("no such driver".into())),
    }
}
