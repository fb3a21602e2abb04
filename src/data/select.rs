//! All images that are at a place, or those of one split, for an evaluation.

use super::image_folder::{self, Role};
use super::opened::{Opened, PHOTOGRAPH, edge};
use super::source::{Joined, Split, set_name};
use super::{DataError, DataSet, LeftOut, kind, opened, resolved};
use crate::recipe::settings::{Data, DataKind, Task};
use std::path::Path;
use std::sync::Arc;

/// All images of a place.
pub(crate) struct All {
    /// What is to be learned of them.
    task: Task,
    /// What it is called.
    pub name: String,
    /// The images.
    pub images: Split,
    /// Names of their classes, by their labels: any number of them.
    pub classes: Vec<String>,
    /// What is there and no part of it.
    pub left_out: Vec<LeftOut>,
}

impl All {
    /// As a set to evaluate, whose labels are those of a net: `meaning` has the net's label for each class here.
    pub fn ready(self, data: &Data, meaning: Vec<usize>, classes: Vec<String>) -> DataSet {
        let All { task, name, images, left_out, .. } = self;
        let (images, spare_val, first_class) = (images.relabelled(meaning), 0, None);
        let all = [images.clone(), images.clone()];
        let opened = Opened {
            task,
            name,
            train: images.clone(),
            test: images,
            classes,
            notes: Vec::new(),
            left_out,
            spare_val,
            first_class,
        };
        opened.ready(data, all)
    }
}

/// Opens every image at the place that the settings name, or every one of a split.
///
/// # Errors
/// Nothing there that is known, a split that is not there, or an image set that is damaged.
pub(crate) fn everything(data: &Data, task: Task, role: Option<Role>) -> Result<All, DataError> {
    let data = &resolved(data)?;
    let path = Path::new(&data.path);
    if kind::of(data, task)? == DataKind::ImageFolder {
        let size = edge(data.size, None).unwrap_or(PHOTOGRAPH);
        let (images, classes, left_out) = match task {
            Task::Classify => image_folder::everything(path, size, role)?,
            Task::Segment => image_folder::masked::everything(path, data, size, role)?,
        };
        return Ok(All { task, name: set_name(path), images, classes, left_out });
    }
    let Opened { task, name, train, test, classes, left_out, .. } = opened(data, task, 0)?;
    let images = match role {
        None => {
            let size = Some(train.height).filter(|_| data.size > 0 || train.stored_shape().is_none());
            Split::new(Arc::new(Joined(vec![train, test])), size)
        }
        Some(Role::Train) => train,
        // These sets have one split beside that for training, whatever it is called.
        Some(Role::Val | Role::Test) => test,
    };
    Ok(All { task, name, images, classes, left_out })
}
