//! Lists in pages (AWS `Limit` and `NextToken`).

use model::invalid::Invalid;

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    limit: Option<i64>,
    next_token: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Token of the next page, if there is one.
    pub next_token: Option<String>,
}

const MOST: i64 = 50;

impl PageRequest {
    /// A page of at most `limit` items (1 to 50; absent = 50) after the one that gave
    /// `next_token`.
    ///
    /// # Errors
    /// A limit outside 1 to 50, a token outside 1 to 512 characters.
    pub fn new(limit: Option<i64>, next_token: Option<String>) -> Result<Self, Invalid> {
        if let Some(limit) = limit
            && !(1..=MOST).contains(&limit)
        {
            return Err(Invalid::new("Limit", format!("must be 1 to {MOST}, not {limit}")));
        }
        if let Some(token) = &next_token {
            model::invalid::check_length("NextToken", token, 1, 512)?;
        }
        Ok(Self { limit, next_token })
    }

    /// One more than the page holds, to see whether there is another.
    pub(crate) fn fetch(&self) -> i64 {
        self.limit.unwrap_or(MOST) + 1
    }

    /// The token as text.
    pub(crate) fn after_text(&self) -> Option<&str> {
        self.next_token.as_deref()
    }

    /// The token as the number it was made of.
    pub(crate) fn after_number(&self) -> Result<Option<i64>, Invalid> {
        let wrong = |_| Invalid::new("NextToken", "is not one that this list gave");
        self.next_token.as_deref().map(str::parse).transpose().map_err(wrong)
    }

    /// Cuts what was fetched to the page; `token` makes the next page's token of its last item.
    pub(crate) fn page<T>(&self, mut fetched: Vec<T>, token: impl Fn(&T) -> String) -> Page<T> {
        let room = usize::try_from(self.fetch() - 1).expect("a limit of 1 to 50 fits");
        let more = fetched.len() > room;
        fetched.truncate(room);
        let next_token = if more { fetched.last().map(token) } else { None };
        Page { items: fetched, next_token }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_tokens_are_checked() {
        for wrong in [0, 51, -1] {
            assert!(PageRequest::new(Some(wrong), None).is_err(), "{wrong}");
        }
        assert!(PageRequest::new(None, Some(String::new())).is_err());
        let garbage = PageRequest::new(None, Some("garbage".to_owned())).unwrap();
        assert_eq!(garbage.after_number().unwrap_err().field, "NextToken");
    }

    #[test]
    fn the_last_page_has_no_token() {
        let request = PageRequest::new(Some(2), None).unwrap();
        let page = request.page(vec![1, 2, 3], ToString::to_string);
        assert_eq!((page.items, page.next_token), (vec![1, 2], Some("2".to_owned())));
        let page = request.page(vec![3, 4], ToString::to_string);
        assert_eq!((page.items, page.next_token), (vec![3, 4], None));
    }
}
