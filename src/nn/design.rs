//! What makes a net, but for its images and classes.

use super::NetSpec;
use super::spec::{AUX_CLASSIFIER, CLASSIFIER, is_of};
use crate::recipe::Settings;
use crate::recipe::settings::{Net, Task, is_resnet};

/// A net of a recipe before its images and classes are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// What it learns.
    pub task: Task,
    /// The net.
    pub net: Net,
    /// Whether a net that gives every pixel a class has its auxiliary head.
    pub auxiliary: bool,
}

impl Design {
    /// That of a recipe.
    pub fn of(s: &Settings) -> Design {
        Design { task: s.task, net: s.net.clone(), auxiliary: s.seg.aux }
    }

    /// The net for images of `image_channels` and `classes`.
    pub fn spec(&self, image_channels: usize, classes: usize) -> NetSpec {
        match self.task {
            Task::Classify => NetSpec::new(&self.net, image_channels, classes),
            Task::Segment => NetSpec::segmenting(&self.net, self.auxiliary, image_channels, classes),
        }
    }

    /// The name of a parameter in files for other programs: torchvision calls what is before the classifiers of pixels
    /// `backbone`.
    pub fn outer_name(&self, parameter: &str) -> String {
        let of_classifier = [CLASSIFIER, AUX_CLASSIFIER].iter().any(|head| is_of(head, parameter));
        match self.task {
            Task::Segment if !of_classifier => format!("backbone.{parameter}"),
            _ => parameter.to_string(),
        }
    }

    /// The knobs that give it, as `--set` takes them.
    pub fn knobs(&self) -> Vec<String> {
        let Design { task, net, auxiliary } = self;
        let Net { family, form, depth, variant, width, output_stride, corners, .. } = net;
        let mut sets = vec![
            format!("net.family={}", family.word()),
            format!("net.form={}", form.word()),
            format!("net.depth={depth}"),
        ];
        // Other families have no variants.
        if is_resnet(*family) {
            sets.push(format!("net.variant={}", variant.word()));
        }
        sets.push(format!("net.width={width}"));
        if *output_stride > 0 {
            sets.push(format!("net.output_stride={output_stride}"));
        }
        if *task == Task::Segment {
            sets.push(format!("task={}", task.word()));
            sets.push(format!("net.corners={corners}"));
            sets.push(format!("seg.aux={auxiliary}"));
        }
        sets
    }
}
