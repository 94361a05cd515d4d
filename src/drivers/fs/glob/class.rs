//! Characters between brackets.

use unicode_general_category::{GeneralCategory as Category, get_general_category};

/// A set of characters, each a number: a UTF-16 code unit or a code point.
#[derive(Debug, Clone, PartialEq)]
pub enum Class {
    One(u32),
    /// Anything: no name holds a slash.
    Any,
    Never,
    Set {
        negated: bool,
        members: Vec<Member>,
        /// POSIX names that stand for all but what they say: the other way round than the members.
        excluded: Vec<Posix>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Member {
    Range(u32, u32),
    Posix(Posix),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Posix {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Word,
    Xdigit,
}

const NAMES: [(&str, Posix); 14] = [
    ("[:alnum:]", Posix::Alnum),
    ("[:alpha:]", Posix::Alpha),
    ("[:ascii:]", Posix::Ascii),
    ("[:blank:]", Posix::Blank),
    ("[:cntrl:]", Posix::Cntrl),
    ("[:digit:]", Posix::Digit),
    ("[:graph:]", Posix::Graph),
    ("[:lower:]", Posix::Lower),
    ("[:print:]", Posix::Print),
    ("[:punct:]", Posix::Punct),
    ("[:space:]", Posix::Space),
    ("[:upper:]", Posix::Upper),
    ("[:word:]", Posix::Word),
    ("[:xdigit:]", Posix::Xdigit),
];

impl Class {
    pub fn contains(&self, unit: u32) -> bool {
        let same = if cfg!(any(windows, target_os = "macos")) { other_case(unit) } else { unit };
        self.contains_exactly(unit) || same != unit && self.contains_exactly(same)
    }

    fn contains_exactly(&self, unit: u32) -> bool {
        match self {
            Self::One(one) => *one == unit,
            Self::Any => true,
            Self::Never => false,
            Self::Set { negated, members, excluded } => {
                let member = members.iter().any(|member| match member {
                    Member::Range(first, last) => (first..=last).contains(&&unit),
                    Member::Posix(name) => name.contains(unit),
                });
                let exclusion = excluded.iter().any(|name| name.contains(unit));
                !members.is_empty() && member != *negated || !excluded.is_empty() && exclusion == *negated
            }
        }
    }

    /// A dot at the begin of a name needs a dot in the pattern, where a wildcard comes first; two sets side by side are none, in node.
    pub fn is_wildcard(&self) -> bool {
        match self {
            Self::One(_) | Self::Never => false,
            Self::Any => true,
            Self::Set { members, excluded, .. } => members.is_empty() || excluded.is_empty(),
        }
    }
}

/// Upper case of lower case, and the other way round. Only for systems whose names know no case.
fn other_case(unit: u32) -> u32 {
    let Some(character) = char::from_u32(unit) else { return unit };
    let upper = character.to_uppercase().next().map_or(unit, u32::from);
    if upper == unit { character.to_lowercase().next().map_or(unit, u32::from) } else { upper }
}

impl Posix {
    /// For `Graph` and `Print`: whether it is excluded.
    fn contains(self, unit: u32) -> bool {
        use Category as C;
        // A lone surrogate is a character of the category of its own.
        let category = char::from_u32(unit).map_or(C::Surrogate, get_general_category);
        let letter = matches!(
            category,
            C::UppercaseLetter | C::LowercaseLetter | C::TitlecaseLetter | C::ModifierLetter | C::OtherLetter
        );
        let alphabetic = letter || category == C::LetterNumber;
        let separator = matches!(category, C::SpaceSeparator | C::LineSeparator | C::ParagraphSeparator);
        let other = matches!(category, C::Control | C::Format | C::Surrogate | C::PrivateUse | C::Unassigned);
        match self {
            Self::Alnum => alphabetic || category == C::DecimalNumber,
            Self::Alpha => alphabetic,
            Self::Ascii => unit < 0x80,
            Self::Blank => category == C::SpaceSeparator || unit == 0x09,
            Self::Cntrl => category == C::Control,
            Self::Digit => category == C::DecimalNumber,
            Self::Graph => separator || other,
            Self::Lower => category == C::LowercaseLetter,
            Self::Print => other,
            Self::Punct => matches!(
                category,
                C::ConnectorPunctuation
                    | C::DashPunctuation
                    | C::OpenPunctuation
                    | C::ClosePunctuation
                    | C::InitialPunctuation
                    | C::FinalPunctuation
                    | C::OtherPunctuation
            ),
            Self::Space => separator || matches!(unit, 0x09..=0x0D),
            Self::Upper => category == C::UppercaseLetter,
            Self::Word => alphabetic || matches!(category, C::DecimalNumber | C::ConnectorPunctuation),
            Self::Xdigit => char::from_u32(unit).is_some_and(|character| character.is_ascii_hexdigit()),
        }
    }

    fn needs_unicode(self) -> bool {
        !matches!(self, Self::Ascii | Self::Xdigit)
    }
}

/// A class as it stands in a pattern.
pub struct Parsed {
    pub class: Class,
    /// How much of the pattern it takes.
    pub length: usize,
    /// It names characters by their Unicode properties.
    pub unicode: bool,
}

/// The class by name that the pattern begins with, and the name's length.
fn posix_at(pattern: &[u32]) -> Option<(usize, Posix)> {
    let stands = |name: &str| pattern.iter().copied().take(name.len()).eq(name.bytes().map(u32::from));
    NAMES.into_iter().find(|(name, _)| stands(name)).map(|(name, posix)| (name.len(), posix))
}

/// The class that begins with the bracket in front of `pattern`; none where no bracket closes it.
pub fn parse(pattern: &[u32]) -> Option<Parsed> {
    let code = u32::from;
    let never = Parsed { class: Class::Never, length: pattern.len(), unicode: false };
    let (mut members, mut excluded) = (Vec::new(), Vec::new());
    let (mut negated, mut unicode, mut closed) = (false, false, false);
    let mut first_of_range = None;
    let mut at = 1;
    if pattern.get(1).is_some_and(|&unit| unit == code('!') || unit == code('^')) {
        negated = true;
        at = 2;
    }
    let start = at;
    while let Some(&unit) = pattern.get(at) {
        if unit == code(']') && at > start {
            closed = true;
            at += 1;
            break;
        }
        if let Some((length, posix)) = posix_at(&pattern[at..]) {
            if first_of_range.is_some() {
                return Some(never);
            }
            at += length;
            if matches!(posix, Posix::Graph | Posix::Print) {
                excluded.push(posix);
            } else {
                members.push(Member::Posix(posix));
            }
            unicode |= posix.needs_unicode();
            continue;
        }
        let dash = pattern.get(at + 1) == Some(&code('-'));
        if let Some(first) = first_of_range.take() {
            // A range that runs backwards holds nothing.
            if unit >= first {
                members.push(Member::Range(first, unit));
            }
            at += 1;
        } else if dash && pattern.get(at + 2) == Some(&code(']')) {
            members.extend([Member::Range(unit, unit), Member::Range(code('-'), code('-'))]);
            at += 2;
        } else if dash {
            first_of_range = Some(unit);
            at += 2;
        } else {
            members.push(Member::Range(unit, unit));
            at += 1;
        }
    }
    if !closed {
        return None;
    }
    let class = match (&members[..], &excluded[..]) {
        ([], []) => return Some(never),
        ([Member::Range(first, last)], []) if first == last && !negated => Class::One(*first),
        _ => Class::Set { negated, members, excluded },
    };
    Some(Parsed { class, length: at, unicode })
}
