//! The table of named sets: their files, checksums, places to download from.

/// A set of the catalogue that comes in files.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) terms: &'static str,
    /// Names of its folder inside a data folder; downloads go to the first.
    pub(super) folders: &'static [&'static str],
    pub(super) shape: [usize; 3],
    pub(super) samples: [usize; 2],
    pub(super) form: Form,
    pub(super) files: &'static [FileEntry],
    /// Places to download from, in order; a file's own name is appended. Empty: none.
    pub(super) mirrors: &'static [&'static str],
    /// What to do when there is no download.
    pub(super) by_hand: &'static str,
}

/// A file of a set.
#[derive(Debug)]
pub(super) struct FileEntry {
    /// Names it may have; the first is the one that is downloaded.
    pub(super) names: &'static [&'static str],
    /// SHA-256 of its identity: of the unpacked bytes, or for LIBSVM text, whose spacing differs
    /// between copies, of the numbers. Empty where none is published and we have not seen the file.
    pub(super) sum: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Four IDX files: training images and labels, test images and labels; bytes, 255 is 1.
    Idx,
    /// Two LIBSVM texts.
    Libsvm,
    /// Two CSV texts, the class last; 16 is 1.
    Csv16,
    /// Files of equally many training records and one of test records; the bytes as they are.
    Cifar,
}

const fn idx_files(sums: [&'static str; 4]) -> [FileEntry; 4] {
    [
        FileEntry {
            names: &[
                "train-images-idx3-ubyte.gz",
                "train-images-idx3-ubyte",
                "train-images.idx3-ubyte",
            ],
            sum: sums[0],
        },
        FileEntry {
            names: &[
                "train-labels-idx1-ubyte.gz",
                "train-labels-idx1-ubyte",
                "train-labels.idx1-ubyte",
            ],
            sum: sums[1],
        },
        FileEntry {
            names: &[
                "t10k-images-idx3-ubyte.gz",
                "t10k-images-idx3-ubyte",
                "t10k-images.idx3-ubyte",
            ],
            sum: sums[2],
        },
        FileEntry {
            names: &[
                "t10k-labels-idx1-ubyte.gz",
                "t10k-labels-idx1-ubyte",
                "t10k-labels.idx1-ubyte",
            ],
            sum: sums[3],
        },
    ]
}

static MNIST: [FileEntry; 4] = idx_files([
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
]);

static FASHION: [FileEntry; 4] = idx_files([
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
]);

/// Every set that comes in files, in the order of the listing.
pub(super) static ENTRIES: [Entry; 6] = [
    Entry {
        name: "mnist",
        about: "handwritten digits, 28 x 28",
        terms: "none stated by the makers; doi 10.1109/5.726791",
        folders: &["mnist"],
        shape: [1, 28, 28],
        samples: [60_000, 10_000],
        form: Form::Idx,
        files: &MNIST,
        mirrors: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        by_hand: "",
    },
    Entry {
        name: "fashion-mnist",
        about: "pictures of clothing, 28 x 28",
        terms: "MIT; arXiv 1708.07747",
        folders: &["fashion-mnist"],
        shape: [1, 28, 28],
        samples: [60_000, 10_000],
        form: Form::Idx,
        files: &FASHION,
        mirrors: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
        by_hand: "",
    },
    Entry {
        name: "usps",
        about: "digits of zip codes, 16 x 16, values in [-1, 1]",
        terms: "none stated by the makers; doi 10.1109/34.291440",
        folders: &["usps", "libsvm"],
        shape: [1, 16, 16],
        samples: [7291, 2007],
        form: Form::Libsvm,
        files: &[
            FileEntry {
                names: &["usps.libsvm.gz", "usps.libsvm", "usps.gz", "usps"],
                sum: "684d1ddd8b28500a41e288779d7c19d4f1843e0ca3de288c11f0ecf2c75c4d92",
            },
            FileEntry {
                names: &["usps.t.libsvm.gz", "usps.t.libsvm", "usps.t.gz", "usps.t"],
                sum: "95f6215b4ef5bc3cdfe796de482e9ba2dc5eb4e4b605c1d2d9572695f919b0a3",
            },
        ],
        mirrors: &[],
        by_hand: "it is published as bzip2, which is not unpacked here: download usps.bz2 and \
                  usps.t.bz2 from \
                  https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps and \
                  run bunzip2 on them",
    },
    Entry {
        name: "optdigits",
        about: "handwritten digits, 8 x 8, training and test writers apart",
        terms: "CC BY 4.0; doi 10.24432/C50P49",
        folders: &["optdigits", "digits"],
        shape: [1, 8, 8],
        samples: [3823, 1797],
        form: Form::Csv16,
        files: &[
            FileEntry {
                names: &["optdigits.tra"],
                sum: "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd",
            },
            FileEntry {
                names: &["optdigits.tes"],
                sum: "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
            },
        ],
        mirrors: &["https://archive.ics.uci.edu/ml/machine-learning-databases/optdigits/"],
        by_hand: "",
    },
    Entry {
        name: "cifar-10",
        about: "color pictures of ten things, 32 x 32, bytes",
        terms: "none stated by the makers, research only; \"Learning Multiple Layers of Features from \
                Tiny Images\", University of Toronto, 2009",
        folders: &["cifar-10"],
        shape: [3, 32, 32],
        samples: [50_000, 10_000],
        form: Form::Cifar,
        files: &CIFAR,
        mirrors: &[],
        by_hand: "it is published as a tar archive: unpack the .bin files of cifar-10-binary.tar.gz \
                  (md5 c32a1d4ab5d03f1284b67883e8d87530) from \
                  https://www.cs.toronto.edu/~kriz/cifar.html",
    },
    Entry {
        name: "cifar-10-subset",
        about: "the first 4,000 training and 1,000 test pictures of cifar-10",
        terms: "as cifar-10",
        folders: &["cifar-10"],
        shape: [3, 32, 32],
        samples: [4000, 1000],
        form: Form::Cifar,
        files: &[
            FileEntry {
                names: &["data_batch_1.first4000.bin.gz", "data_batch_1.first4000.bin"],
                sum: "0993cf8b8e43bc207603aef9787006995746513f5e3fa5a52e06d1b069926330",
            },
            FileEntry {
                names: &["test_batch.first1000.bin.gz", "test_batch.first1000.bin"],
                sum: "8314c96d7cd65618193bab23acdd5d4c4af15bf6dd00a1781d55beedf3be1ef5",
            },
        ],
        mirrors: &[],
        by_hand: "cut it from the whole set: the first 12,292,000 bytes of data_batch_1.bin as \
                  data_batch_1.first4000.bin and the first 3,073,000 of test_batch.bin as \
                  test_batch.first1000.bin",
    },
];

/// A batch of the whole CIFAR-10, whose sums we could not see.
const fn batch(names: &'static [&'static str]) -> FileEntry {
    FileEntry { names, sum: "" }
}

static CIFAR: [FileEntry; 6] = [
    batch(&["data_batch_1.bin", "data_batch_1.bin.gz"]),
    batch(&["data_batch_2.bin", "data_batch_2.bin.gz"]),
    batch(&["data_batch_3.bin", "data_batch_3.bin.gz"]),
    batch(&["data_batch_4.bin", "data_batch_4.bin.gz"]),
    batch(&["data_batch_5.bin", "data_batch_5.bin.gz"]),
    batch(&["test_batch.bin", "test_batch.bin.gz"]),
];
