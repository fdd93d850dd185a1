//! A table in Markdown.

/// A table in Markdown.
pub(super) struct Table {
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headers: Vec<String>) -> Self {
        Self { headers, rows: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One row, unless there is nothing to say in it.
    pub(super) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = Option<String>>) {
        let cells: Vec<_> = cells.into_iter().collect();
        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
            self.rows.push(std::iter::once(name.to_owned()).chain(cells).collect());
        }
    }

    pub(super) fn rendered(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let marks: Vec<_> =
            (0..self.headers.len()).map(|at| if at == 0 { "---" } else { "---:" }.to_owned()).collect();
        let mut text = line(&self.headers) + &line(&marks);
        self.rows.iter().for_each(|row| text.push_str(&line(row)));
        text
    }
}
