//! Tables of text.

/// A table with a head; columns are as wide as they must be.
#[derive(Debug)]
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; line ends become spaces.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| cell.replace(['\n', '\r'], " ")).collect());
    }

    /// The lines, or `otherwise` if there is no row.
    pub(crate) fn text(&self, otherwise: &str) -> String {
        if self.rows.is_empty() {
            return otherwise.to_owned();
        }
        let head: Vec<String> = self.head.iter().map(|&cell| cell.to_owned()).collect();
        let rows: Vec<&Vec<String>> = std::iter::once(&head).chain(&self.rows).collect();
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..head.len()).map(|at| width(at).unwrap_or(0)).collect();
        let line = |row: &&Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Names and values, one a line; those without a value are left out.
pub(super) fn fields(pairs: &[(&str, String)]) -> String {
    let shown: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
    let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 1;
    let indent = " ".repeat(width + 1);
    let line = |(name, value): &&(&str, String)| {
        let value = value.trim_end().replace('\n', &format!("\n{indent}"));
        format!("{:<width$} {value}\n", format!("{name}:"))
    };
    shown.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["NAME", "STATUS"]);
        assert_eq!(table.text("nothing"), "nothing");
        table.row(vec!["sensor-alerts".to_owned(), "READY".to_owned()]);
        table.row(vec!["é".to_owned(), "two\nlines".to_owned()]);
        assert_eq!(
            table.text("nothing"),
            "NAME           STATUS\nsensor-alerts  READY\né              two lines"
        );
    }

    #[test]
    fn empty_fields_are_left_out_and_lines_indented() {
        let pairs = [("Name", "a".to_owned()), ("Role", String::new()), ("Failure", "b\nc".into())];
        assert_eq!(fields(&pairs), "Name:    a\nFailure: b\n         c\n");
    }
}
