//! What a person or a program sees: data on standard output, talk on standard error.

mod fold;
mod graph;
mod human;
mod palette;
mod progress;
mod table;

use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

pub(crate) use fold::{Item, Row, fold};
pub(crate) use graph::Graph;
pub(crate) use human::{count, plural, ratio, size, tame};
pub(crate) use palette::{ColorWhen, Palette};
pub(crate) use progress::{ProgressStyle, Reporter};
pub(crate) use table::{Align, Table};

/// The two streams and how they are to look.
pub(crate) struct Ui {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Styles for standard output.
    pub(crate) palette: Palette,
    /// Styles for standard error.
    pub(crate) talk_palette: Palette,
    /// Whether talk is unwanted.
    pub(crate) quiet: bool,
    /// Columns of the terminal that standard output is; `None` when it is none.
    pub(crate) width: Option<usize>,
}

impl Ui {
    /// The streams of this process.
    pub(crate) fn of_process(color: ColorWhen, quiet: bool) -> Self {
        let width = io::stdout().is_terminal().then(terminal_width);
        Self {
            palette: Palette::for_stream(color, &io::stdout()),
            talk_palette: Palette::for_stream(color, &io::stderr()),
            out: Box::new(BufWriter::with_capacity(64 * 1024, io::stdout())),
            err: Box::new(io::stderr()),
            quiet,
            width,
        }
    }

    /// Where data goes. Buffered: [`Ui::finish`] must be called.
    pub(crate) fn out(&mut self) -> &mut dyn Write {
        &mut *self.out
    }

    /// Standard output and its styles together.
    pub(crate) fn out_and_palette(&mut self) -> (&mut dyn Write, &Palette) {
        (&mut *self.out, &self.palette)
    }

    /// Writes one document for a program.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, document)?;
        self.out.write_all(b"\n")
    }

    /// Tells what a command did: a line of data that `--quiet` silences.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn report(&mut self, text: &str) -> io::Result<()> {
        if self.quiet { Ok(()) } else { writeln!(self.out, "{text}") }
    }

    /// Tells the person something that is no data; a failure to do so is no failure of the command.
    pub(crate) fn talk(&mut self, text: &str) {
        if !self.quiet {
            let _ = self.out.flush();
            let _ = writeln!(self.err, "{text}");
        }
    }

    /// Tells the person what can be done next.
    pub(crate) fn hint(&mut self, text: &str) {
        let hint = self.talk_palette.hint;
        self.talk(&format!("{hint}hint{hint:#}: {text}"));
    }

    /// Tells the person of something wrong that did not end the command; not silenced by `--quiet`.
    pub(crate) fn warn(&mut self, text: &str) {
        let warning = self.talk_palette.warning;
        let _ = self.out.flush();
        let _ = writeln!(self.err, "{warning}warning{warning:#}: {text}");
    }

    /// Whether standard output is coloured.
    pub(crate) const fn is_colored(&self) -> bool {
        self.palette.is_colored()
    }

    /// Sends what is buffered on its way.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn terminal_width() -> usize {
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    columns.clamp(40, 400)
}
