//! Strict reading of values: what is not known, of the wrong type or impossible is a [`Finding`].

use super::node::{Content, Finding, Found, Node, Table};

/// At most this many names are listed where none is near.
const LISTED: usize = 12;

/// The known name nearest to `name`, if one is near.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    let reach = (name.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(&plain(name), &plain(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What to add to "no such name": the nearest one, or all of them if they are few.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => "; there is none".into(),
        None if known.len() <= LISTED => format!("; known: {}", quoted(known)),
        None => String::new(),
    }
}

/// Names in back quotes, separated by commas.
pub(super) fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Checks that `name` is one of `known`.
pub(super) fn known_name(node: &Node, what: &str, name: &str, known: &[&str]) -> Found<()> {
    if known.contains(&name) {
        return Ok(());
    }
    Err(node.finding(format!("no {what} named `{name}`{}", suggestion(name, known))))
}

/// Checks that every key of a table is known. `place` is what the message calls the table.
pub(super) fn only(node: &Node, place: &str, known: &[&str]) -> Found<()> {
    for (name, field) in &node.as_table(place)?.fields {
        if !known.contains(&name.as_str()) {
            let hint = suggestion(name, known);
            return Err(field.finding(format!("unknown key `{name}` in {place}{hint}")));
        }
    }
    Ok(())
}

impl Node {
    pub(super) fn mismatch(&self, what: &str, expected: &str) -> Finding {
        self.finding(format!("`{what}` must be {expected}, not {}", self.type_name()))
    }

    pub(super) fn as_table(&self, what: &str) -> Found<&Table> {
        self.table().ok_or_else(|| self.mismatch(what, "a table"))
    }

    /// A field that must be there.
    pub(super) fn require(&self, place: &str, name: &str) -> Found<&Node> {
        self.as_table(place)?
            .get(name)
            .ok_or_else(|| self.finding(format!("{place} needs `{name}`")))
    }

    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.table().and_then(|table| table.get(name))
    }

    pub(super) fn as_text(&self, what: &str) -> Found<&str> {
        match &self.content {
            Content::Text(text) if text.trim().is_empty() => {
                Err(self.finding(format!("`{what}` is empty")))
            }
            Content::Text(text) => Ok(text),
            _ => Err(self.mismatch(what, "a string")),
        }
    }

    pub(super) fn as_bool(&self, what: &str) -> Found<bool> {
        match self.content {
            Content::Bool(value) => Ok(value),
            _ => Err(self.mismatch(what, "true or false")),
        }
    }

    /// A list with at least one element.
    pub(super) fn as_list(&self, what: &str) -> Found<&[Node]> {
        match &self.content {
            Content::List(items) if items.is_empty() => {
                Err(self.finding(format!("`{what}` is empty")))
            }
            Content::List(items) => Ok(items),
            _ => Err(self.mismatch(what, "a list")),
        }
    }

    /// A list of distinct names, or a single one.
    pub(super) fn as_names(&self, what: &str) -> Found<Vec<(&Node, &str)>> {
        if let Content::Text(_) = self.content {
            return Ok(vec![(self, self.as_text(what)?)]);
        }
        let Content::List(_) = self.content else {
            return Err(self.mismatch(what, "a name or a list of names"));
        };
        let mut names: Vec<(&Node, &str)> = Vec::new();
        for item in self.as_list(what)? {
            let name = item.as_text(what)?;
            if names.iter().any(|(_, earlier)| *earlier == name) {
                return Err(item.finding(format!("`{name}` stands twice in `{what}`")));
            }
            names.push((item, name));
        }
        Ok(names)
    }

    /// A whole number of at least `least`.
    pub(super) fn as_count(&self, what: &str, least: u64) -> Found<u64> {
        let Content::Integer(value) = self.content else {
            return Err(self.mismatch(what, "a whole number"));
        };
        u64::try_from(value)
            .ok()
            .filter(|count| *count >= least)
            .ok_or_else(|| self.finding(format!("`{what}` must be at least {least}, not {value}")))
    }

    pub(super) fn as_number(&self, what: &str) -> Found<f64> {
        match self.content {
            Content::Integer(value) => Ok(value as f64),
            Content::Float(value) => Ok(value),
            _ => Err(self.mismatch(what, "a number")),
        }
    }

    /// A number above `bound`.
    pub(super) fn as_number_above(&self, what: &str, bound: f64) -> Found<f64> {
        let value = self.as_number(what)?;
        if value > bound {
            return Ok(value);
        }
        Err(self.finding(format!("`{what}` must be above {bound}, not {value}")))
    }

    /// The name of a metric that selection may look at.
    pub(super) fn as_open_metric(&self, what: &str, user: &str) -> Found<String> {
        let metric = self.as_text(what)?;
        if metric.starts_with("test-") {
            return Err(self.finding(format!(
                "{user} may not look at the test split: `{metric}`; use a validation or train metric"
            )));
        }
        Ok(metric.to_owned())
    }
}
