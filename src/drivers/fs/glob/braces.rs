//! `{a,b}` and `{1..3}`, as the package brace-expansion reads them.

use super::{DEEPEST, GlobError, MOST_ALTERNATIVES};

/// Stand for braces that are text. Unicode keeps these code points for such private use.
const TEXT_OPEN: char = '\u{FDD0}';
const TEXT_CLOSE: char = '\u{FDD1}';

/// The patterns without braces that a pattern stands for.
pub fn expand(pattern: &str) -> Result<Vec<String>, GlobError> {
    if !has_braces(pattern) {
        return Ok(vec![pattern.to_owned()]);
    }
    let pattern = match pattern.strip_prefix("{}") {
        Some(rest) => format!("{TEXT_OPEN}{TEXT_CLOSE}{rest}"),
        None => pattern.to_owned(),
    };
    let mut patterns: Vec<String> = Vec::new();
    for expanded in expand_nested(&pattern, true, 0)? {
        let text = expanded.replace(TEXT_OPEN, "{").replace(TEXT_CLOSE, "}");
        if !patterns.contains(&text) {
            patterns.push(text);
        }
    }
    Ok(patterns)
}

/// Whether some `{` is followed by a `}`, with no other `{` between them, on one line.
fn has_braces(pattern: &str) -> bool {
    let mut open = false;
    for character in pattern.chars() {
        match character {
            '{' => open = true,
            '}' if open => return true,
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => open = false,
            _ => {}
        }
    }
    false
}

fn expand_nested(pattern: &str, mut top: bool, depth: usize) -> Result<Vec<String>, GlobError> {
    if depth > DEEPEST {
        return Err(GlobError::TooComplex);
    }
    let mut rest = pattern.to_owned();
    let mut expanded = vec![String::new()];
    // Whether empty results are left out; the first group decides.
    let mut drops = None;
    loop {
        let Some((open, close)) = balanced(&rest) else {
            return combine(&expanded, &rest, &[String::new()], drops == Some(true));
        };
        let (before, body, after) = (&rest[..open], &rest[open + 1..close], &rest[close + 1..]);
        let last = after.is_empty();
        let plain = [String::new()];
        let values = if before.ends_with('$') {
            drops = drops.or(Some(false));
            expanded = combine(&expanded, &format!("{before}{{{body}}}"), &plain, drops == Some(true) && last)?;
            None
        } else if let Some(sequence) = sequence(body)? {
            drops = drops.or(Some(false));
            Some(sequence)
        } else if body.contains(',') {
            let drop = *drops.get_or_insert(top);
            let parts = comma_parts(body);
            if let [single] = &parts[..] {
                let inner = expand_nested(single, false, depth + 1)?;
                let embraced: Vec<String> = inner.into_iter().map(|text| format!("{{{text}}}")).collect();
                if let [text] = &embraced[..] {
                    expanded = combine(&expanded, &format!("{before}{text}"), &plain, drop && last)?;
                    None
                } else {
                    Some(each(&embraced, before, &expanded, drop && last, depth)?)
                }
            } else {
                Some(each(&parts, before, &expanded, drop && last, depth)?)
            }
        } else if closes_later(after) {
            // The brace is text, and so is all that it encloses.
            rest = format!("{before}{{{body}{TEXT_CLOSE}{after}");
            top = true;
            continue;
        } else {
            return combine(&expanded, &rest, &plain, drops == Some(true));
        };
        if let Some(values) = values {
            expanded = combine(&expanded, before, &values, drops == Some(true) && last)?;
        }
        if last {
            return Ok(expanded);
        }
        rest = after.to_owned();
    }
}

fn each(
    parts: &[String],
    before: &str,
    expanded: &[String],
    drop: bool,
    depth: usize,
) -> Result<Vec<String>, GlobError> {
    let drop = drop && before.is_empty() && expanded.iter().all(String::is_empty);
    let mut values = Vec::new();
    for part in parts {
        values.extend(expand_nested(part, false, depth + 1)?.into_iter().filter(|value| !drop || !value.is_empty()));
        if values.len() > MOST_ALTERNATIVES {
            return Err(GlobError::TooComplex);
        }
    }
    Ok(values)
}

fn combine(starts: &[String], between: &str, values: &[String], drop_empty: bool) -> Result<Vec<String>, GlobError> {
    if starts.len() * values.len() > MOST_ALTERNATIVES {
        return Err(GlobError::TooComplex);
    }
    let join = |start: &String, value: &String| format!("{start}{between}{value}");
    let all = starts.iter().flat_map(|start| values.iter().map(move |value| join(start, value)));
    Ok(all.filter(|text| !drop_empty || !text.is_empty()).collect())
}

/// The places of the first pair of braces that belong together. Where one brace too many is open, the pair is an inner one.
fn balanced(text: &str) -> Option<(usize, usize)> {
    let mut open = Vec::new();
    let mut outermost: Option<(usize, usize)> = None;
    for (at, character) in text.char_indices() {
        match (character, open.len()) {
            ('{', _) => open.push(at),
            ('}', 1) => return Some((open[0], at)),
            ('}', 2..) => {
                let start = open.pop().unwrap_or(at);
                if outermost.is_none_or(|(known, _)| start < known) {
                    outermost = Some((start, at));
                }
            }
            _ => {}
        }
    }
    outermost
}

/// What stands between the commas of a body that belong to no inner pair of braces.
fn comma_parts(body: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = body;
    let add = |parts: &mut Vec<String>, text: &str| {
        let mut pieces = text.split(',');
        if let (Some(last), Some(piece)) = (parts.last_mut(), pieces.next()) {
            last.push_str(piece);
        }
        parts.extend(pieces.map(str::to_owned));
    };
    while let Some((open, close)) = balanced(rest) {
        add(&mut parts, &rest[..open]);
        if let Some(last) = parts.last_mut() {
            last.push_str(&rest[open..=close]);
        }
        rest = &rest[close + 1..];
    }
    add(&mut parts, rest);
    parts
}

/// Whether a comma, with no other behind it, comes before a closing brace on its line.
fn closes_later(text: &str) -> bool {
    text.split(['\n', '\r', '\u{2028}', '\u{2029}']).any(|line| {
        let Some(close) = line.rfind('}') else { return false };
        line[..close].char_indices().any(|(at, character)| character == ',' && !line[at + 1..].starts_with(','))
    })
}

/// `1..5`, `a..e`, `01..10..2`.
fn sequence(body: &str) -> Result<Option<Vec<String>>, GlobError> {
    let parts: Vec<&str> = body.split("..").collect();
    let ([first, last] | [first, last, _]) = parts[..] else { return Ok(None) };
    let number = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<i32>().ok())
    };
    let letter = |text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(i32::from(*byte)),
        _ => None,
    };
    let step = match parts.get(2) {
        Some(text) => number(text),
        None => Some(Some(1)),
    };
    let letters = letter(first).zip(letter(last));
    let ends = letters.map(|(first, last)| (Some(first), Some(last))).or_else(|| number(first).zip(number(last)));
    let (Some((from, to)), Some(step)) = (ends, step) else { return Ok(None) };
    // A number that is beyond 32 bits is one of too many.
    let (Some(from), Some(to), Some(step)) = (from, to, step) else { return Err(GlobError::TooComplex) };
    let step = i64::from(step).abs().max(1);
    let (from, to) = (i64::from(from), i64::from(to));
    if (to - from).abs() / step >= i64::try_from(MOST_ALTERNATIVES).unwrap_or_default() {
        return Err(GlobError::TooComplex);
    }
    let padded = |text: &&str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.len() > 1 && digits.starts_with('0')
    };
    let width = if parts.iter().any(padded) { first.len().max(last.len()) } else { 0 };
    let show = |value: i64| match letters {
        // No escape comes from a sequence.
        Some(_) => u8::try_from(value).ok().map(char::from).filter(|&letter| letter != '\\').map(String::from),
        None => Some(format!("{value:0width$}")),
    };
    let count = (to - from).abs() / step;
    let direction = if to < from { -step } else { step };
    Ok(Some((0..=count).map(|index| show(from + index * direction).unwrap_or_default()).collect()))
}
