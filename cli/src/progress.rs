//! How long work shows itself: one line that redraws on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use converge_bench::cell::Stage;
use converge_bench::clock::{Clock, Monotonic};
use converge_bench::conduct::Progress;
use converge_bench::study::{Planned, Study};
use converge_bench::worker::Outcome;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::duration;

/// Least seconds between two plain lines.
const PLAIN_EVERY: f64 = 30.0;

/// The progress of one study on standard error.
pub(crate) struct Shown {
    bar: ProgressBar,
    plain: bool,
    title: String,
    clock: Monotonic,
    last_plain: f64,
    failed: usize,
    ran: usize,
    to_run: usize,
}

impl Shown {
    pub(crate) fn new(study: &Study, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if terminal && !quiet {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        bar.set_style(
            ProgressStyle::with_template("{pos:>5}/{len} cells  {bar:14}  {wide_msg}")
                .expect("the template is a constant")
                .progress_chars("█▓░"),
        );
        Self {
            bar,
            plain: !terminal && !quiet,
            title: format!("{}/{}", study.paper, study.name),
            clock: Monotonic::start(),
            last_plain: 0.0,
            failed: 0,
            ran: 0,
            to_run: 0,
        }
    }

    /// Removes the line, so that the table stands alone.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// The cell, what failed, and the time left at the pace of this stage so far.
    fn message(&mut self, cell: &str) -> String {
        let mut parts = vec![self.title.clone(), cell.to_owned()];
        if self.failed > 0 {
            parts.push(format!("failed {}", self.failed));
        }
        let elapsed = self.clock.now();
        // A first cell holds the building of its instance; its pace says little.
        if self.ran > 1 && elapsed > 2.0 {
            let left = elapsed / self.ran as f64 * (self.to_run - self.ran) as f64;
            parts.push(format!("about {} left", duration(left)));
        }
        parts.join("  ")
    }

    fn print_plain(&mut self) {
        let now = self.clock.now();
        if self.plain && now - self.last_plain >= PLAIN_EVERY {
            self.last_plain = now;
            eprintln!("{}: {}/{} cells, {} failed", self.title, self.ran, self.to_run, self.failed);
        }
    }
}

impl Progress for Shown {
    fn stage(&mut self, stage: Stage, to_run: usize, done: usize) {
        self.clock = Monotonic::start();
        self.last_plain = 0.0;
        (self.ran, self.to_run) = (0, to_run);
        self.bar.set_length(to_run as u64);
        self.bar.set_position(0);
        if to_run > 0 && self.plain {
            let stage = match stage {
                Stage::Reference => "reference",
                Stage::Tune => "tuning",
                Stage::Main => "main",
            };
            eprintln!("{}: {stage} stage, {to_run} cells to run, {done} done before", self.title);
        }
    }

    fn started(&mut self, planned: &Planned) {
        let message = self.message(&name(planned));
        self.bar.set_message(message);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    fn finished(&mut self, planned: &Planned, outcome: &Outcome) {
        self.ran += 1;
        if let Outcome::Finished(record) = outcome
            && !record.header.status.is_result()
        {
            self.failed += 1;
        }
        let message = self.message(&name(planned));
        self.bar.set_message(message);
        self.bar.set_position(self.ran as u64);
        self.print_plain();
    }
}

/// The cell as `solver/problem/seed`.
fn name(planned: &Planned) -> String {
    let label = &planned.label;
    if label.solver == label.problem {
        format!("{}/{}", label.solver, label.seed)
    } else {
        format!("{}/{}/{}", label.curve(), label.problem, label.seed)
    }
}
