//! The command line, as one tree of plain structs.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use converge_bench::study::Size;

/// Tells which claims about a training algorithm hold.
///
/// Runs methods on problems, records every run, and answers each claim of a paper with supported,
/// refuted or inconclusive, at a stated confidence, with the figure that shows it.
#[derive(Debug, Parser)]
#[command(name = "converge", version, max_term_width = 100)]
#[command(after_help = "\
Start with `converge run --quick`: all studies in about a minute, on data that comes with the program.

Exit codes, the first that applies: 2 usage, 1 a cell crashed, timed out or ran out of memory,
4 a verdict opposite to the one expected, 5 inconclusive where a verdict was expected (--strict),
6 nothing was measured.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder that holds traces, figures, verdicts and the report.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "CONVERGE_STORE",
        default_value = "results"
    )]
    pub(crate) store: PathBuf,
    /// When to color: `NO_COLOR` and a terminal that cannot are honored with `auto`.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// No progress, no hints; results and errors only.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Results as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run what is missing, then check and draw into the store, and say where.
    Run(RunArgs),
    /// Count cells, estimate time and disk, state the differences that can be detected.
    Plan(PlanArgs),
    /// Judge the claims on the runs in the store.
    Check(CheckArgs),
    /// Draw the plots of studies.
    Draw(DrawArgs),
    /// Write one self-contained HTML file.
    Report(SelectArgs),
    /// List what there is.
    List(ListArgs),
    /// Show what is done, failed, stale, missing.
    Status(SelectArgs),
    /// Run a recorded cell again and compare digests.
    Replay(ReplayArgs),
    /// Reconstruct an image from your own measurements.
    Reconstruct(ReconstructArgs),
    /// Data sets: what there is, where it lies, bring it here, check it.
    #[command(subcommand)]
    Data(DataCommand),
    /// Write the traces of studies in long format.
    Export(ExportArgs),
    /// Remove runs from the store.
    Forget(ForgetArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Serve cells to a runner on standard input and output.
    #[command(hide = true)]
    Worker,
}

/// Which studies, at which size.
#[derive(Debug, Args)]
pub(crate) struct SelectArgs {
    /// Study files, folders of a paper, or names; all under `figures/` when left out.
    #[arg(value_name = "STUDY")]
    pub(crate) studies: Vec<String>,
    #[command(flatten)]
    pub(crate) size: SizeArgs,
    /// Repetitions, in place of the study's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// Root of all random numbers, in place of the study's: do the verdicts stay?
    #[arg(long, value_name = "N")]
    pub(crate) root: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct SizeArgs {
    /// The study in seconds, on embedded data: a trial of the machinery.
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// The paper's size.
    #[arg(long)]
    pub(crate) full: bool,
}

impl SizeArgs {
    pub(crate) fn size(&self) -> Size {
        match (self.quick, self.full) {
            (true, _) => Size::Quick,
            (_, true) => Size::Full,
            _ => Size::Default,
        }
    }
}

/// How cells run.
#[derive(Debug, Args)]
pub(crate) struct WorkArgs {
    /// Cells at the same time; cells whose seconds count run alone anyway. 0: one per core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) jobs: usize,
    /// Threads inside a cell.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: u32,
    /// Try cells again that crashed, timed out or ran out of memory twice.
    #[arg(long)]
    pub(crate) retry: bool,
    /// Accept results of older code as done.
    #[arg(long)]
    pub(crate) keep_older: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
    /// An inconclusive verdict where one was expected ends with exit code 5.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Do not ask before long work.
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    #[command(flatten)]
    pub(crate) work: WorkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Only these claims.
    #[arg(long, value_name = "ID")]
    pub(crate) claim: Vec<String>,
    /// An inconclusive verdict where one was expected ends with exit code 5.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DrawArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// Kinds of files, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND", default_value = "svg")]
    pub(crate) format: Vec<FigureFormat>,
    /// Resolution of PNG files in pixels per inch: 600 for print, 192 for a web page.
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(36..=2400))]
    pub(crate) dpi: u32,
    /// Also write figures and verdicts beside the study files; needs complete results.
    #[arg(long)]
    pub(crate) publish: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FigureFormat {
    Svg,
    Pdf,
    Png,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: Listing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    Papers,
    Studies,
    Problems,
    Solvers,
    Probes,
    Datasets,
    Metrics,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The run: its identity or the beginning of it, as `status` and `export` show it.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Threads inside the cell; any number gives the same digests.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: u32,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A model file says how the measurements came about and what makes an image of them:

  schema = 1
  [problem]
  shape     = [256, 256]
  operator  = { fourier = { mask = { file = { path = \"mask.npy\" } } } }
  denoiser  = { method = { total-variation = {} } }
  [solver]
  kind      = \"pnp-admm\"
  strength  = 0.02
  [stop]
  iterations = 200

`converge list solvers` shows the methods. Paths are relative to the current directory.")]
pub(crate) struct ReconstructArgs {
    /// The model: operator, data term, denoiser, method, end (TOML).
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// The measurements: NPY, NPZ, HDF5, PNG or TIFF; those that the model names when left out.
    #[arg(value_name = "MEASUREMENTS")]
    pub(crate) measurements: Option<PathBuf>,
    /// NPZ and HDF5: name of the array of measurements.
    #[arg(long, value_name = "NAME", requires = "measurements")]
    pub(crate) dataset: Option<String>,
    /// Folder for image, trace and report; made where it is missing.
    #[arg(long, short, value_name = "DIR", default_value = "reconstruction")]
    pub(crate) output: PathBuf,
    /// Gray values shown as black and as white in the PNG; the least and the largest when left out.
    #[arg(long, value_name = "LOW,HIGH", value_parser = window)]
    pub(crate) window: Option<[f64; 2]>,
    /// Threads.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: u32,
}

/// Two rising numbers with a comma between them.
fn window(text: &str) -> Result<[f64; 2], String> {
    let ends = text.split_once(',').map(|(low, high)| (low.trim().parse(), high.trim().parse()));
    match ends {
        Some((Ok(low), Ok(high))) if f64::is_finite(low) && f64::is_finite(high) && low < high => {
            Ok([low, high])
        }
        _ => Err("two rising numbers, such as 0,1".into()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// The named data sets, and which are here.
    List,
    /// Download data sets to the cache; the only command that uses the network.
    Fetch {
        /// Names; `list` shows them.
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Compare what is here with its checksums.
    Verify {
        /// Names; all that are here when left out.
        names: Vec<String>,
    },
    /// The folders that are searched, in order.
    Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Parquet,
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportNames {
    Converge,
    Benchopt,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) select: SelectArgs,
    /// The format.
    #[arg(long, value_enum)]
    pub(crate) to: ExportFormat,
    /// Column names.
    #[arg(long, value_enum, default_value_t = ExportNames::Converge)]
    pub(crate) names: ExportNames,
    /// The file; `traces.parquet` or `traces.csv` in the store when left out.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// Identities or beginnings of them, or `status=WORD`, `solver=KIND`, `problem=KIND`,
    /// `probe=KIND`, `stale`; all must hold.
    #[arg(required = true, value_name = "SELECTOR")]
    pub(crate) selectors: Vec<String>,
    /// Only say what would go.
    #[arg(long)]
    pub(crate) dry_run: bool,
}
