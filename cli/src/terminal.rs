//! What the terminal can show.

use std::io::IsTerminal;

use crate::args::ColorChoice;

/// Abilities of standard output, found once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    pub(crate) width: usize,
    pub(crate) colors: bool,
    pub(crate) unicode: bool,
}

impl Terminal {
    /// Looks at standard output and the environment.
    pub(crate) fn detect(color: ColorChoice) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width = terminal
            .then(|| comfy_table::Table::new().width().map(usize::from))
            .flatten()
            .filter(|&width| width >= 40)
            .unwrap_or(80);
        Self {
            width,
            colors: colors(color, terminal, |name| std::env::var(name).ok()),
            unicode: unicode(|name| std::env::var(name).ok()),
        }
    }
}

fn colors(choice: ColorChoice, terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal
                && variable("NO_COLOR").is_none_or(|value| value.is_empty())
                && variable("TERM").is_none_or(|value| value != "dumb")
        }
    }
}

/// The first of the locale variables that is set decides.
fn unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_and_dumb_terminals_are_honored() {
        let none = |_: &str| None;
        assert!(colors(ColorChoice::Auto, true, none));
        assert!(!colors(ColorChoice::Auto, false, none));
        let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        assert!(!colors(ColorChoice::Auto, true, no_color));
        assert!(colors(ColorChoice::Always, false, no_color));
        assert!(!colors(ColorChoice::Auto, true, |name: &str| {
            (name == "TERM").then(|| "dumb".to_owned())
        }));
    }

    #[test]
    fn the_first_locale_variable_decides_on_symbols() {
        assert!(!unicode(|_| None));
        assert!(unicode(|name| (name == "LANG").then(|| "de_DE.UTF-8".to_owned())));
        assert!(!unicode(|name| match name {
            "LC_ALL" => Some("C".to_owned()),
            "LANG" => Some("en_US.UTF-8".to_owned()),
            _ => None,
        }));
    }
}
