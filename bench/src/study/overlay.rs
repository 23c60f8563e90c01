//! Variants and sizes: tables laid over the file's own.

use super::fields::{known_name, only};
use super::node::{Content, Found, Node, Table};

/// Tables of named sections, which an overlay may remove.
const NAMED: [&str; 5] = ["problem", "solver", "probe", "claim", "plot"];
/// Tables that a study may do without, and which an overlay may remove too.
const OPTIONAL: [&str; 2] = ["reference", "tune"];
/// Tables of single settings, which merge however they are written.
const SETTINGS: [&str; 4] = ["reference", "tune", "limits", "seeds"];
/// What a variant may change.
const OF_VARIANT: [&str; 9] =
    ["problem", "solver", "probe", "reference", "tune", "sampling", "stop", "limits", "outputs"];
/// What a size may change.
const OF_SIZE: [&str; 13] = [
    "problem",
    "solver",
    "probe",
    "reference",
    "tune",
    "sampling",
    "stop",
    "limits",
    "outputs",
    "seeds",
    "claim",
    "plot",
    "variant",
];

/// The file as it reads for one variant at one size: base, variant, size, the size's variant.
///
/// `root` is the whole file; what comes back has neither variants nor sizes in it.
pub(super) fn flatten(root: &Node, variant: Option<&str>, size: Option<&str>) -> Found<Node> {
    let mut base = root.clone();
    let Content::Table(table) = &mut base.content else { return Ok(base) };
    let variants = table.remove("variant");
    let quick = table.remove("quick");
    let full = table.remove("full");
    let mut size = match size {
        Some("quick") => quick,
        Some(_) => full,
        None => None,
    };
    let of_size = size.as_mut().and_then(|node| match &mut node.content {
        Content::Table(table) => table.remove("variant"),
        _ => None,
    });
    let of = |variants: &Option<Node>| {
        let variant = variants.as_ref()?.field(variant?)?;
        Some(variant.clone())
    };
    for overlay in [of(&variants), size, of(&of_size)].into_iter().flatten() {
        let Content::Table(overlay) = overlay.content else { continue };
        lay(table, overlay)?;
    }
    Ok(base)
}

/// Checks the outer form of the overlays, and returns the names of the variants in file order.
pub(super) fn variants(root: &Node, base: &str) -> Found<Vec<String>> {
    let mut names = vec![base.to_owned()];
    if let Some(node) = root.field("variant") {
        for (name, variant) in &node.as_table("variant")?.fields {
            if name == base {
                return Err(variant.finding(format!(
                    "`{name}` is the variant that the file itself describes; `base` names it"
                )));
            }
            only(variant, &format!("[variant.{name}]"), &OF_VARIANT)?;
            names.push(name.clone());
        }
    }
    for size in ["quick", "full"] {
        let Some(node) = root.field(size) else { continue };
        only(node, &format!("[{size}]"), &OF_SIZE)?;
        let Some(variants) = node.field("variant") else { continue };
        for (name, variant) in &variants.as_table("variant")?.fields {
            let known: Vec<&str> = names[1..].iter().map(String::as_str).collect();
            known_name(variant, "variant", name, &known)?;
            only(variant, &format!("[{size}.variant.{name}]"), &OF_VARIANT)?;
        }
    }
    Ok(names)
}

/// Lays the tables of a study over `base`.
fn lay(base: &mut Table, overlay: Table) -> Found<()> {
    for (name, node) in overlay.fields {
        let Some(old) = base.get_mut(&name) else {
            base.set(&name, node);
            continue;
        };
        if matches!(node.content, Content::Bool(false)) && OPTIONAL.contains(&name.as_str()) {
            base.remove(&name);
            continue;
        }
        match (&mut old.content, node.content) {
            (Content::Table(old), Content::Table(new)) if NAMED.contains(&name.as_str()) => {
                for (section, node) in new.fields {
                    lay_section(old, &name, &section, node)?;
                }
            }
            (Content::Table(old), Content::Table(new)) => {
                let whole = new.inline && !SETTINGS.contains(&name.as_str());
                if whole || replaces(old, &new) {
                    *old = new;
                } else {
                    merge(old, new);
                }
            }
            (content, new) => {
                *content = new;
                old.line = node.line;
            }
        }
    }
    Ok(())
}

/// Lays one named section over its namesake; `false` removes it.
fn lay_section(sections: &mut Table, what: &str, name: &str, node: Node) -> Found<()> {
    if let Content::Bool(false) = node.content {
        let known: Vec<&str> = sections.names().collect();
        known_name(&node, what, name, &known)?;
        sections.remove(name);
        return Ok(());
    }
    match (sections.get_mut(name).map(|old| &mut old.content), node.content) {
        (Some(Content::Table(old)), Content::Table(new)) => {
            // Another kind has other keys: nothing of the old section fits it.
            let kind = |table: &Table| table.get("kind").map_or(name.into(), Node::json);
            if new.get("kind").is_some() && kind(&new) != kind(old) {
                *old = new;
            } else {
                merge(old, new);
            }
        }
        (_, content) => sections.set(name, Node { line: node.line, content }),
    }
    Ok(())
}

/// Merges tables field by field. What is not a table on both sides is replaced, and so is a table
/// by one in braces: a reader takes what stands in them for the whole value.
fn merge(base: &mut Table, overlay: Table) {
    for (name, node) in overlay.fields {
        match (base.get_mut(&name), node) {
            (
                Some(Node { content: Content::Table(old), .. }),
                Node { content: Content::Table(new), line },
            ) => {
                if new.inline || replaces(old, &new) {
                    base.set(&name, Node { line, content: Content::Table(new) });
                } else {
                    merge(old, new);
                }
            }
            (_, node) => base.set(&name, node),
        }
    }
}

/// Whether a table under a header or of dotted keys takes the place of another instead of merging
/// with it: one with another `kind` or `rule`, a sweep, and stop rules in the other of their two
/// forms.
fn replaces(old: &Table, new: &Table) -> bool {
    let retagged = ["kind", "rule"].iter().any(|tag| match (old.get(tag), new.get(tag)) {
        (Some(old), Some(new)) => old.json() != new.json(),
        _ => false,
    });
    let either = |key: &str| old.get(key).is_some() || new.get(key).is_some();
    let one = |key: &str| either(key) && !(old.get(key).is_some() && new.get(key).is_some());
    retagged || either("sweep") || one("any")
}
