//! The tree of a file: every value knows the line it was written on.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake and its line; the file's name joins it at the edge.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) text: String,
}

pub(super) type Found<T> = Result<T, Finding>;

/// A value. Its line is that of its key, or its own for elements of a list.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) content: Content,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Content {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
}

/// Fields in the order of the file.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Table {
    pub(super) fields: Vec<(String, Node)>,
    /// Written as `{ .. }`.
    pub(super) inline: bool,
}

impl Table {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.fields.iter_mut().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Takes a field out.
    pub(super) fn remove(&mut self, name: &str) -> Option<Node> {
        let index = self.fields.iter().position(|(key, _)| key == name)?;
        Some(self.fields.remove(index).1)
    }

    /// Replaces a field, or appends it.
    pub(super) fn set(&mut self, name: &str, node: Node) {
        match self.get_mut(name) {
            Some(old) => *old = node,
            None => self.fields.push((name.to_owned(), node)),
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn json(&self) -> Map<String, Value> {
        self.fields.iter().map(|(name, node)| (name.clone(), node.json())).collect()
    }
}

impl Node {
    /// Parses a file.
    pub(super) fn parse(text: &str) -> Found<Node> {
        let lines = Lines::of(text);
        let root = DeTable::parse(text).map_err(|error| Finding {
            line: error.span().map_or(1, |span| lines.at(&span)),
            text: error.message().replace('\n', "; "),
        })?;
        let table = lines.table(root.get_ref(), false)?;
        Ok(Node { line: 1, content: Content::Table(table) })
    }

    pub(super) fn finding(&self, text: impl Into<String>) -> Finding {
        Finding { line: self.line, text: text.into() }
    }

    pub(super) fn table(&self) -> Option<&Table> {
        match &self.content {
            Content::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn json(&self) -> Value {
        match &self.content {
            Content::Bool(value) => Value::Bool(*value),
            Content::Integer(value) => Value::from(*value),
            // Numbers that are not finite were refused while parsing.
            Content::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
            Content::Text(value) => Value::from(value.as_str()),
            Content::List(items) => Value::Array(items.iter().map(Node::json).collect()),
            Content::Table(table) => Value::Object(table.json()),
        }
    }

    /// A value that stands on no line.
    pub(super) fn of_json(value: &Value) -> Node {
        let content = match value {
            Value::Null => Content::Table(Table::default()),
            Value::Bool(value) => Content::Bool(*value),
            Value::Number(value) => match value.as_i64() {
                Some(value) => Content::Integer(value),
                None => Content::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(value) => Content::Text(value.clone()),
            Value::Array(items) => Content::List(items.iter().map(Self::of_json).collect()),
            Value::Object(map) => {
                let fields = map.iter().map(|(name, value)| (name.clone(), Self::of_json(value)));
                Content::Table(Table { fields: fields.collect(), inline: false })
            }
        };
        Node { line: 0, content }
    }

    /// The value at a path such as `stop.any[1].target`, or the deepest one on the way to it.
    pub(super) fn deepest(&self, path: &str) -> &Node {
        let mut node = self;
        for step in path.split(['.', '[']) {
            let next = match &node.content {
                Content::Table(table) => table.get(step),
                Content::List(items) => {
                    step.trim_end_matches(']').parse::<usize>().ok().and_then(|i| items.get(i))
                }
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        node
    }

    /// What it is, in words.
    pub(super) fn type_name(&self) -> &'static str {
        match self.content {
            Content::Bool(_) => "a boolean",
            Content::Integer(_) => "an integer",
            Content::Float(_) => "a number",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }
}

/// Byte offsets at which lines start.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    fn at(&self, span: &Range<usize>) -> usize {
        self.starts.partition_point(|start| *start <= span.start)
    }

    fn table(&self, table: &DeTable<'_>, inline: bool) -> Found<Table> {
        // The parser sorts by name; the file's order is that of the spans.
        let mut fields: Vec<_> = table.iter().collect();
        fields.sort_by_key(|(key, _)| key.span().start);
        let fields = fields
            .into_iter()
            .map(|(key, value)| {
                let line = self.at(&key.span());
                Ok((key.get_ref().clone().into_owned(), self.node(line, value)?))
            })
            .collect::<Found<_>>()?;
        Ok(Table { fields, inline })
    }

    fn node(&self, line: usize, value: &Spanned<DeValue<'_>>) -> Found<Node> {
        let refuse = |text: String| Err(Finding { line, text });
        let content = match value.get_ref() {
            DeValue::Boolean(value) => Content::Bool(*value),
            DeValue::String(value) => Content::Text(value.clone().into_owned()),
            DeValue::Integer(value) => match i64::from_str_radix(value.as_str(), value.radix()) {
                Ok(value) => Content::Integer(value),
                Err(_) => return refuse(format!("{value} does not fit into 64 bits")),
            },
            DeValue::Float(value) => match value.as_str().parse::<f64>() {
                Ok(value) if value.is_finite() => Content::Float(value),
                _ => return refuse(format!("{value} is not a finite number")),
            },
            DeValue::Datetime(value) => {
                return refuse(format!("{value} is a date; no value of a study is one"));
            }
            DeValue::Array(items) => Content::List(
                items
                    .iter()
                    .map(|item| self.node(self.at(&item.span()), item))
                    .collect::<Found<_>>()?,
            ),
            DeValue::Table(table) => {
                let inline = self.text[value.span().start..].starts_with('{');
                Content::Table(self.table(table, inline)?)
            }
        };
        Ok(Node { line, content })
    }
}
