//! Gray images.

use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

use super::phantoms::Phantom;
use crate::data::{self, Folders, Numbers};
use crate::{DataError, Seed, SetupError, require};

/// A gray image, column-major like every block of a point: pixel `(r, c)` is `pixels[r + rows * c]`.
/// Values are usually in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Extent down.
    pub rows: usize,
    /// Extent to the right.
    pub columns: usize,
    /// Gray values, column after column.
    pub pixels: Vec<f64>,
}

impl Image {
    /// The image with these values at `(row, column)`.
    pub fn from_fn(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let pixels = (0..rows * columns).map(|i| value(i % rows, i / rows)).collect();
        Self { rows, columns, pixels }
    }

    /// Checks the extents.
    pub(super) fn check_shape(
        &self,
        what: &'static str,
        [rows, columns]: [usize; 2],
    ) -> Result<(), SetupError> {
        for (expected, found) in [(rows, self.rows), (columns, self.columns)] {
            if expected != found {
                return Err(SetupError::Shape { what, expected, found });
            }
        }
        Ok(())
    }

    /// The square of this side: means of squares of pixels as large as the image allows, from its
    /// middle.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] if the image is smaller.
    pub fn squared(&self, side: usize) -> Result<Self, SetupError> {
        let least = self.rows.min(self.columns);
        let holds = (1..=least).contains(&side);
        require("image.side", side, holds, "from 1 to the rows and columns of the image")?;
        let factor = least / side;
        let (up, left) = ((self.rows - factor * side) / 2, (self.columns - factor * side) / 2);
        let middle = Self::from_fn(factor * side, factor * side, |r, c| {
            self.pixels[up + r + self.rows * (left + c)]
        });
        middle.reduced(factor)
    }

    /// The means of squares of `factor x factor` pixels.
    ///
    /// # Errors
    /// [`SetupError::Parameter`] if `factor` does not divide both extents.
    pub fn reduced(&self, factor: usize) -> Result<Self, SetupError> {
        let divides = |extent: usize| factor > 0 && extent.is_multiple_of(factor);
        let holds = divides(self.rows) && divides(self.columns);
        require("image.reduce", factor, holds, "a divisor of rows and columns of the image")?;
        Ok(Self::from_fn(self.rows / factor, self.columns / factor, |r, c| {
            let pixel = |i: usize| {
                let (row, column) = (r * factor + i % factor, c * factor + i / factor);
                self.pixels[row + self.rows * column]
            };
            (0..factor * factor).map(pixel).sum::<f64>() / (factor * factor) as f64
        }))
    }
}

/// An array in a file: PNG, TIFF, NPY, NPZ or HDF5, told by the ending. Paths are relative to the
/// current directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ArrayFile {
    /// The file.
    pub path: PathBuf,
    /// NPZ and HDF5: the name of the array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

impl ArrayFile {
    /// Reads the array; every number is finite.
    ///
    /// # Errors
    /// [`SetupError`] with the file and the finding.
    pub fn read(&self) -> Result<Numbers, SetupError> {
        data::numbers(&self.path, self.dataset.as_deref())
    }
}

impl Numbers {
    /// The array as an image: its two extents are rows and columns.
    ///
    /// # Errors
    /// [`DataError`] if it has not two extents, or is complex.
    pub(super) fn image(&self) -> Result<Image, DataError> {
        self.real("an image")?;
        let &[rows, columns] = &self.extents[..] else {
            let found =
                format!("has extents {:?}, an image has two: rows and columns", self.extents);
            return Err(DataError::new(&self.path, found));
        };
        Ok(Image::from_fn(rows, columns, |r, c| self.values[r * columns + c]))
    }

    /// Refuses complex numbers in the place of `what`.
    pub(super) fn real(&self, what: &str) -> Result<(), DataError> {
        if self.complex {
            let finding = format!("holds complex numbers; {what} is made of real ones");
            return Err(DataError::new(&self.path, finding));
        }
        Ok(())
    }
}

/// Which image is the truth.
///
/// ```toml
/// image = { phantom = { kind = "shepp-logan", rows = 64, columns = 64 } }
/// image = { set = { name = "set12", number = 5, reduce = 4 } }
/// image = { set = { name = "set12", side = 64 } }
/// image = { file = { path = "cells.tif", reduce = 2 } }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ImageChoice {
    /// Generated.
    Phantom(Phantom),
    /// A picture of a named set.
    Set(SetChoice),
    /// A picture or array of the user's.
    File(FileChoice),
}

/// A picture of a named set of pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SetChoice {
    /// Which set.
    pub name: PictureSet,
    /// Number of the picture, from 1; left out, drawn by the seed, each as likely as another, so that
    /// repetitions are a sample of the set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// Squares of this side are averaged to a pixel.
    #[serde(default = "one")]
    pub reduce: usize,
    /// In place of `reduce`: the picture becomes a square of this side. The squares that are averaged
    /// are as large as the picture allows, what is left over is cut from its borders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<usize>,
}

/// Checksums of the pictures of all sets, as `sha256sum` writes them.
const SUMS: &str = include_str!("pictures.sha256");

/// Sets of grayscale PNG files, compared with their published checksums and looked up as `images/NAME` in the folders of [`crate::data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PictureSet {
    /// Twelve customary test images: seven of 256 x 256, five of 512 x 512.
    Set12,
    /// 68 images of the Berkeley segmentation data set, 481 x 321 or 321 x 481.
    Bsd68,
}

/// A picture or array of the user's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileChoice {
    /// The file.
    pub path: PathBuf,
    /// NPZ and HDF5: the name of the array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The stored number that becomes 1, for arrays; integers of a picture go by their bits.
    #[serde(default = "unit")]
    pub peak: f64,
    /// Squares of this side are averaged to a pixel.
    #[serde(default = "one")]
    pub reduce: usize,
}

pub(super) fn one() -> usize {
    1
}

fn unit() -> f64 {
    1.0
}

impl ImageChoice {
    /// The image and what it is called, with its checksum where it is a file. `seed` is used by what is
    /// drawn: phantoms, and pictures of a set without a number.
    ///
    /// # Errors
    /// [`SetupError`] if it is not here, cannot be read, or has impossible numbers.
    pub fn load(&self, seed: Seed) -> Result<(Image, String), SetupError> {
        match self {
            Self::Phantom(phantom) => Ok((phantom.draw(seed)?, phantom.kind.to_string())),
            Self::Set(choice) => {
                let number = choice.number(seed)?;
                let numbers = data::numbers(&choice.path(number)?, None)?;
                choice.verify(number, &numbers)?;
                let name = format!("{} ({})", choice.file(number).display(), numbers.checksum);
                let image = numbers.image()?;
                let image = match choice.side {
                    Some(side) => image.squared(side)?,
                    None => image.reduced(choice.reduce)?,
                };
                Ok((image, name))
            }
            Self::File(choice) => {
                crate::require_positive("image.peak", choice.peak)?;
                let numbers = data::numbers(&choice.path, choice.dataset.as_deref())?;
                let name = format!("{} ({})", choice.path.display(), numbers.checksum);
                let mut image = numbers.image()?;
                image.pixels.iter_mut().for_each(|pixel| *pixel /= choice.peak);
                Ok((image.reduced(choice.reduce)?, name))
            }
        }
    }
}

impl SetChoice {
    /// Which picture.
    fn number(&self, seed: Seed) -> Result<usize, SetupError> {
        let alone = "left out where `side` is given";
        require("image.reduce", self.reduce, self.side.is_none() || self.reduce == 1, alone)?;
        let (count, admissible) = match self.name {
            PictureSet::Set12 => (12, "from 1 to 12"),
            PictureSet::Bsd68 => (68, "from 1 to 68"),
        };
        let drawn = || seed.child("number").rng().random_range(1..=count);
        let number = self.number.unwrap_or_else(drawn);
        require("image.number", number, (1..=count).contains(&number), admissible)?;
        Ok(number)
    }

    /// The picture inside the folder `images` of a data folder.
    fn file(&self, number: usize) -> PathBuf {
        match self.name {
            PictureSet::Set12 => PathBuf::from("set12").join(format!("{number:02}.png")),
            PictureSet::Bsd68 => PathBuf::from("bsd68").join(format!("test{number:03}.png")),
        }
    }

    /// Refuses a file that is not the published one.
    fn verify(&self, number: usize, found: &Numbers) -> Result<(), DataError> {
        let file = self.file(number);
        let mut sums = SUMS.lines().filter_map(|line| line.split_once("  "));
        match sums.find(|(_, name)| file == Path::new(name)) {
            Some((sum, _)) if sum == found.checksum => Ok(()),
            _ => {
                let finding = format!(
                    "has SHA-256 {}, which is not that of the published picture: name it as \
                     `image.file` if it is meant",
                    found.checksum
                );
                Err(DataError::new(&found.path, finding))
            }
        }
    }

    fn path(&self, number: usize) -> Result<PathBuf, SetupError> {
        let set = match self.name {
            PictureSet::Set12 => "set12",
            PictureSet::Bsd68 => "bsd68",
        };
        let folders = Folders::from_environment();
        folders.find(Path::new("images").join(self.file(number))).ok_or_else(|| SetupError::MissingData {
            name: set.to_owned(),
            remedy: format!(
                "put its PNG files into the folder images/{set} of a data folder (CONVERGE_DATA)"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reducing_averages_squares_and_refuses_what_does_not_divide() {
        let image = Image::from_fn(4, 6, |r, c| (10 * r + c) as f64);
        let small = image.reduced(2).unwrap();
        assert_eq!((small.rows, small.columns), (2, 3));
        // Row 2, 3 and column 2, 3.
        assert!((small.pixels[1 + 2] - 27.5).abs() <= 1e-12, "{small:?}");
        let message = image.reduced(4).unwrap_err().to_string();
        assert!(message.contains("image.reduce = 4 is not admissible"), "{message}");
    }

    #[test]
    fn an_array_turns_from_rows_to_columns() {
        let numbers = Numbers {
            path: "a.npy".into(),
            extents: vec![2, 3],
            complex: false,
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            checksum: String::new(),
        };
        let image = numbers.image().unwrap();
        let pixels: Vec<u32> = image.pixels.iter().map(|&pixel| pixel as u32).collect();
        assert_eq!((image.rows, image.columns, pixels), (2, 3, vec![1, 4, 2, 5, 3, 6]));
        let flat = Numbers { extents: vec![6], ..numbers };
        assert!(flat.image().unwrap_err().to_string().contains("has extents [6]"));
    }

    #[test]
    fn every_picture_has_a_checksum_and_another_file_is_refused() {
        for (name, count) in [(PictureSet::Set12, 12), (PictureSet::Bsd68, 68)] {
            for number in 1..=count {
                let choice = SetChoice { name, number: None, reduce: 1, side: None };
                let file = choice.file(number);
                let mut sums = SUMS.lines().filter_map(|line| line.split_once("  "));
                let (sum, _) = sums.find(|(_, name)| file == Path::new(name)).unwrap();
                let mut numbers = Numbers {
                    path: file.clone(),
                    extents: vec![1, 1],
                    complex: false,
                    values: vec![0.0],
                    checksum: sum.into(),
                };
                choice.verify(number, &numbers).unwrap();
                numbers.checksum = sum.replace(['0', '1'], "2");
                let message = choice.verify(number, &numbers).unwrap_err().to_string();
                assert!(message.contains("not that of the published picture"), "{message}");
            }
        }
    }

    #[test]
    fn a_picture_beyond_its_set_is_refused() {
        let choice = |number, side| SetChoice { name: PictureSet::Set12, number, reduce: 2, side };
        let message = choice(Some(13), None).number(Seed::root(0)).unwrap_err().to_string();
        assert!(message.contains("image.number = 13 is not admissible: from 1 to 12"), "{message}");
        let message = choice(None, Some(64)).number(Seed::root(0)).unwrap_err().to_string();
        assert!(message.contains("image.reduce = 2 is not admissible: left out"), "{message}");
    }

    #[test]
    fn seeds_draw_pictures_of_the_whole_set() {
        let choice = SetChoice { name: PictureSet::Set12, number: None, reduce: 1, side: Some(64) };
        let drawn: std::collections::BTreeSet<usize> =
            (0..200).map(|seed| choice.number(Seed::root(seed)).unwrap()).collect();
        // One of twelve is missed by 200 draws with probability 12 (11/12)^200 = 3e-7.
        assert_eq!(drawn, (1..=12).collect());
    }

    #[test]
    fn a_square_is_made_of_the_middle() {
        let image = Image::from_fn(7, 10, |r, c| (10 * r + c) as f64);
        let small = image.squared(3).unwrap();
        // Squares of 2 from row 0 and column 2 on: rows 0, 1 and columns 2, 3.
        assert_eq!((small.rows, small.columns), (3, 3));
        assert!((small.pixels[0] - 7.5).abs() <= 1e-12, "{small:?}");
        assert!(image.squared(8).unwrap_err().to_string().contains("image.side = 8"));
    }
}
