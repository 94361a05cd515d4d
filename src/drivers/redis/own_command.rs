//! Commands of the caller's own: which of them may go over the connection that all calls share, and what key they are about.

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
                    b"CACHING" | b"CAPA" | b"NO-EVICT" | b"NO-TOUCH" | b"REPLY" | b"SETINFO" | b"SETNAME" | b"TRACKING"
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

/// The first key of a command, where a cluster needs it to know the server. For most it is the first word after the name; for what is
/// not listed here, and for no key at all, the server that is asked says who is right.
pub fn key(words: &[Vec<u8>]) -> &[u8] {
    let name = words.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    let none = |index: usize| words.get(index).is_some_and(|count| count == b"0");
    let index = match name.as_slice() {
        // A script and how many keys it has.
        b"EVAL" | b"EVAL_RO" | b"EVALSHA" | b"EVALSHA_RO" | b"FCALL" | b"FCALL_RO" if !none(2) => 3,
        b"MIGRATE" => 3,
        // After a word of its own, or how many keys there are.
        b"BITOP" | b"MEMORY" | b"OBJECT" | b"XGROUP" | b"XINFO" | b"LMPOP" | b"SINTERCARD" | b"ZDIFF" | b"ZINTER"
        | b"ZINTERCARD" | b"ZMPOP" | b"ZUNION" => 2,
        b"XREAD" | b"XREADGROUP" => {
            let streams = words.iter().position(|word| word.eq_ignore_ascii_case(b"STREAMS"));
            streams.map_or(1, |streams| streams + 1)
        }
        _ => 1,
    };
    words.get(index).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_where_the_command_has_it() {
        for command in [
            "GET k",
            "MGET k l",
            "eval return 1 k",
            "EVALSHA abc 2 k l x",
            "BITOP NOT k l",
            "object FREQ k",
            "XGROUP CREATE k g $",
            "XREAD COUNT 1 streams k l 0 0",
            "ZUNION 2 k l",
        ] {
            let words: Vec<_> = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(key(&words), b"k", "{command}");
        }
        assert_eq!(key(&[b"PING".to_vec()]), b"");
        assert_eq!(key(&[]), b"");
    }

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
            "CLIENT CAPA redirect",
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
