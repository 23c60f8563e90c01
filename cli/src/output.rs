//! Plain tables for listings.

use comfy_table::{ContentArrangement, Table, presets};

/// Rows as an aligned table without borders, at most `width` columns wide.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A number of bytes for people: `1.4 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{n} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

/// Seconds for people: `40 s`, `12 min`, `2.5 h`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        "under 1 s".to_owned()
    } else if seconds < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds < 7200.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.1} h", seconds / 3600.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_well() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
        assert_eq!(duration(0.2), "under 1 s");
        assert_eq!(duration(90.0), "90 s");
        assert_eq!(duration(1800.0), "30 min");
        assert_eq!(duration(9000.0), "2.5 h");
    }

    #[test]
    fn tables_align_and_keep_to_the_width() {
        let rows = vec![
            vec!["a".to_owned(), "one".to_owned()],
            vec!["long-name".to_owned(), "two words ".repeat(10)],
        ];
        let text = table(&["name", "about"], &rows, 40);
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.starts_with("name       about"), "{text}");
    }
}
