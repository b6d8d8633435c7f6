//! Columns that line up.

use std::io::{self, Write};

use anstyle::Style;

/// On which side of a column its cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of styled cells. The last column is never padded.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<(String, Style)>>,
    indent: usize,
}

impl Table {
    /// A table with these columns, each row after so many blanks.
    pub(crate) fn new(columns: &[Align], indent: usize) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), indent }
    }

    /// Adds a row; cells that are missing at its end stay empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = (String, Style)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes all rows, columns two blanks apart.
    ///
    /// # Errors
    /// When the writer fails.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                self.rows.iter().filter_map(|row| row.get(at)).map(|(text, _)| width(text)).max().unwrap_or(0)
            })
            .collect();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for (at, ((text, style), wanted)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(wanted - width(text));
                let last = at + 1 == row.len();
                match self.columns[at] {
                    Align::Right => line.push_str(&format!("{padding}{style}{text}{style:#}")),
                    Align::Left if last => line.push_str(&format!("{style}{text}{style:#}")),
                    Align::Left => line.push_str(&format!("{style}{text}{style:#}{padding}")),
                }
                if !last {
                    line.push_str("  ");
                }
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Columns that a text takes; a character of East Asian scripts takes two, combining ones none.
fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The wide and the combining ranges that names in practice have; others count as one column.
const fn char_width(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&[Align::Right, Align::Left, Align::Left], 2);
        let plain = |text: &str| (text.to_owned(), Style::new());
        table.row([plain("5"), plain("日本"), plain("a")]);
        table.row([plain("1,000"), plain("x"), plain("b")]);
        table.row([plain("7"), plain("")]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "      5  日本  a\n  1,000  x     b\n      7\n");
    }
}
