//! Regular expressions over one segment, with lookahead: as much of them as globs need.

use super::{GlobError, class::Class};

/// An expression, with the names that regular expressions have for its parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Unit(Class),
    Sequence(Vec<Expression>),
    Either(Vec<Expression>),
    /// `?`
    Optional(Box<Expression>),
    /// `+`
    Repeated(Box<Expression>),
    /// `(?!…)`
    Unless(Box<Expression>),
    /// `$`
    End,
    /// A quantifier without anything to repeat. Where node leaves out what holds it, it does no harm.
    Malformed,
}

impl Expression {
    pub fn empty() -> Self {
        Self::Sequence(Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Sequence(parts) if parts.is_empty())
    }
}

#[derive(Debug)]
enum Step {
    Unit(Class),
    /// Goes on at both places.
    Fork(usize, usize),
    /// Goes on unless the program matches here.
    Unless(usize),
    End,
    Done,
}

type Program = Vec<Step>;

#[derive(Debug)]
pub struct Automaton {
    /// The last is the expression itself; each refers to earlier ones only.
    programs: Vec<Program>,
    /// The text is read as code points, as with a regular expression's flag `u`; else as UTF-16.
    unicode: bool,
}

impl Automaton {
    pub fn new(expression: &Expression, unicode: bool) -> Result<Self, GlobError> {
        let mut programs = Vec::new();
        let mut program = Vec::new();
        compile(expression, &mut program, &mut programs)?;
        program.extend([Step::End, Step::Done]);
        programs.push(program);
        // node escapes these, and with the flag `u` that is an error.
        let is_malformed = |step: &Step| matches!(step, Step::Unit(Class::One(unit)) if is_unescapable(*unit));
        if unicode && programs.iter().flatten().any(is_malformed) {
            return Err(GlobError::Malformed);
        }
        Ok(Self { programs, unicode })
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        let text: Vec<u32> = if self.unicode {
            name.chars().map(u32::from).collect()
        } else {
            name.encode_utf16().map(u32::from).collect()
        };
        let mut found: Vec<Vec<bool>> = Vec::with_capacity(self.programs.len());
        for program in &self.programs {
            found.push(places(program, &text, &found));
        }
        found.last().is_some_and(|places| places[0])
    }
}

/// At which places of the text the program matches, `found` being the same of the programs that it refers to. From the end of
/// the text to its begin, with every step's answer for each place: no text makes that take longer than its length.
fn places(program: &[Step], text: &[u32], found: &[Vec<bool>]) -> Vec<bool> {
    let mut places = vec![false; text.len() + 1];
    let mut later = vec![false; program.len()];
    for at in (0..=text.len()).rev() {
        let mut now = vec![false; program.len()];
        // Steps lead forward, but for the ends of repetitions: again until nothing changes.
        loop {
            let mut changed = false;
            for (index, step) in program.iter().enumerate().rev() {
                let matches = match step {
                    Step::Unit(class) => at < text.len() && later[index + 1] && class.contains(text[at]),
                    Step::Fork(one, other) => now[*one] || now[*other],
                    Step::Unless(program) => !found[*program][at] && now[index + 1],
                    Step::End => at == text.len() && now[index + 1],
                    Step::Done => true,
                };
                changed |= matches && !now[index];
                now[index] = matches;
            }
            if !changed {
                break;
            }
        }
        places[at] = now[0];
        later = now;
    }
    places
}

fn compile(expression: &Expression, program: &mut Program, programs: &mut Vec<Program>) -> Result<(), GlobError> {
    if program.len() + programs.len() > super::MOST_NODES {
        return Err(GlobError::TooComplex);
    }
    match expression {
        Expression::Unit(class) => program.push(Step::Unit(class.clone())),
        Expression::Sequence(parts) => {
            for part in parts {
                compile(part, program, programs)?;
            }
        }
        Expression::Either(ways) => {
            let mut ends = Vec::new();
            for (index, way) in ways.iter().enumerate() {
                let fork = program.len();
                if index + 1 < ways.len() {
                    program.push(Step::Fork(fork + 1, fork + 1));
                }
                compile(way, program, programs)?;
                if index + 1 < ways.len() {
                    ends.push(program.len());
                    program.push(Step::Fork(0, 0));
                    program[fork] = Step::Fork(fork + 1, program.len());
                }
            }
            let end = program.len();
            for place in ends {
                program[place] = Step::Fork(end, end);
            }
        }
        Expression::Optional(part) => {
            let fork = program.len();
            program.push(Step::Fork(fork + 1, fork + 1));
            compile(part, program, programs)?;
            program[fork] = Step::Fork(fork + 1, program.len());
        }
        Expression::Repeated(part) => {
            let start = program.len();
            compile(part, program, programs)?;
            program.push(Step::Fork(start, program.len() + 1));
        }
        Expression::Unless(part) => {
            let mut inner = Vec::new();
            compile(part, &mut inner, programs)?;
            inner.push(Step::Done);
            programs.push(inner);
            program.push(Step::Unless(programs.len() - 1));
        }
        Expression::End => program.push(Step::End),
        Expression::Malformed => return Err(GlobError::Malformed),
    }
    Ok(())
}

fn is_unescapable(unit: u32) -> bool {
    let is_space = |character: char| character.is_whitespace() && character != '\u{85}' || character == '\u{FEFF}';
    char::from_u32(unit).is_some_and(|character| matches!(character, '-' | ',' | '#') || is_space(character))
}
