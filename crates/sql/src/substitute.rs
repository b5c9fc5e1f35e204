//! `${group:key}`: values of the application's property groups in SQL text.

use model::protocol::PropertyGroups;

use crate::diagnostic::{Diagnostic, Place, Result};

/// A text with its properties filled in, which still knows the places of the original.
#[derive(Debug, Clone)]
pub struct Substituted {
    /// The text to parse.
    pub text: String,
    /// One entry for each replaced reference, in order.
    replaced: Vec<Replaced>,
}

/// One replaced reference: where it stood and where its value stands.
#[derive(Debug, Clone, Copy)]
struct Replaced {
    original: Place,
    original_end: Place,
    begin: Place,
    end: Place,
}

impl Substituted {
    /// The place in the original text for a place in the filled-in text. Anything inside a value
    /// is at its reference.
    #[must_use]
    pub fn original(&self, place: Place) -> Place {
        let Some(last) = self.replaced.iter().rev().find(|replaced| replaced.begin <= place) else {
            return place;
        };
        if place < last.end {
            return last.original;
        }
        let line = place.line - last.end.line + last.original_end.line;
        let column = if place.line == last.end.line {
            place.column - last.end.column + last.original_end.column
        } else {
            place.column
        };
        Place { line, column }
    }
}

/// Replaces each `${group:key}` by the property's value, as it is (a value is not quoted; write
/// quotes around the reference where SQL needs a string).
///
/// A `$` that no `{group:key}` follows is left alone. An unknown group or key is an error that
/// names the known ones.
pub fn substitute(text: &str, groups: &PropertyGroups) -> Result<String> {
    Ok(fill_in(text, groups)?.text)
}

/// As [`substitute`], keeping the places of the original.
pub fn fill_in(text: &str, groups: &PropertyGroups) -> Result<Substituted> {
    let mut made = Substituted { text: String::with_capacity(text.len()), replaced: Vec::new() };
    let (mut read, mut written) = (Place::START, Place::START);
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        made.text.push_str(before);
        read = after(read, before);
        written = after(written, before);
        let Some((group, key, length)) = parts(reference) else {
            made.text.push_str("${");
            read = after(read, "${");
            written = after(written, "${");
            rest = &reference[2..];
            continue;
        };
        let value = look_up(groups, group, key, read)?;
        made.text.push_str(value);
        let read_end = after(read, &reference[..length]);
        let end = after(written, value);
        made.replaced.push(Replaced {
            original: read,
            original_end: read_end,
            begin: written,
            end,
        });
        (read, written) = (read_end, end);
        rest = &reference[length..];
    }
    made.text.push_str(rest);
    Ok(made)
}

/// Group, key and length of the reference at the start of `text`.
fn parts(text: &str) -> Option<(&str, &str, usize)> {
    let inside = &text[2..text.find('}')?];
    let (group, key) = inside.split_once(':')?;
    let plain = |name: &str| {
        let name = name.trim();
        !name.is_empty() && !name.contains(['\n', '\'', '{', '$'])
    };
    (plain(group) && plain(key)).then(|| (group.trim(), key.trim(), inside.len() + 3))
}

fn look_up<'a>(
    groups: &'a PropertyGroups,
    group: &str,
    key: &str,
    place: Place,
) -> Result<&'a str> {
    let Some(found) = groups.get(group) else {
        let message = format!("unknown property group `{group}`; {}", known(groups.keys()));
        return Err(
            Diagnostic::new(place, message).did_you_mean(group, groups.keys().map(String::as_str))
        );
    };
    found.get(key).map(String::as_str).ok_or_else(|| {
        let message =
            format!("property group `{group}` has no key `{key}`; {}", known(found.keys()));
        Diagnostic::new(place, message).did_you_mean(key, found.keys().map(String::as_str))
    })
}

fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "there is none".into() } else { format!("known: {}", names.join(", ")) }
}

/// Where `text` that begins at `place` ends.
fn after(place: Place, text: &str) -> Place {
    let lines = text.matches('\n').count() as u64;
    let tail = text.rsplit('\n').next().unwrap_or_default().chars().count() as u64;
    Place {
        line: place.line + lines,
        column: if lines == 0 { place.column + tail } else { tail + 1 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> PropertyGroups {
        let group = [("topic".to_string(), "readings-of-all-sensors".to_string())].into();
        [("consumer.config.0".to_string(), group)].into()
    }

    #[test]
    fn fills_in_and_leaves_other_dollars_alone() {
        let text = "'topic' = '${consumer.config.0:topic}', '$1', '${x}'";
        let filled = substitute(text, &groups()).unwrap();
        assert_eq!(filled, "'topic' = 'readings-of-all-sensors', '$1', '${x}'");
    }

    #[test]
    fn names_unknown_groups_and_keys_with_their_place() {
        let error = substitute("a\nb '${consumer:topic}'", &groups()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2, column 4: unknown property group `consumer`; known: `consumer.config.0`"
        );
        let error = substitute("'${consumer.config.0:topi}'", &groups()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 2: property group `consumer.config.0` has no key `topi`; known: \
             `topic`; did you mean `topic`?"
        );
    }

    #[test]
    fn places_are_those_of_the_original() {
        let text = "x '${consumer.config.0:topic}' y\nz";
        let filled = fill_in(text, &groups()).unwrap();
        let column = filled.text.find(" y").unwrap() as u64 + 2;
        let place = filled.original(Place { line: 1, column });
        assert_eq!(place.column, text.find(" y").unwrap() as u64 + 2);
        assert_eq!(filled.original(Place { line: 1, column: 10 }).column, 4);
        assert_eq!(filled.original(Place { line: 2, column: 1 }), Place { line: 2, column: 1 });
    }
}
