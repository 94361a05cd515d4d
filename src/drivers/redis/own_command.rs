//! Which commands of the caller's own may go over the connection that all calls share.

use crate::error::Failure;

/// Refuses what would change the connection for all that comes after it, or make all of that wait.
pub fn check(words: &[Vec<u8>]) -> Result<(), Failure> {
    let mut words = words.iter().map(|word| word.to_ascii_uppercase());
    let name = words.next().unwrap_or_default();
    let harm = match name.as_slice() {
        b"ASKING" | b"AUTH" | b"DISCARD" | b"EXEC" | b"HELLO" | b"MONITOR" | b"MULTI" | b"PSUBSCRIBE" | b"PSYNC"
        | b"PUNSUBSCRIBE" | b"QUIT" | b"READONLY" | b"READWRITE" | b"REPLCONF" | b"RESET" | b"SELECT"
        | b"SSUBSCRIBE" | b"SUBSCRIBE" | b"SUNSUBSCRIBE" | b"SYNC" | b"UNSUBSCRIBE" | b"UNWATCH" | b"WATCH" => {
            Some("change")
        }
        b"CLIENT" => words
            .next()
            .filter(|what| {
                matches!(
                    what.as_slice(),
                    b"CACHING" | b"NO-EVICT" | b"NO-TOUCH" | b"REPLY" | b"SETINFO" | b"SETNAME" | b"TRACKING"
                )
            })
            .map(|_| "change"),
        b"SCRIPT" => words.next().filter(|what| what == b"DEBUG").map(|_| "change"),
        b"BLMOVE" | b"BLMPOP" | b"BLPOP" | b"BRPOP" | b"BRPOPLPUSH" | b"BZMPOP" | b"BZPOPMAX" | b"BZPOPMIN"
        | b"WAIT" | b"WAITAOF" => Some("hold up"),
        b"XREAD" | b"XREADGROUP" => {
            // A group and a consumer may be called anything.
            let named = if name == b"XREAD" { 0 } else { 3 };
            let mut options = words.skip(named).take_while(|word| word != b"STREAMS");
            options.any(|word| word == b"BLOCK").then_some("hold up")
        }
        _ => None,
    };
    let Some(harm) = harm else { return Ok(()) };
    let name = String::from_utf8_lossy(&name);
    let message =
        format!("{name} would {harm} the connection that all calls share: it needs one of its own, by another client");
    Err(Failure::new("UNSUPPORTED", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(command: &str) -> bool {
        check(&command.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>()).is_err()
    }

    #[test]
    fn what_changes_the_connection_or_holds_it_up_is_refused() {
        for command in [
            "select 1",
            "MULTI",
            "Subscribe news",
            "CLIENT reply off",
            "client SETNAME mine",
            "SCRIPT DEBUG yes",
            "BLPOP list 0",
            "WAIT 1 0",
            "XREAD COUNT 1 block 0 STREAMS s $",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
        ] {
            assert!(refused(command), "{command}");
        }
        for command in [
            "",
            "GET MULTI",
            "CLIENT LIST",
            "CLIENT",
            "SCRIPT LOAD return",
            "XREAD STREAMS block 0",
            "XREADGROUP GROUP BLOCK block STREAMS s >",
            "EVAL return 0",
        ] {
            assert!(!refused(command), "{command}");
        }
    }
}
