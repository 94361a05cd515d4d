//! One segment of a pattern: wildcards, classes and `@(…|…)` with its kin, from text to an expression.
//!
//! The steps are minimatch's: parse, simplify groups in groups, let what follows a `!(…)` take part in what it excludes.

use super::{
    DEEPEST, GlobError, MOST_NODES,
    automaton::{Automaton, Expression},
    class::{self, Class},
};

/// Groups nest so deep, unless the outer can take in what the inner stands for.
const DEEPEST_GROUP: usize = 2;

type Index = usize;

const ROOT: Index = 0;

#[derive(Debug, Clone)]
enum Part {
    Text(Vec<u32>),
    Node(Index),
}

/// A group, whose parts are its alternatives, or a sequence.
#[derive(Debug)]
struct Node {
    /// One of `!?+*@` for a group.
    kind: Option<char>,
    parts: Vec<Part>,
    parent: Index,
    /// The place among the parent's parts, when the node was made.
    place: usize,
    /// No text stands before the closing bracket: node then takes `!(…)` for anything but nothing.
    ends_empty: bool,
}

struct Tree {
    nodes: Vec<Node>,
    /// In the order of their making.
    exclusions: Vec<Index>,
    /// Some class names Unicode properties.
    unicode: bool,
}

/// What a part stands for.
enum Read {
    Expression(Expression),
    /// `[^/]+?`, which takes no quantifier.
    Bare(Expression),
    /// A group that can only be empty, of so many alternatives. In node its text becomes part of the regular expression.
    Blank(char, usize),
}

/// Reads a segment.
pub fn read(pattern: &str) -> Result<Automaton, GlobError> {
    let units: Vec<u32> = pattern.encode_utf16().map(u32::from).collect();
    let (tree, expression) = Tree::read(&units)?;
    if !tree.unicode {
        return Automaton::new(&expression, false);
    }
    let points: Vec<u32> = pattern.chars().map(u32::from).collect();
    Automaton::new(&Tree::read(&points)?.1, true)
}

fn is_kind(unit: u32) -> Option<char> {
    char::from_u32(unit).filter(|kind| "!?+*@".contains(*kind))
}

fn is(unit: u32, character: char) -> bool {
    unit == u32::from(character)
}

/// Whether a group of this kind takes in the alternatives of a group that is one of them.
fn adopts(kind: char, inner: char) -> bool {
    matches!((kind, inner), ('!' | '?' | '*' | '+' | '@', '@') | ('?' | '*', '?') | ('*' | '+', '+') | ('*', '*'))
}

/// As `adopts`, where an empty alternative has to be added.
fn adopts_with_empty(kind: char, inner: char) -> bool {
    matches!((kind, inner), ('!' | '@' | '+', '?') | ('+', '*'))
}

/// Whether text in the group may nest one more of this kind.
fn nests(kind: char, inner: char) -> bool {
    matches!((kind, inner), ('!' | '?' | '@', '?' | '@') | ('*' | '+', '*' | '+' | '?' | '@'))
}

/// The kind that a group with a single alternative becomes, which is a group itself.
fn merged(kind: char, inner: char) -> Option<char> {
    match (kind, inner) {
        ('!', '!') => Some('@'),
        ('?', '*' | '+') | ('+', '?' | '*') => Some('*'),
        ('@', inner) => Some(inner),
        _ => None,
    }
}

impl Tree {
    fn read(units: &[u32]) -> Result<(Self, Expression), GlobError> {
        let mut tree = Self { nodes: Vec::new(), exclusions: Vec::new(), unicode: false };
        tree.add(None, ROOT)?;
        tree.parse(units, ROOT, 0, 0, 0)?;
        tree.simplify(ROOT);
        tree.fill()?;
        let expression = match tree.nodes[ROOT].parts[..] {
            [Part::Node(group)] if tree.nodes[group].kind.is_some() => match tree.group(group, false)? {
                Read::Expression(expression) | Read::Bare(expression) => expression,
                Read::Blank(kind, alternatives) => text(&format!("{kind}({})", "|".repeat(alternatives - 1))),
            },
            _ => tree.sequence(ROOT, false)?,
        };
        Ok((tree, expression))
    }

    fn add(&mut self, kind: Option<char>, parent: Index) -> Result<Index, GlobError> {
        let index = self.nodes.len();
        if index > MOST_NODES {
            return Err(GlobError::TooComplex);
        }
        let place = if index == ROOT { 0 } else { self.nodes[parent].parts.len() };
        self.nodes.push(Node { kind, parts: Vec::new(), parent, place, ends_empty: false });
        Ok(index)
    }

    fn push_text(&mut self, node: Index, text: &mut Vec<u32>) {
        if !text.is_empty() {
            self.nodes[node].parts.push(Part::Text(std::mem::take(text)));
        }
    }

    /// Parses into `node` from `start`, where a group has its bracket; answers where it ended.
    fn parse(
        &mut self,
        units: &[u32],
        node: Index,
        start: usize,
        depth: usize,
        nesting: usize,
    ) -> Result<usize, GlobError> {
        if nesting > DEEPEST {
            return Err(GlobError::TooComplex);
        }
        let group = self.nodes[node].kind;
        let mut at = if group.is_some() { start + 1 } else { start };
        let mut part = if group.is_some() { self.add(None, node)? } else { node };
        let mut alternatives = Vec::new();
        let mut text = Vec::new();
        // Where a class is open, and whether it begins with `!` or `^`.
        let mut class: Option<(usize, bool)> = None;
        while at < units.len() {
            let unit = units[at];
            at += 1;
            if let Some((open, negated)) = &mut class {
                if at == *open + 1 {
                    *negated = is(unit, '^') || is(unit, '!');
                } else if is(unit, ']') && !(at == *open + 2 && *negated) {
                    class = None;
                }
                text.push(unit);
                continue;
            }
            if is(unit, '[') {
                class = Some((at, false));
                text.push(unit);
                continue;
            }
            if let Some(kind) = is_kind(unit).filter(|_| units.get(at).is_some_and(|&next| is(next, '('))) {
                let nested = group.is_some_and(|group| nests(group, kind));
                if depth <= DEEPEST_GROUP || nested {
                    self.push_text(part, &mut text);
                    let inner = self.add(Some(kind), part)?;
                    if kind == '!' {
                        self.exclusions.push(inner);
                    }
                    // The child is in place before it is read, as what follows it looks there.
                    let deeper = depth + usize::from(!nested);
                    at = self.parse(units, inner, at, deeper, nesting + 1)?;
                    self.nodes[part].parts.push(Part::Node(inner));
                    continue;
                }
            }
            if group.is_some() && is(unit, '|') {
                self.push_text(part, &mut text);
                alternatives.push(Part::Node(part));
                part = self.add(None, node)?;
                continue;
            }
            if group.is_some() && is(unit, ')') {
                self.nodes[node].ends_empty = text.is_empty();
                self.push_text(part, &mut text);
                alternatives.push(Part::Node(part));
                self.nodes[node].parts = alternatives;
                return Ok(at);
            }
            text.push(unit);
        }
        if group.is_some() {
            // Nothing closes it: so it is text, with all that follows.
            let node = &mut self.nodes[node];
            node.kind = None;
            node.parts = vec![Part::Text(units[start - 1..].to_vec())];
        } else {
            self.push_text(node, &mut text);
        }
        Ok(at)
    }

    /// Takes groups apart that are all of an alternative of a group.
    fn simplify(&mut self, node: Index) {
        let child = |part: &Part| match part {
            Part::Node(child) => Some(*child),
            Part::Text(_) => None,
        };
        if self.nodes[node].kind.is_none() {
            for part in self.nodes[node].parts.iter().filter_map(child).collect::<Vec<_>>() {
                self.simplify(part);
            }
            return;
        }
        for _ in 0..10 {
            let mut done = true;
            let mut index = 0;
            while let Some(part) = self.nodes[node].parts.get(index) {
                if let Some(alternative) = child(part) {
                    self.simplify(alternative);
                    done &= !self.take_apart(node, alternative, index);
                }
                index += 1;
            }
            if done {
                return;
            }
        }
    }

    fn take_apart(&mut self, node: Index, alternative: Index, index: usize) -> bool {
        let [Part::Node(inner)] = self.nodes[alternative].parts[..] else { return false };
        let (Some(kind), None, Some(inner_kind)) =
            (self.nodes[node].kind, self.nodes[alternative].kind, self.nodes[inner].kind)
        else {
            return false;
        };
        if adopts_with_empty(kind, inner_kind) && !adopts(kind, inner_kind) {
            let place = self.nodes[inner].parts.len();
            let blank = self.nodes.len();
            self.nodes.push(Node { kind: None, parts: Vec::new(), parent: inner, place, ends_empty: false });
            self.nodes[inner].parts.push(Part::Node(blank));
        } else if !adopts(kind, inner_kind) {
            let Some(merged) = merged(kind, inner_kind).filter(|_| self.nodes[node].parts.len() == 1) else {
                return false;
            };
            self.nodes[node].kind = Some(merged);
            self.nodes[node].ends_empty = false;
        }
        let parts = self.nodes[inner].parts.clone();
        for part in &parts {
            if let Part::Node(part) = part {
                self.nodes[*part].parent = node;
            }
        }
        self.nodes[node].parts.splice(index..=index, parts);
        true
    }

    /// Adds what follows a `!(…)` to each of its alternatives.
    fn fill(&mut self) -> Result<(), GlobError> {
        while let Some(exclusion) = self.exclusions.pop() {
            if self.nodes[exclusion].kind != Some('!') {
                continue;
            }
            let alternatives = self.nodes[exclusion].parts.clone();
            let mut node = exclusion;
            while node != ROOT {
                let parent = self.nodes[node].parent;
                if self.nodes[parent].kind.is_none() {
                    let following = self.nodes[parent].parts.get(self.nodes[node].place + 1..);
                    for part in following.unwrap_or_default().to_vec() {
                        for alternative in &alternatives {
                            if let Part::Node(alternative) = alternative {
                                self.copy(&part, *alternative)?;
                            }
                        }
                    }
                }
                node = parent;
            }
        }
        Ok(())
    }

    fn copy(&mut self, part: &Part, into: Index) -> Result<(), GlobError> {
        let copy = match part {
            Part::Text(text) => Part::Text(text.clone()),
            Part::Node(node) => {
                let copy = self.add(self.nodes[*node].kind, into)?;
                for part in self.nodes[*node].parts.clone() {
                    self.copy(&part, copy)?;
                }
                Part::Node(copy)
            }
        };
        self.nodes[into].parts.push(copy);
        Ok(())
    }

    /// Whether nothing but `!(…)` stands in front of it.
    fn is_start(&self, node: Index) -> bool {
        let Node { parent, place, .. } = self.nodes[node];
        let excludes = |index| match self.nodes[parent].parts.get(index) {
            Some(Part::Node(part)) => self.nodes[*part].kind == Some('!'),
            _ => false,
        };
        node == ROOT || self.is_start(parent) && (0..place).all(excludes)
    }

    fn is_end(&self, node: Index) -> bool {
        let Node { kind, parent, place, .. } = self.nodes[node];
        node == ROOT
            || self.nodes[parent].kind == Some('!')
            || self.is_end(parent) && (kind.is_none() || place + 1 == self.nodes[parent].parts.len())
    }

    /// With `dots`, a wildcard in front matches a dot.
    fn sequence(&mut self, node: Index, dots: bool) -> Result<Expression, GlobError> {
        let (start, end) = (self.is_start(node), self.is_end(node));
        let parts = self.nodes[node].parts.clone();
        let filled = start && end && parts.iter().all(|part| matches!(part, Part::Text(_)));
        let mut sequence = Vec::new();
        let mut bare = true;
        for part in &parts {
            let read = match part {
                Part::Text(text) => Read::Expression(self.wildcards(text, filled)),
                Part::Node(part) if self.nodes[*part].kind.is_some() => self.group(*part, dots)?,
                Part::Node(part) => Read::Expression(self.sequence(*part, dots)?),
            };
            match read {
                Read::Blank('@', _) => sequence.push(text("@")),
                Read::Blank(kind, _) => {
                    let last = sequence.pop().filter(|_| !bare).unwrap_or(Expression::Malformed);
                    sequence.push(match kind {
                        '+' => Expression::Repeated(last.into()),
                        '?' => Expression::Optional(last.into()),
                        _ => any_number(last),
                    });
                }
                Read::Bare(expression) => {
                    bare = true;
                    sequence.push(expression);
                }
                Read::Expression(expression) => {
                    bare = false;
                    sequence.push(expression);
                }
            }
        }
        if start && !dots && matches!(parts.first(), Some(Part::Text(_))) && begins_wild(&sequence) {
            sequence.insert(0, no_dot());
        }
        if end && node != ROOT && self.nodes[self.nodes[node].parent].kind == Some('!') {
            sequence.push(Expression::End);
        }
        Ok(Expression::Sequence(sequence))
    }

    fn group(&mut self, node: Index, dots: bool) -> Result<Read, GlobError> {
        let Node { kind, ends_empty, .. } = self.nodes[node];
        let kind = kind.unwrap_or('@');
        let (start, end) = (self.is_start(node), self.is_end(node));
        let body = self.alternatives(node, dots)?;
        if start && end && body.is_empty() && kind != '!' {
            return Ok(Read::Blank(kind, self.nodes[node].parts.len()));
        }
        let any = || Expression::Unit(Class::Any);
        let in_front = if start && !dots { no_dot() } else { Expression::empty() };
        if kind == '!' {
            return Ok(if ends_empty {
                Read::Bare(Expression::Sequence(vec![in_front, Expression::Repeated(any().into())]))
            } else {
                let rest = any_number(any());
                Read::Expression(Expression::Sequence(vec![Expression::Unless(body.into()), in_front, rest]))
            });
        }
        // Only the first of several may not begin with a dot.
        let later = if matches!(kind, '*' | '+') && !dots { Some(self.alternatives(node, true)?) } else { None };
        let several = match later {
            Some(later) if later != body => Expression::Sequence(vec![body, any_number(later)]),
            Some(_) => Expression::Repeated(body.into()),
            None if matches!(kind, '*' | '+') => Expression::Repeated(body.into()),
            None => body,
        };
        Ok(Read::Expression(match kind {
            '?' | '*' => Expression::Optional(several.into()),
            _ => several,
        }))
    }

    fn alternatives(&mut self, node: Index, dots: bool) -> Result<Expression, GlobError> {
        let whole = self.is_start(node) && self.is_end(node);
        let mut ways = Vec::new();
        for part in self.nodes[node].parts.clone() {
            if let Part::Node(part) = part {
                let way = self.sequence(part, dots)?;
                if !(whole && way.is_empty()) {
                    ways.push(way);
                }
            }
        }
        Ok(match ways.len() {
            0 => Expression::empty(),
            1 => ways.remove(0),
            _ => Expression::Either(ways),
        })
    }

    /// Text with `*`, `?` and classes. With `filled`, stars alone match no empty name.
    fn wildcards(&mut self, pattern: &[u32], filled: bool) -> Expression {
        let mut sequence = Vec::new();
        let mut at = 0;
        while at < pattern.len() {
            let unit = pattern[at];
            let mut length = 1;
            sequence.push(if is(unit, '*') {
                length = pattern[at..].iter().take_while(|&&unit| is(unit, '*')).count();
                let any = Expression::Unit(Class::Any);
                if filled && length == pattern.len() { Expression::Repeated(any.into()) } else { any_number(any) }
            } else if is(unit, '?') {
                Expression::Unit(Class::Any)
            } else if let Some(parsed) =
                Some(unit).filter(|&unit| is(unit, '[')).and_then(|_| class::parse(&pattern[at..]))
            {
                length = parsed.length;
                self.unicode |= parsed.unicode;
                Expression::Unit(parsed.class)
            } else {
                Expression::Unit(Class::One(unit))
            });
            at += length;
        }
        Expression::Sequence(sequence)
    }
}

fn text(text: &str) -> Expression {
    Expression::Sequence(text.chars().map(|unit| Expression::Unit(Class::One(unit.into()))).collect())
}

fn any_number(expression: Expression) -> Expression {
    Expression::Optional(Expression::Repeated(expression.into()).into())
}

fn no_dot() -> Expression {
    Expression::Unless(Expression::Unit(Class::One('.'.into())).into())
}

/// Whether a wildcard comes first.
fn begins_wild(sequence: &[Expression]) -> bool {
    match sequence.first() {
        Some(Expression::Unit(class)) => class.is_wildcard(),
        Some(Expression::Optional(part) | Expression::Repeated(part)) => begins_wild(std::slice::from_ref(part)),
        Some(Expression::Sequence(parts)) => begins_wild(parts),
        _ => false,
    }
}
