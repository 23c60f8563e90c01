//! Rows of a probe that a figure is held against.

use converge_bench::cell::Task;
use converge_bench::study::StudyError;

use super::{Context, Place};
use crate::plot::curves;

impl Context<'_> {
    /// Columns of the first seed of a probe in the variant of the figure; `None` where it has not run.
    /// `key` is where the section names the probe.
    ///
    /// # Errors
    /// If the probe left no rows, or has no column of a name.
    pub(super) fn table<const N: usize>(
        &self,
        place: &Place<'_>,
        probe: &str,
        key: &str,
        columns: [&str; N],
    ) -> Result<Option<[Vec<f64>; N]>, StudyError> {
        let found = self.runs.iter().find(|(planned, record)| {
            matches!(planned.cell.task, Task::Probe { .. })
                && planned.label.solver == probe
                && planned.label.variant == place.variant
                && record.is_some()
        });
        let Some((planned, Some(record))) = found else { return Ok(None) };
        if record.trace.rows() == 0 {
            let finding = format!("the probe `{probe}` left no rows: {}", record.header.status);
            return Err(place.item.error(key, finding));
        }
        let mut values = [const { Vec::new() }; N];
        for (values, name) in values.iter_mut().zip(columns) {
            let Some(column) = curves::column(planned, record, name) else {
                let finding = format!("the probe `{probe}` has no column `{name}`");
                return Err(place.item.error(key, finding));
            };
            *values = column;
        }
        Ok(Some(values))
    }
}
