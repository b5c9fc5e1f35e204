//! Reads `shapes.txt`, which is a part of the program: what is wrong with it fails a test.

use super::{Member, Pattern, Range, Shape, Shapes};

pub(super) fn shapes(text: &'static str) -> Shapes {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    Shapes(lines.map(line).collect())
}

fn line(line: &'static str) -> (&'static str, Shape) {
    let (name, rest) = line.split_once(' ').expect("a name and a shape");
    let mut words = rest.split(' ');
    let shape = match words.next().unwrap_or_default() {
        "{" => Shape::Structure(members(rest)),
        "enum" => Shape::Choice(words.collect()),
        "boolean" => Shape::Truth,
        "timestamp" => Shape::Time,
        kind => {
            let mut words = words.peekable();
            let range = words.next_if(|word| word.contains("..")).map_or(Range::OPEN, range);
            let mut name = || words.next().expect("the name of a shape");
            match kind {
                "string" => {
                    Shape::Text { length: range, pattern: words.next().map(Pattern::named) }
                }
                "integer" => Shape::Integer(range),
                "blob" => Shape::Blob(range),
                "list" => Shape::List { size: range, of: name() },
                "map" => Shape::Map { size: range, key: name(), value: name() },
                other => unreachable!("there is no kind of shape `{other}`"),
            }
        }
    };
    (name, shape)
}

fn members(braces: &'static str) -> Vec<Member> {
    let inner = braces.trim_start_matches('{').trim_end_matches('}').trim();
    let texts = inner.split(", ").filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let (name, shape) = text.split_once(':').unwrap_or((text, text.trim_end_matches('*')));
            Member { name: name.trim_end_matches('*'), shape, required: name.ends_with('*') }
        })
        .collect()
}

fn range(word: &str) -> Range {
    let (least, most) = word.split_once("..").expect("two dots");
    let number = |text: &str| (!text.is_empty()).then(|| text.parse().expect("a number"));
    Range { least: number(least), most: number(most) }
}

impl Range {
    pub(super) const OPEN: Self = Self { least: None, most: None };
}
