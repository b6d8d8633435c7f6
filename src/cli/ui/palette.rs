//! Colours, by what they mean.

use anstyle::{AnsiColor, Style};

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR or CLICOLOR say otherwise.
    #[default]
    Auto,
    /// Wherever the output goes.
    Always,
    /// Nowhere.
    Never,
}

/// A style for each meaning; all empty where there is to be no colour.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Palette {
    /// Added files, and what is staged.
    pub(crate) added: Style,
    /// Removed files, and what is not staged.
    pub(crate) removed: Style,
    /// Files whose content changed.
    pub(crate) changed: Style,
    /// Files with a new name.
    pub(crate) renamed: Style,
    /// Ids.
    pub(crate) id: Style,
    /// Dataset names, labels and tags.
    pub(crate) name: Style,
    /// What leads over a section.
    pub(crate) heading: Style,
    /// What is there for completeness.
    pub(crate) dim: Style,
    /// The word `error`.
    pub(crate) error: Style,
    /// The word `warning`.
    pub(crate) warning: Style,
    /// The word `hint`.
    pub(crate) hint: Style,
}

impl Palette {
    /// No colour at all.
    pub(crate) fn plain() -> Self {
        Self::default()
    }

    /// All colours, of the sixteen that a person's terminal theme defines.
    pub(crate) const fn colored() -> Self {
        const fn fg(color: AnsiColor) -> Style {
            Style::new().fg_color(Some(anstyle::Color::Ansi(color)))
        }
        Self {
            added: fg(AnsiColor::Green),
            removed: fg(AnsiColor::Red),
            changed: fg(AnsiColor::Yellow),
            renamed: fg(AnsiColor::Cyan),
            id: fg(AnsiColor::Yellow),
            name: fg(AnsiColor::Cyan).bold(),
            heading: Style::new().bold(),
            dim: Style::new().dimmed(),
            error: fg(AnsiColor::Red).bold(),
            warning: fg(AnsiColor::Yellow).bold(),
            hint: fg(AnsiColor::Cyan).bold(),
        }
    }

    /// Whether anything is coloured.
    pub(crate) const fn is_colored(&self) -> bool {
        !self.heading.is_plain()
    }

    /// The palette for one stream. What NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM mean is decided
    /// by `anstream`, as in every tool that clap is part of.
    pub(crate) fn for_stream(when: ColorWhen, stream: &impl anstream::stream::RawStream) -> Self {
        let colored = match when {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never,
        };
        if colored { Self::colored() } else { Self::plain() }
    }
}
