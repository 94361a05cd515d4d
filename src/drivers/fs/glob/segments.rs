//! Patterns cut at their slashes, and tidied as node does before it matches: the order of these steps shows in what matches.

use super::{GlobError, MOST_ALTERNATIVES};

type Parts = Vec<String>;

const ANY: &str = "**";

/// The segments of each pattern.
pub fn split(patterns: &[String]) -> Result<Vec<Parts>, GlobError> {
    let mut all: Vec<Parts> = patterns.iter().map(|pattern| cut(pattern)).collect();
    while tidy(&mut all)? {}
    Ok(without_covered(all))
}

/// Several slashes are one.
fn cut(pattern: &str) -> Parts {
    let mut parts: Parts = pattern.split('/').map(str::to_owned).collect();
    let last = parts.len() - 1;
    let mut index = 0;
    parts.retain(|part| {
        index += 1;
        !part.is_empty() || index == 1 || index == last + 1
    });
    parts
}

/// One pass over all patterns; whether it changed anything.
fn tidy(all: &mut Vec<Parts>) -> Result<bool, GlobError> {
    let mut changed = false;
    let mut index = 0;
    while index < all.len() {
        if all.len() > MOST_ALTERNATIVES {
            return Err(GlobError::TooComplex);
        }
        let mut parts = std::mem::take(&mut all[index]);
        changed |= part_ways(&mut parts, all);
        changed |= drop_idle(&mut parts);
        changed |= resolve_parents(&mut parts);
        all[index] = parts;
        index += 1;
    }
    Ok(changed)
}

/// `**/../a/b` is `../a/b` or `**/a/b`.
fn part_ways(parts: &mut Parts, all: &mut Vec<Parts>) -> bool {
    let is_name = |part: Option<&String>| part.is_some_and(|part| !matches!(part.as_str(), "" | "." | ".."));
    let mut changed = false;
    let mut from = 0;
    while let Some(at) = parts.get(from..).and_then(|rest| rest.iter().position(|part| part == ANY)).map(|at| at + from)
    {
        while parts.get(at + 1).is_some_and(|part| part == ANY) {
            parts.remove(at + 1);
        }
        from = at + 1;
        let parent = parts.get(at + 1).is_some_and(|part| part == "..");
        if parent && is_name(parts.get(at + 2)) && is_name(parts.get(at + 3)) {
            parts.remove(at);
            let mut other = parts.clone();
            other[at] = ANY.into();
            all.push(other);
            from = at;
            changed = true;
        }
    }
    changed
}

/// `.` and empty segments in the middle.
fn drop_idle(parts: &mut Parts) -> bool {
    let mut changed = false;
    let mut at = 1;
    while at + 1 < parts.len() {
        let rooted = at == 1 && parts[1].is_empty() && parts[0].is_empty();
        if !rooted && (parts[at].is_empty() || parts[at] == ".") {
            parts.remove(at);
            changed = true;
        } else {
            at += 1;
        }
    }
    if parts.len() == 2 && parts[0] == "." && (parts[1] == "." || parts[1].is_empty()) {
        parts.pop();
        changed = true;
    }
    changed
}

/// `a/..`, but not `**/..`.
fn resolve_parents(parts: &mut Parts) -> bool {
    let mut changed = false;
    let mut from = 1;
    while let Some(at) =
        parts.get(from..).and_then(|rest| rest.iter().position(|part| part == "..")).map(|at| at + from)
    {
        from = at + 1;
        if at == 0 || matches!(parts[at - 1].as_str(), "" | "." | ".." | ANY) {
            continue;
        }
        let dot = at == 1 && parts.get(2).is_some_and(|part| part == ANY);
        parts.splice(at - 1..=at, dot.then(|| ".".to_owned()));
        if parts.is_empty() {
            parts.push(String::new());
        }
        from = at.saturating_sub(1);
        changed = true;
    }
    changed
}

/// Of two patterns of which one covers the other, that one stays.
fn without_covered(mut all: Vec<Parts>) -> Vec<Parts> {
    for index in 0..all.len() {
        for other in index + 1..all.len() {
            if let Some(covering) = covering(&all[index], &all[other]) {
                all[index] = Vec::new();
                all[other] = covering;
                break;
            }
        }
    }
    all.retain(|parts| !parts.is_empty());
    all
}

fn covering(one: &Parts, other: &Parts) -> Option<Parts> {
    #[derive(PartialEq, Clone, Copy)]
    enum Wider {
        Neither,
        One,
        Other,
    }
    let is_covered = |part: &str| !part.is_empty() && !part.starts_with('.') && part != ANY;
    let (mut at, mut beside) = (0, 0);
    let mut result = Vec::new();
    let mut wider = Wider::Neither;
    while let (Some(part), Some(against)) = (one.get(at), other.get(beside)) {
        if part == against {
            result.push(part.clone());
        } else if part == ANY && Some(against) == one.get(at + 1) {
            result.push(part.clone());
            at += 1;
            continue;
        } else if against == ANY && Some(part) == other.get(beside + 1) {
            result.push(against.clone());
            beside += 1;
            continue;
        } else if part == "*" && is_covered(against) && wider != Wider::Other {
            wider = Wider::One;
            result.push(part.clone());
        } else if against == "*" && is_covered(part) && wider != Wider::One {
            wider = Wider::Other;
            result.push(against.clone());
        } else {
            return None;
        }
        at += 1;
        beside += 1;
    }
    (one.len() == other.len()).then_some(result)
}
