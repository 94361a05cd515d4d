//! Globs in the dialect of node's `path.matchesGlob`: that of the package minimatch, hidden corners included.
//!
//! A pattern is read once: its braces are expanded (`braces`), each alternative is cut at slashes and tidied (`segments`),
//! and each segment becomes text or a small automaton (`extglob`, `automaton`). Matching takes time in proportion to the
//! lengths of pattern and path, where node's own regular expressions can take for ever.

mod automaton;
mod braces;
mod class;
mod extglob;
mod segments;

use automaton::Automaton;

/// Longer patterns, and those that grow beyond these bounds when they are read, are refused: node tries, and hangs.
const MOST_CHARACTERS: usize = 4096;
const MOST_ALTERNATIVES: usize = 1000;
const MOST_NODES: usize = 20_000;
const DEEPEST: usize = 50;

/// Deeper patterns than this match nothing, in node.
const MOST_SECTIONS: usize = 200;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("the pattern is too long")]
    TooLong,
    #[error("the pattern has too many alternatives, or nests too deeply")]
    TooComplex,
    #[error("the pattern is malformed")]
    Malformed,
}

/// One pattern. It sees paths as a walk meets them: segments between slashes, none of them empty, `.` or `..`; the folder where the walk
/// began is the empty path.
#[derive(Debug)]
pub struct Glob(Vec<Vec<Segment>>);

#[derive(Debug)]
enum Segment {
    /// `**`: any number of segments that begin with no dot.
    Any,
    Text(String),
    Pattern(Automaton),
}

impl Glob {
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        if pattern.len() > MOST_CHARACTERS {
            return Err(GlobError::TooLong);
        }
        let mut alternatives = Vec::new();
        for parts in segments::split(&braces::expand(&pattern.replace('\\', "/"))?)? {
            let read = |part: String| match part.as_str() {
                "**" => Ok(Segment::Any),
                text if !text.contains(['*', '?', '[', '(']) => Ok(Segment::Text(part)),
                text => extglob::read(text).map(Segment::Pattern),
            };
            alternatives.push(parts.into_iter().map(read).collect::<Result<_, _>>()?);
        }
        Ok(Self(alternatives))
    }

    /// Whether the path of these segments matches.
    pub fn matches(&self, path: &[&str]) -> bool {
        self.0.iter().any(|pattern| matches(pattern, path))
    }
}

impl Segment {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => false,
            Self::Text(text) => text == name,
            Self::Pattern(automaton) => automaton.matches(name),
        }
    }
}

fn matches(pattern: &[Segment], path: &[&str]) -> bool {
    let is_missing = |segment: &Segment| matches!(segment, Segment::Text(text) if !path.contains(&text.as_str()));
    if pattern.iter().any(is_missing) {
        return false;
    }
    let is_any = |segment: &Segment| matches!(segment, Segment::Any);
    let Some(first) = pattern.iter().position(is_any) else {
        return all_match(pattern, path);
    };
    let last = pattern.iter().rposition(is_any).unwrap_or(first);
    let (head, tail) = (&pattern[..first], &pattern[last + 1..]);
    if path.len() < head.len() + tail.len() {
        return false;
    }
    let end = path.len() - tail.len();
    if !all_match(head, &path[..head.len()]) || !all_match(tail, &path[end..]) {
        return false;
    }
    if first == last {
        let between = &path[head.len()..end];
        return (!tail.is_empty() || !between.is_empty()) && !between.iter().any(|name| name.starts_with('.'));
    }
    let sections: Vec<&[Segment]> = pattern[first + 1..last].split(is_any).collect();
    sections.len() <= MOST_SECTIONS && Middle { sections, path, end, tail: !tail.is_empty() }.follow(head.len())
}

fn all_match(pattern: &[Segment], path: &[&str]) -> bool {
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(segment, name)| segment.matches(name))
}

/// What stands between the first `**` of a pattern and its last.
struct Middle<'a> {
    sections: Vec<&'a [Segment]>,
    path: &'a [&'a str],
    /// Where the segments after the last `**` begin, if there are any.
    end: usize,
    tail: bool,
}

impl Middle<'_> {
    /// Whether all sections follow each other from `start` on, with no dot in front of what the `**` between them pass over.
    fn follow(&self, start: usize) -> bool {
        let lengths: Vec<usize> = self.sections.iter().map(|section| section.len()).collect();
        // From where in the path the sections so far may go on.
        let mut open = vec![false; self.end + 1];
        open[start] = true;
        for (index, section) in self.sections.iter().enumerate() {
            // The room that is left for later sections: node sums up the lengths of the first ones instead.
            let room: usize = lengths[..lengths.len() - 1 - index].iter().sum();
            let mut next = vec![false; self.end + 1];
            let mut passing = false;
            for (at, &open) in open.iter().enumerate() {
                passing |= open;
                let stop = at + section.len();
                if stop + room > self.end {
                    break;
                }
                if passing && all_match(section, &self.path[at..stop]) {
                    next[stop] = true;
                }
                passing &= self.path.get(at).is_some_and(|name| !name.starts_with('.'));
            }
            open = next;
        }
        // node looks for dots in what comes after the last `**`, too.
        let undotted = self.path.iter().rev().take_while(|name| !name.starts_with('.')).count();
        let from = self.path.len() - undotted;
        (from..=self.end).any(|at| open[at] && (self.tail || at < self.path.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).unwrap().matches(&path.split('/').collect::<Vec<_>>())
    }

    #[test]
    fn wildcards_pass_over_no_dot_in_front() {
        assert!(matches("**/node_modules/**", "a/node_modules/b"));
        assert!(!matches("**/node_modules/**", "node_modules/.bin"));
        assert!(!matches("**/node_modules/**", ".a/node_modules/b"));
        assert!(!matches("*", ".a") && matches("@(.a|b)", ".a"));
    }

    #[test]
    fn braces_classes_and_groups() {
        for (pattern, yes, no) in [
            ("{a,b}/{1..3}", "b/2", "c/2"),
            ("!(a|b)*", "cd", "ab"),
            ("+([0-9])", "123", "12a"),
            ("[[:alpha:]]x", "éx", "1x"),
            ("??", "😀", "a"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn what_is_too_complex_too_long_or_malformed_is_refused_and_matching_ends() {
        assert_eq!(Glob::new(&"!(a)".repeat(40)).unwrap_err(), GlobError::TooComplex);
        assert_eq!(Glob::new(&"{a,b}".repeat(40)).unwrap_err(), GlobError::TooComplex);
        assert_eq!(Glob::new(&"a".repeat(MOST_CHARACTERS + 1)).unwrap_err(), GlobError::TooLong);
        assert_eq!(Glob::new("[[:alpha:]]-").unwrap_err(), GlobError::Malformed);
        assert!(!matches(&"*a".repeat(60), &"a".repeat(200).replace('a', "ab")));
    }
}
