//! Comma-separated text, one sample a line; the first line is a header if it holds a field that is
//! not a number.

use std::io::BufRead;

use super::array::{Table, integer};
use super::source::Source;
use super::{Column, Features, Shape};
use crate::DataError;

/// Reads all lines; `label` is the column of the class, all others are inputs.
pub(super) fn read<R: BufRead>(source: &mut Source<R>, label: &Column) -> Result<Table, DataError> {
    let (mut labels, mut values, mut width) = (Vec::new(), Vec::new(), 0);
    let mut class_column = 0;
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .from_reader(&mut *source);
    let mut record = ::csv::ByteRecord::new();
    let finding = loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(format!("cannot be read: {error}")),
        }
        let line = record.position().map_or(0, ::csv::Position::line);
        if width == 0 {
            width = record.len();
            match column(label, &record) {
                Ok(index) => class_column = index,
                Err(finding) => break Some(format!("line {line}: {finding}")),
            }
            if record.iter().any(|field| number(field).is_none()) {
                continue;
            }
            if let Column::Name(name) = label {
                break Some(format!("no header line, so there is no column `{name}`"));
            }
        }
        if record.len() != width {
            break Some(format!("line {line}: {} fields, expected {width}", record.len()));
        }
        let bad = |field: &[u8], i: usize, kind| {
            let text = String::from_utf8_lossy(field);
            Some(format!("line {line}, column {i} (from 0): `{text}` is not {kind}"))
        };
        let mut finding = None;
        for (i, field) in record.iter().enumerate() {
            if i == class_column {
                match number(field).and_then(integer) {
                    Some(class) => labels.push(class),
                    None => finding = bad(field, i, "an integer label"),
                }
            } else {
                match number(field).filter(|value| value.is_finite()) {
                    Some(value) => values.push(value),
                    None => finding = bad(field, i, "a finite number"),
                }
            }
        }
        if finding.is_some() {
            break finding;
        }
    };
    drop(reader);
    match finding {
        Some(finding) => Err(source.error(finding)),
        None if labels.is_empty() || width < 2 => Err(source.error(format!(
            "holds {} samples of {} inputs",
            labels.len(),
            width.saturating_sub(1)
        ))),
        None => Ok(Table {
            shape: Shape { channels: 1, rows: 1, columns: width - 1 },
            features: Features::F64(values).narrow(),
            labels,
        }),
    }
}

/// Number of the label's column, given the first line.
fn column(label: &Column, first: &::csv::ByteRecord) -> Result<usize, String> {
    let width = first.len();
    match label {
        Column::Name(name) => first
            .iter()
            .position(|field| field == name.as_bytes())
            .ok_or_else(|| format!("no column is named `{name}`")),
        &Column::Index(index) => {
            let index = if index < 0 { index.saturating_add_unsigned(width as u64) } else { index };
            usize::try_from(index)
                .ok()
                .filter(|&index| index < width)
                .ok_or_else(|| format!("{width} fields, so there is no label column {index}"))
        }
    }
}

fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::hostile::{Damage, fixed, source};
    use super::*;
    use proptest::prelude::*;

    fn table(text: &str, label: &Column) -> Result<Table, String> {
        read(&mut source(text.as_bytes()), label).map_err(|error| error.to_string())
    }

    fn last() -> Column {
        Column::Index(-1)
    }

    #[test]
    fn the_label_is_found_by_number_or_name() {
        let text = "a, class ,b\n0.1,1,2\n3,0,4\n";
        for label in [Column::Index(1), Column::Index(-2), Column::Name("class".into())] {
            let table = table(text, &label).unwrap();
            assert_eq!(table.labels, [1, 0]);
            assert_eq!(table.features, Features::F64(vec![0.1, 2.0, 3.0, 4.0]));
        }
        let bytes = table("1,2,0\n255,4,1", &last()).unwrap();
        assert_eq!(bytes.features, Features::U8 { values: vec![1, 2, 255, 4], scale: 1.0 });
    }

    #[test]
    fn errors_name_the_line_and_the_column() {
        for (text, label, words) in [
            ("1,2\n3,4,5", last(), "line 2: 3 fields, expected 2"),
            ("1,2\nx,4", last(), "line 2, column 0 (from 0): `x` is not a finite number"),
            ("1,2\n1,0.5", last(), "line 2, column 1 (from 0): `0.5` is not an integer label"),
            ("1,2\nnan,1", last(), "`nan` is not a finite number"),
            ("1,2", Column::Index(2), "no label column 2"),
            ("1,2", Column::Index(-3), "no label column -1"),
            ("a,b\n1,2", Column::Name("c".into()), "no column is named `c`"),
            ("1,2\n3,4", Column::Name("1".into()), "no header line"),
            ("", last(), "holds 0 samples"),
            ("a,b\n", last(), "holds 0 samples of 1 inputs"),
            ("1\n2\n", last(), "holds 2 samples of 0 inputs"),
        ] {
            let message = table(text, &label).unwrap_err();
            assert!(message.contains(words), "{text:?}: {message}");
        }
    }

    proptest! {
        #![proptest_config(fixed(256))]

        #[test]
        fn what_was_written_is_read(
            rows in prop::collection::vec(([-1e9..1e9, -1e9..1e9], any::<i32>()), 1..9)
        ) {
            let line = |(x, y): &([f64; 2], i32)| format!("{},{},{y}\n", x[0], x[1]);
            let table = table(&rows.iter().map(line).collect::<String>(), &last()).unwrap();
            for (i, (x, y)) in rows.iter().enumerate() {
                prop_assert_eq!(table.labels[i], i64::from(*y));
                prop_assert_eq!(table.features.get(2 * i).to_bits(), x[0].to_bits());
                prop_assert_eq!(table.features.get(2 * i + 1).to_bits(), x[1].to_bits());
            }
        }

        #[test]
        fn damage_gives_a_table_or_an_error(damage in Damage::any()) {
            let bytes = damage.done_to(b"x,y,class\n1,2.5,0\n\"3\",-4e3,1\n5,6,0\n");
            if let Ok(table) = read(&mut source(&bytes), &last()) {
                prop_assert_eq!(table.features.len(), table.shape.inputs() * table.labels.len());
            }
        }
    }
}
