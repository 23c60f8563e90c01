//! `kind = "forest"`, and the forest that every study with verdicts gets.

use super::Context;
use crate::plot::{Figure, forest, svg};
use crate::verdict::Verdict;

impl Context<'_> {
    /// All verdicts of the study; nothing without one.
    pub(in crate::plot) fn forest(&self, name: &str, caption: Option<&str>) -> Option<Figure> {
        let verdicts: Vec<&Verdict> =
            self.verdicts.iter().filter(|v| v.study == self.study.name).collect();
        if verdicts.is_empty() {
            return None;
        }
        let said = caption.map(|text| format!("{} ", text.trim())).unwrap_or_default();
        let caption = format!(
            "{said}Estimate and interval of each claim; it holds where the whole interval lies in the \
             shaded region."
        );
        let scene = forest::draw(&verdicts, self.trial(), self.about(&caption));
        Some(Figure {
            name: name.to_owned(),
            plot: name.to_owned(),
            variant: String::new(),
            caption,
            svg: svg::write(&scene),
        })
    }
}
