//! Java's date patterns: `yyyy-MM-dd HH:mm:ss.SSS`, as `DateTimeFormatter` and `SimpleDateFormat`
//! understand them.

mod format;
mod parse;

use std::cell::RefCell;
use std::rc::Rc;

/// Which of the two classes a function uses in Flink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `java.time.format.DateTimeFormatter` (DATE_FORMAT, TO_TIMESTAMP): the whole text must fit.
    Formatter,
    /// `java.text.SimpleDateFormat` (FROM_UNIXTIME, UNIX_TIMESTAMP, TO_DATE): fields may run over,
    /// and what follows the last one is passed over.
    Simple,
}

/// A pattern taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    items: Vec<Item>,
    dialect: Dialect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    /// Text as it is.
    Literal(String),
    /// A letter and how often it stands there.
    Field(Field, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    Quarter,
    Month,
    Day,
    DayOfYear,
    Week,
    WeekOfMonth,
    DayOfWeek,
    /// Number of the day of the week, Monday is 1.
    DayNumber,
    /// 0 to 23
    Hour,
    /// 1 to 24
    Hour24,
    /// 0 to 11
    Hour11,
    /// 1 to 12
    Hour12,
    Minute,
    Second,
    Fraction,
    HalfDay,
    Era,
    /// `+0100`
    Offset,
    /// `Z` or `+01:00`
    IsoOffset,
    /// The zone's name.
    Zone,
}

fn field(letter: char, dialect: Dialect) -> Option<Field> {
    Some(match letter {
        'y' => Field::Year,
        'u' if dialect == Dialect::Formatter => Field::Year,
        'u' => Field::DayNumber,
        'Y' => Field::Year,
        'Q' | 'q' if dialect == Dialect::Formatter => Field::Quarter,
        'M' | 'L' => Field::Month,
        'd' => Field::Day,
        'D' => Field::DayOfYear,
        'w' => Field::Week,
        'W' => Field::WeekOfMonth,
        'E' => Field::DayOfWeek,
        'e' if dialect == Dialect::Formatter => Field::DayNumber,
        'H' => Field::Hour,
        'k' => Field::Hour24,
        'K' => Field::Hour11,
        'h' => Field::Hour12,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Fraction,
        'a' => Field::HalfDay,
        'G' => Field::Era,
        'Z' => Field::Offset,
        'X' | 'x' => Field::IsoOffset,
        'z' | 'V' | 'v' => Field::Zone,
        _ => return None,
    })
}

/// A pattern's text and what came of it; none when it is no pattern.
type Kept = (String, Dialect, Option<Rc<Pattern>>);

impl Pattern {
    /// Takes a pattern apart; the message says which letter is none of a pattern.
    pub(crate) fn new(text: &str, dialect: Dialect) -> Result<Self, String> {
        let mut items: Vec<Item> = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\'' if chars.peek() == Some(&'\'') => {
                    chars.next();
                    literal.push('\'');
                }
                '\'' => loop {
                    match chars.next() {
                        Some('\'') if chars.peek() == Some(&'\'') => {
                            chars.next();
                            literal.push('\'');
                        }
                        Some('\'') => break,
                        Some(c) => literal.push(c),
                        None => return Err(format!("the date pattern `{text}` lacks a quote")),
                    }
                },
                c if c.is_ascii_alphabetic() => {
                    let Some(found) = field(c, dialect) else {
                        return Err(format!(
                            "the date pattern `{text}` has an unknown letter `{c}`"
                        ));
                    };
                    let mut count = 1;
                    while chars.next_if_eq(&c).is_some() {
                        count += 1;
                    }
                    if !literal.is_empty() {
                        items.push(Item::Literal(std::mem::take(&mut literal)));
                    }
                    items.push(Item::Field(found, count));
                }
                // Optional sections are read as if they were not optional.
                '[' | ']' if dialect == Dialect::Formatter => {}
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            items.push(Item::Literal(literal));
        }
        Ok(Self { items, dialect })
    }

    /// [`Pattern::new`] with the patterns used lately remembered; none for what is no pattern.
    pub(crate) fn cached(text: &str, dialect: Dialect) -> Option<Rc<Self>> {
        thread_local! {
            static LATELY: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
        }
        LATELY.with_borrow_mut(|kept| {
            let known = kept.iter().position(|(known, of, _)| known == text && *of == dialect);
            if let Some(at) = known {
                kept[..=at].rotate_right(1);
                return kept[0].2.clone();
            }
            let pattern = Self::new(text, dialect).ok().map(Rc::new);
            kept.truncate(15);
            kept.insert(0, (text.to_owned(), dialect, pattern.clone()));
            pattern
        })
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
